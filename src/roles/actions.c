/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "roles/actions.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "codec/ip4.h"

enum { IP4_MTU_MIN = 68 }; /* RFC 791 3.2 */
enum { REASON_MAX = 256, ORDINARY_ACTION_OCTETS = 512 };

int actions_init(struct actions *ret)
{
	auto_(freep) struct action *v = calloc(ACTIONS_MAX, sizeof(*v));
	auto_(freep) char *arena = malloc(ACTIONS_ARENA_OCTETS);

	if (!v || !arena)
		return -ENOMEM;
	*ret = (struct actions){ .cap = ACTIONS_MAX, .arena_cap = ACTIONS_ARENA_OCTETS };
	ret->v = TAKE_PTR(v);
	ret->arena = TAKE_PTR(arena);
	return 0;
}

void actions_done(struct actions *a)
{
	free(a->v);
	free(a->arena);
	*a = (struct actions){ 0 };
}

void actions_clear(struct actions *a)
{
	a->n = 0;
	a->arena_n = 0;
}

bool actions_have_room(const struct actions *a, size_t n)
{
	return a->cap - a->n >= n && (a->arena_cap - a->arena_n) / ORDINARY_ACTION_OCTETS >= n;
}

/* The next action, or NULL when the list is full. */
static struct action *push(struct actions *a, enum action_type type)
{
	struct action *at;

	if (a->n == a->cap) {
		a->dropped++;
		return NULL;
	}
	at = &a->v[a->n++];
	*at = (struct action){ .type = type };
	return at;
}

static char *arena_take(struct actions *a, size_t n)
{
	char *at = a->arena + a->arena_n;

	if (a->arena_cap - a->arena_n < n)
		return NULL;
	a->arena_n += n;
	return at;
}

struct wr actions_writer(struct actions *a, size_t n)
{
	char *at = arena_take(a, n);

	if (!at) {
		struct wr full = wr_init((uint8_t *)a->arena, 0);

		full.err = -EMSGSIZE;
		return full;
	}
	return wr_init((uint8_t *)at, n);
}

/* Gives back what a writer took from the end of the arena and did not fill. */
static void trim(struct actions *a, const struct wr *w)
{
	if ((char *)w->end == a->arena + a->arena_n)
		a->arena_n = (size_t)((char *)w->at - a->arena);
}

static struct action *push_written(struct actions *a, enum action_type type, const struct wr *w)
{
	struct action *at;

	if (w->err) {
		a->dropped++;
		return NULL;
	}
	trim(a, w);
	at = push(a, type);
	if (at)
		at->octets = (struct span){ w->start, wr_len(w) };
	return at;
}

void actions_send_datagram(struct actions *a, struct in_addr local, uint16_t local_port, struct in_addr remote,
			   uint16_t remote_port, const struct wr *w)
{
	actions_send_datagram_by(a, 0, local, local_port, remote, remote_port, w);
}

void actions_send_datagram_by(struct actions *a, uint32_t ifindex, struct in_addr local, uint16_t local_port,
			      struct in_addr remote, uint16_t remote_port, const struct wr *w)
{
	struct action *at = push_written(a, ACTION_SEND_DATAGRAM, w);

	if (!at)
		return;
	at->udp.local = local;
	at->udp.local_port = local_port;
	at->udp.remote = remote;
	at->udp.remote_port = remote_port;
	at->udp.ifindex = ifindex;
}

void actions_send_frame(struct actions *a, uint32_t ifindex, const struct wr *w)
{
	struct action *at = push_written(a, ACTION_SEND_FRAME, w);

	if (at)
		at->ifindex = ifindex;
}

void actions_send_packet(struct actions *a, const struct wr *w)
{
	(void)push_written(a, ACTION_SEND_PACKET, w); /* a full list is counted there */
}

void actions_send_own(struct actions *a, const struct wr *w)
{
	(void)push_written(a, ACTION_SEND_OWN, w); /* as above */
}

void actions_send_tunnelled(struct actions *a, const struct tunnel *tunnel, struct span inner)
{
	struct wr w = actions_writer(a, inner.n);
	struct action *at;

	wr_bytes(&w, inner.p, inner.n);
	at = push_written(a, ACTION_SEND_TUNNELLED, &w);
	if (at)
		at->tunnel = *tunnel;
}

static void send_pieces(struct actions *a, const struct tunnel *tunnel, const struct ip4 *ip, uint16_t mtu)
{
	for (size_t at = 0; at < ip->payload.n;) {
		struct wr w = actions_writer(a, mtu);

		ip4_piece_build(&w, ip, mtu, &at);
		if (w.err)
			return;
		actions_send_tunnelled(a, tunnel, (struct span){ w.start, wr_len(&w) });
	}
}

void actions_send_tunnelled_by(struct actions *a, const struct tunnel *tunnel, struct span inner, uint16_t path_mtu)
{
	uint16_t overhead = tunnel_overhead(tunnel);
	struct ip4 ip;

	if (tunnel->encap == ENCAP_UDP && path_mtu >= IP4_MTU_MIN && inner.n + overhead > path_mtu &&
	    ip4_parse(inner.p, inner.n, &ip) == 0 && ip.header_n == IP4_HEADER_OCTETS)
		send_pieces(a, tunnel, &ip, (uint16_t)(path_mtu - overhead));
	else
		actions_send_tunnelled(a, tunnel, inner);
}

void actions_binding_set(struct actions *a, const struct dp_binding *b)
{
	struct action *at = push(a, ACTION_BINDING_SET);

	if (at)
		at->binding = *b;
}

void actions_binding_del(struct actions *a, const struct dp_binding *b)
{
	struct action *at = push(a, ACTION_BINDING_DEL);

	if (at)
		at->binding = *b;
}

void actions_visitor_set(struct actions *a, const struct dp_visitor *v)
{
	struct action *at = push(a, ACTION_VISITOR_SET);

	if (at)
		at->visitor = *v;
}

void actions_visitor_del(struct actions *a, const struct dp_visitor *v)
{
	struct action *at = push(a, ACTION_VISITOR_DEL);

	if (at)
		at->visitor = *v;
}

void actions_port(struct actions *a, enum port_order order, uint32_t ifindex, const uint8_t mac[MAC_OCTETS])
{
	struct action *at = push(a, ACTION_PORT);

	if (!at)
		return;
	at->port.order = order;
	at->port.ifindex = ifindex;
	memcpy(at->port.mac, mac, MAC_OCTETS);
}

static void push_home(struct actions *a, enum action_type type, struct in_addr home)
{
	struct action *at = push(a, type);

	if (at)
		at->home = home;
}

void actions_home_set(struct actions *a, struct in_addr home)
{
	push_home(a, ACTION_HOME_SET, home);
}

void actions_home_del(struct actions *a, struct in_addr home)
{
	push_home(a, ACTION_HOME_DEL, home);
}

void actions_guard_set(struct actions *a, struct in_addr home)
{
	push_home(a, ACTION_GUARD_SET, home);
}

void actions_guard_del(struct actions *a, struct in_addr home)
{
	push_home(a, ACTION_GUARD_DEL, home);
}

void actions_path_set(struct actions *a, const struct dp_path *path)
{
	struct action *at = push(a, ACTION_PATH_SET);

	if (at)
		at->path = *path;
}

void actions_hint_watch(struct actions *a, struct in_addr home)
{
	push_home(a, ACTION_HINT_WATCH, home);
}

static bool copy_key(struct actions *a, struct span key, struct span *ret)
{
	char *to = key.n <= ACTIONS_KEY_MAX ? arena_take(a, key.n) : NULL;

	if (!to) {
		a->dropped++;
		return false;
	}
	memcpy(to, key.p, key.n);
	*ret = (struct span){ (const uint8_t *)to, key.n };
	return true;
}

void actions_store_put(struct actions *a, struct span key, const struct wr *w)
{
	struct action *at = push_written(a, ACTION_STORE_PUT, w);

	if (at && !copy_key(a, key, &at->key))
		a->n--;
}

void actions_store_del(struct actions *a, struct span key)
{
	struct action *at = push(a, ACTION_STORE_DEL);

	if (at && !copy_key(a, key, &at->key))
		a->n--;
}

/* Printable copy of octets a peer chose. */
static const char *copy_text(struct actions *a, struct span text)
{
	char *to = arena_take(a, text.n + 1);

	if (!to)
		return "";
	for (size_t i = 0; i < text.n; i++)
		to[i] = (char)(text.p[i] > 0x20 && text.p[i] < 0x7f ? text.p[i] : '?');
	to[text.n] = '\0';
	return to;
}

/* A text of our own. */
static const char *copy_reason(struct actions *a, const char *text)
{
	size_t n = strlen(text) + 1;
	char *to = arena_take(a, n);

	if (!to)
		return "";
	memcpy(to, text, n);
	return to;
}

void actions_charon(struct actions *a, const struct charon_command *c)
{
	struct action *at = push(a, ACTION_CHARON);

	if (!at)
		return;
	at->charon = *c;
	at->charon.connection = copy_reason(a, c->connection ? c->connection : "");
	at->charon.child = copy_reason(a, c->child ? c->child : "");
	if (c->refused)
		at->charon.refused = copy_reason(a, c->refused);
}

void actions_record(struct actions *a, const struct record *r, struct span nai, const char *reason_fmt, ...)
{
	char reason[REASON_MAX];
	struct action *at;
	va_list ap;

	assert(r->event && reason_fmt);

	va_start(ap, reason_fmt);
	(void)vsnprintf(reason, sizeof(reason), reason_fmt, ap); /* a longer reason is cut, which is fine for people */
	va_end(ap);
	at = push(a, ACTION_RECORD);
	if (!at)
		return;
	at->record = *r;
	at->record.nai = copy_text(a, nai);
	if (!at->record.old_state)
		at->record.old_state = "";
	if (!at->record.new_state)
		at->record.new_state = "";
	at->record.reason = copy_reason(a, reason);
}

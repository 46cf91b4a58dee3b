/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "codec/mip_msg.h"
#include "daemons/daemon.h"
#include "io/agent_watch.h"
#include "io/log.h"
#include "io/now.h"
#include "io/store.h"
#include "io/udp_socket.h"

static int socket_of(const struct daemon *d, uint16_t port)
{
	if (port == MIP_PORT)
		return d->udp;
	for (size_t i = 0; i < d->service_n; i++)
		if (d->services[i].port == port)
			return d->services[i].fd;
	return -1;
}

static void send_datagram(struct daemon *d, const struct action *a)
{
	int fd = socket_of(d, a->udp.local_port);

	if (fd < 0 || udp_socket_send_by(fd, a->udp.ifindex, a->udp.local, a->udp.remote, a->udp.remote_port,
					 (struct span){ 0 }, a->octets) < 0)
		d->send_errors++; /* as good as lost on the way: the role repeats what matters */
}

static void send_frame(struct daemon *d, const struct action *a)
{
	const struct packet_port *port = NULL;
	int r;

	for (size_t i = 0; i < d->port_n; i++)
		if (d->ports[i].ifindex == a->ifindex)
			port = &d->ports[i];
	if (port)
		r = packet_port_send(port, a->octets);
	else if (d->agents >= 0)
		r = agent_watch_send(d->agents, a->ifindex, a->octets);
	else
		r = packet_socket_send(d->layer3.fd, a->ifindex, a->octets);
	if (r < 0)
		d->send_errors++;
}

static int send_through(struct daemon *d, const struct tunnel *t, struct span inner)
{
	static const uint8_t head[MIP_TUNNEL_DATA_OCTETS] = { MIP_TYPE_TUNNEL_DATA, IPPROTO_IPIP };
	int r = -EOPNOTSUPP;

	switch (t->encap) {
	case ENCAP_UDP:
		return udp_socket_send(d->udp, t->local, t->remote, t->remote_port, (struct span){ head, sizeof(head) },
				       inner);
	case ENCAP_GRE:
		return tunnel_socket_send(d->gre, t, inner);
	case ENCAP_MINIMAL:
		r = minimal_send(d->own, t, inner);
		if (r != -EOPNOTSUPP && r != -EMSGSIZE)
			return r;
		break; /* what every tunnel's end understands */
	case ENCAP_IPIP:
	case ENCAP_COUNT:
		break;
	}
	return tunnel_socket_send(d->ipip, &(struct tunnel){ .local = t->local, .remote = t->remote }, inner);
}

static void send_tunnelled(struct daemon *d, const struct action *a)
{
	if (send_through(d, &a->tunnel, a->octets) < 0)
		d->send_errors++;
}

static void send_packet(struct daemon *d, const struct action *a)
{
	int fd = dp_tun_fd(d->dp);

	if (d->home) {
		if (dp_home_inject(d->home, a->octets) < 0)
			d->send_errors++;
		return;
	}
	if (fd < 0 || write(fd, a->octets.p, a->octets.n) < 0)
		d->send_errors++;
}

/* The kernel takes no packet from the TUN that claims to come from itself. */
static void send_own(struct daemon *d, const struct action *a)
{
	if (ip_socket_send(d->own, a->octets) < 0)
		d->send_errors++;
}

static json_t *record_json(const struct daemon *d, const struct record *r)
{
	json_t *j = json_pack("{s:I, s:I, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "time_us", (json_int_t)d->now_unix_us,
			      "mono_us", (json_int_t)d->now.us, "node", d->conf->instance, "role", d->role->name,
			      "level", record_level_names[r->level], "security", r->security, "event", r->event, "nai",
			      r->nai, "reason", r->reason);

	if (!j)
		return NULL;
	(void)json_object_set_new(j, "home", json_address(r->home)); /* without memory, a member is missing */
	(void)json_object_set_new(j, "peer", json_address(r->peer));
	if (r->old_state[0]) {
		(void)json_object_set_new(j, "old", json_string(r->old_state));
		(void)json_object_set_new(j, "new", json_string(r->new_state));
	}
	return j;
}

static void keep_record(struct daemon *d, const struct record *r)
{
	json_t *j = record_json(d, r);

	log_record(r);
	if (!j)
		return;
	if (r->nai[0])
		timeline_add(d->timeline, r->nai, j);
	control_publish(d->control, j);
	json_decref(j);
}

static void note_dp(struct daemon *d, int r, const char *what)
{
	if (r == 0)
		return;
	d->dp_errors++;
	log_line(RECORD_ERR, "event=data_plane_error what=\"%s\" reason=\"%s\"", what, strerror(-r));
}

static void send_to_charon(struct daemon *d, const struct charon_command *c)
{
	if (!d->charon || charon_link_send(d->charon, c) < 0)
		d->send_errors++; /* charon is gone, which the role hears next */
}

static int set_path(struct daemon *d, const struct dp_path *p)
{
	int r = dp_path_set(d->dp, p); /* first: it is what a move waits for */

	return r < 0 ? r : dp_home_prefer(d->home, p->home);
}

/* Its device may be another one than that the path was set for. */
static int set_home(struct daemon *d, struct in_addr a)
{
	int r = dp_home_set(d->home, a);

	return r < 0 || !d->dp ? r : dp_path_renew(d->dp);
}

/* Of a care-of address that the VPN gave, in client mode; else of the home address, which has ways in clear too. */
static enum dp_guard guard_of(const struct daemon *d, const struct action *a)
{
	if (a->type == ACTION_GUARD_DEL)
		return DP_GUARD_OFF;
	return d->dp && !dp_has_vpn_device(d->dp) ? DP_GUARD_BY_ESP : DP_GUARD_ON;
}

/* What a mobile node wants with its home address. */
static void change_home(struct daemon *d, const struct action *a)
{
	if (a->type == ACTION_PATH_SET)
		note_dp(d, set_path(d, &a->path), "set path");
	else if (a->type == ACTION_HOME_SET)
		note_dp(d, set_home(d, a->home), "set home address");
	else if (a->type == ACTION_HOME_DEL)
		note_dp(d, dp_home_del(d->home, a->home), "remove home address");
	else if (a->type == ACTION_HINT_WATCH)
		note_dp(d, d->plain ? plain_watch_set(d->plain, a->home) : 0, "watch for plain packets");
	else
		note_dp(d, dp_home_guard(d->home, a->home, guard_of(d, a)), "guard home address");
}

static void perform(struct daemon *d, const struct action *a)
{
	switch (a->type) {
	case ACTION_SEND_DATAGRAM:
		send_datagram(d, a);
		break;
	case ACTION_SEND_FRAME:
		send_frame(d, a);
		break;
	case ACTION_SEND_TUNNELLED:
		send_tunnelled(d, a);
		break;
	case ACTION_SEND_PACKET:
		send_packet(d, a);
		break;
	case ACTION_SEND_OWN:
		send_own(d, a);
		break;
	case ACTION_BINDING_SET:
		note_dp(d, dp_binding_set(d->dp, &a->binding), "set binding");
		break;
	case ACTION_BINDING_DEL:
		note_dp(d, dp_binding_del(d->dp, &a->binding), "remove binding");
		break;
	case ACTION_VISITOR_SET:
		note_dp(d, dp_visitor_set(d->dp, &a->visitor), "set visitor");
		break;
	case ACTION_VISITOR_DEL:
		note_dp(d, dp_visitor_del(d->dp, &a->visitor), "remove visitor");
		break;
	case ACTION_PORT:
		daemon_order_port(d, a->port.order, a->port.ifindex, a->port.mac);
		break;
	case ACTION_CHARON:
		send_to_charon(d, &a->charon);
		break;
	case ACTION_HOME_SET:
	case ACTION_HOME_DEL:
	case ACTION_GUARD_SET:
	case ACTION_GUARD_DEL:
	case ACTION_PATH_SET:
	case ACTION_HINT_WATCH:
		change_home(d, a);
		break;
	case ACTION_STORE_PUT:
		if (d->store)
			daemon_store_changed(d, store_put(d->store, a->key, a->octets), "write");
		break;
	case ACTION_STORE_DEL:
		if (d->store)
			daemon_store_changed(d, store_del(d->store, a->key), "delete");
		break;
	case ACTION_RECORD:
		keep_record(d, &a->record);
		break;
	}
}

struct instant daemon_now(struct daemon *d)
{
	d->now = now_instant();
	d->now_unix_us = now_unix_us();
	return d->now;
}

static void on_timer(uv_timer_t *t)
{
	struct daemon *d = t->data;

	d->role->on_time(d->state, daemon_now(d), &d->actions);
	daemon_perform(d);
}

static void arm_timer(struct daemon *d)
{
	uint64_t due = d->role->due(d->state), now = now_instant().us;

	daemon_arm_wake(d, due);
	if (due == NEVER)
		(void)uv_timer_stop(&d->timer); /* stopping an idle timer is fine */
	else                                    /* rounded up: a timer that fires early would spin */
		(void)uv_timer_start(&d->timer, on_timer, due > now ? (due - now + 999) / US_PER_MS : 0, 0);
}

void daemon_perform_early(struct daemon *d)
{
	for (size_t i = 0; i < d->actions.n; i++)
		perform(d, &d->actions.v[i]);
	actions_clear(&d->actions);
}

void daemon_perform(struct daemon *d)
{
	daemon_perform_early(d);
	uv_update_time(&d->loop);
	arm_timer(d);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to IKE_SAs and CHILD_SAs, told to the daemon. */
#include <arpa/inet.h>
#include <unistd.h>

#include <encoding/payloads/delete_payload.h>
#include <encoding/payloads/notify_payload.h>
#include <credentials/certificates/x509.h>

#include "plugin.h"
#include "roles/charon.h"

enum { CHARON_TEXT_OCTETS = 256 };

enum { ADDRESS_WAIT_MS = 500 };

static bool is_node;

/* The message this thread is handling. What goes down while it has a DELETE, the peer took down; another IKE_SA that
 * goes down while one is authenticated is that user's former one. */
static __thread struct {
	uint32_t sa;
	bool child, ike, authenticates;
} handled;

void event_put_host(json_t *j, const char *name, const char *port_name, host_t *host)
{
	char text[INET_ADDRSTRLEN] = "";
	chunk_t a;

	if (!host || host->get_family(host) != AF_INET)
		return;
	a = host->get_address(host);
	(void)inet_ntop(AF_INET, a.ptr, text, sizeof(text));   /* large enough */
	(void)json_object_set_new(j, name, json_string(text)); /* without memory, a member is missing: so below */
	if (port_name)
		(void)json_object_set_new(j, port_name, json_integer(host->get_port(host)));
}

static const char *type_name(id_type_t type)
{
	switch ((int)type) {
	case ID_IPV4_ADDR:
		return "ipv4";
	case ID_FQDN:
		return "fqdn";
	case ID_RFC822_ADDR:
		return "email";
	case ID_DER_ASN1_DN:
		return "dn";
	case ID_KEY_ID:
		return "key_id";
	default:
		return "other";
	}
}

static const char *rdn_name(id_part_t part)
{
	switch ((int)part) {
	case ID_PART_RDN_CN:
		return "CN";
	case ID_PART_RDN_O:
		return "O";
	case ID_PART_RDN_OU:
		return "OU";
	case ID_PART_RDN_C:
		return "C";
	case ID_PART_RDN_E:
		return "E";
	default:
		return "X";
	}
}

/* A text that never ends early: when it is full, `n` exceeds its size. */
struct text {
	char s[CHARON_TEXT_OCTETS];
	size_t n;
};

static void put(struct text *t, char c)
{
	if (t->n + 1 < sizeof(t->s))
		t->s[t->n] = c;
	t->n++;
}

/* charon prints a value of a name as it is, so a comma in one could look like the next name: here it cannot. */
static void print_dn(identification_t *id, struct text *t)
{
	enumerator_t *e = id->create_part_enumerator(id);
	id_part_t part;
	chunk_t value;

	while (e->enumerate(e, &part, &value)) {
		if (t->n > 0) {
			put(t, ',');
			put(t, ' ');
		}
		for (const char *name = rdn_name(part); *name; name++)
			put(t, *name);
		put(t, '=');
		for (size_t i = 0; i < value.len; i++) {
			uint8_t c = value.ptr[i];

			if (c == ',' || c == '\\' || c == '"')
				put(t, '\\');
			put(t, c > 0x1f && c < 0x7f ? (char)c : '?');
		}
	}
	e->destroy(e);
}

static void print_identity(identification_t *id, struct text *t)
{
	t->n = 0;
	memset(t->s, 0, sizeof(t->s));
	if (id->get_type(id) == ID_DER_ASN1_DN)
		print_dn(id, t);
	else
		t->n = (size_t)snprintf(t->s, sizeof(t->s), "%Y", id);
	if (t->n >= sizeof(t->s))
		t->s[0] = '\0'; /* cut, it could be somebody else's */
}

static json_t *identity(identification_t *id)
{
	struct text t;

	print_identity(id, &t);
	return json_pack("{s:s, s:s}", "type", type_name(id->get_type(id)), "text", t.s);
}

static void put_names(json_t *j, auth_cfg_t *auth)
{
	certificate_t *cert = auth->get(auth, AUTH_RULE_SUBJECT_CERT);
	json_t *names = json_array();
	identification_t *name;
	enumerator_t *e;
	x509_t *x509;

	if (cert && cert->get_type(cert) == CERT_X509) {
		x509 = (x509_t *)cert;
		e = x509->create_subjectAltName_enumerator(x509);
		while (e->enumerate(e, &name) && json_array_size(names) < CHARON_NAMES_MAX)
			(void)json_array_append_new(names, identity(name));
		e->destroy(e);
	}
	if (json_array_size(names) > 0)
		(void)json_object_set(j, "names", names);
	json_decref(names);
}

/* What the peer proved to be: certificate names and EAP identity of its authentication rounds. */
static void put_authentication(json_t *j, ike_sa_t *ike_sa)
{
	enumerator_t *e = ike_sa->create_auth_cfg_enumerator(ike_sa, false);
	identification_t *eap;
	auth_cfg_t *auth;
	struct text t;

	while (e->enumerate(e, &auth)) {
		put_names(j, auth);
		eap = auth->get(auth, AUTH_RULE_EAP_IDENTITY);
		if (!eap)
			continue;
		print_identity(eap, &t);
		if (eap->get_type(eap) == ID_ANY) /* a name like "*": whose secret it was cannot be told */
			t.s[0] = '\0';
		/* Not left out, for then IDi would count, which with EAP proves nothing; nobody is called that. */
		(void)json_object_set_new(j, "eap", json_string(t.s[0] ? t.s : "?"));
	}
	e->destroy(e);
}

static void put_address(json_t *j, ike_sa_t *ike_sa)
{
	enumerator_t *e = ike_sa->create_virtual_ip_enumerator(ike_sa, is_node);
	host_t *vip;

	while (e->enumerate(e, &vip))
		event_put_host(j, "address", NULL, vip);
	e->destroy(e);
}

json_t *event_new(const char *name, ike_sa_t *ike_sa)
{
	json_t *j = json_pack("{s:s}", "event", name);

	if (!j || !ike_sa)
		return j;
	(void)json_object_set_new(j, "sa", json_integer(ike_sa->get_unique_id(ike_sa)));
	(void)json_object_set_new(j, "connection", json_string(ike_sa->get_name(ike_sa)));
	(void)json_object_set_new(j, "id", identity(ike_sa->get_other_id(ike_sa)));
	event_put_host(j, "local", "local_port", ike_sa->get_my_host(ike_sa));
	event_put_host(j, "remote", "remote_port", ike_sa->get_other_host(ike_sa));
	put_authentication(j, ike_sa);
	put_address(j, ike_sa);
	return j;
}

/* What tells the user's packets from others' where the kernel does ESP. */
static void put_reqid(json_t *j, child_sa_t *child_sa)
{
	(void)json_object_set_new(j, "reqid", json_integer(child_sa->get_reqid(child_sa)));
}

/* Those that carry data: charon keeps one that was rekeyed for a while, and never tells of its end. */
static void put_children(json_t *j, ike_sa_t *ike_sa)
{
	enumerator_t *e = ike_sa->create_child_sa_enumerator(ike_sa);
	child_sa_t *child_sa;
	unsigned n = 0;

	while (e->enumerate(e, &child_sa)) {
		child_sa_state_t state = child_sa->get_state(child_sa);

		if (state != CHILD_INSTALLED && state != CHILD_UPDATING && state != CHILD_REKEYING)
			continue;
		n++;
		put_reqid(j, child_sa); /* the last is the newest */
	}
	e->destroy(e);
	(void)json_object_set_new(j, "children", json_integer(n));
}

static void list_one(uint32_t connection, uint32_t sa)
{
	ike_sa_t *ike_sa = known_checkout(sa);
	json_t *j;

	if (!ike_sa)
		return;
	if (ike_sa->get_state(ike_sa) == IKE_ESTABLISHED || ike_sa->get_state(ike_sa) == IKE_REKEYING) {
		j = event_new("session", ike_sa);
		put_children(j, ike_sa);
		link_send_on(connection, j);
	}
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
}

/* Until there are no others: meanwhile some may come up, or be rekeyed and have another number. */
void events_list(uint32_t connection)
{
	size_t n;

	do {
		uint32_t *sa = known_list(connection, &n);

		for (size_t i = 0; i < n && link_await_room(connection); i++)
			list_one(connection, sa[i]);
		free(sa);
	} while (n > 0 && link_await_room(connection));
	link_send_on(connection, event_new("listed", NULL));
	link_send_kept();
}

void events_refused(ike_sa_t *ike_sa, const char *why)
{
	json_t *j = event_new("refused", ike_sa);

	(void)json_object_set_new(j, "why", json_string(why));
	link_send_or_keep(j);
}

static bool alert(listener_t *this, ike_sa_t *ike_sa, alert_t alert, va_list args)
{
	(void)this;
	(void)args;
	if (!is_node && ike_sa && alert == ALERT_PEER_AUTH_FAILED)
		events_refused(ike_sa, "somebody who claims to be this user failed to prove it");
	return true;
}

static void handle_payload(ike_sa_t *ike_sa, payload_t *payload)
{
	protocol_id_t protocol;

	if (payload->get_type(payload) == PLV2_DELETE) {
		protocol = ((delete_payload_t *)payload)->get_protocol_id((delete_payload_t *)payload);
		handled.child |= protocol == PROTO_ESP;
		handled.ike |= protocol == PROTO_IKE;
	} else if (payload->get_type(payload) == PLV2_NOTIFY && !is_node &&
		   ike_sa->get_state(ike_sa) == IKE_CONNECTING &&
		   ((notify_payload_t *)payload)->get_notify_type((notify_payload_t *)payload) ==
			   AUTHENTICATION_FAILED) {
		events_refused(ike_sa, "somebody who claims to be this user gave up proving it");
	}
}

static bool message(listener_t *this, ike_sa_t *ike_sa, message_t *m, bool incoming, bool plain)
{
	enumerator_t *e;
	payload_t *payload;

	(void)this;
	if (!plain && !incoming && is_node)
		probe_on_message(ike_sa, m);
	if (plain && is_node)
		renew_on_message(ike_sa, m, incoming);
	if (!plain)
		return true;
	memset(&handled, 0, sizeof(handled));
	if (!incoming || !m->get_request(m))
		return true;
	handled.sa = ike_sa->get_unique_id(ike_sa);
	handled.authenticates = m->get_exchange_type(m) == IKE_AUTH;
	if (m->get_exchange_type(m) != INFORMATIONAL)
		return true;
	e = m->create_payload_enumerator(m);
	while (e->enumerate(e, &payload))
		handle_payload(ike_sa, payload);
	e->destroy(e);
	return true;
}

static bool ike_updown(listener_t *this, ike_sa_t *ike_sa, bool up)
{
	json_t *j = event_new(up ? "ike_up" : "ike_down", ike_sa);

	(void)this;
	if (up)
		known_add(ike_sa, true);
	else
		(void)known_remove(ike_sa->get_unique_id(ike_sa));
	if (!up && handled.ike && handled.sa == ike_sa->get_unique_id(ike_sa))
		(void)json_object_set_new(j, "by_peer", json_true());
	else if (!up && handled.authenticates && handled.sa != ike_sa->get_unique_id(ike_sa))
		(void)json_object_set_new(j, "why", json_string("the same identity connected again"));
	link_send(j);
	return true;
}

static bool replaced(ike_sa_t *old, ike_sa_t *new)
{
	json_t *j = event_new("ike_replaced", old);

	(void)json_object_set_new(j, "new_sa", json_integer(new->get_unique_id(new)));
	link_send(j);
	return true;
}

static bool ike_rekey(listener_t *this, ike_sa_t *old, ike_sa_t *new)
{
	(void)this;
	known_add(new, true);
	(void)known_remove(old->get_unique_id(old));
	return replaced(old, new);
}

/* Reauthentication, make before break: both are there for a while, and each tells of its own end. */
static bool ike_reestablish_post(listener_t *this, ike_sa_t *old, ike_sa_t *new, bool initiated)
{
	(void)this;
	return !initiated || replaced(old, new);
}

/* A node hears of attempts that fail, too: it has other gateways to try. Whatever the end was, it is told. */
static bool ike_state_change(listener_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	(void)this;
	if (is_node && state == IKE_CONNECTING)
		known_add(ike_sa, false);
	else if (state == IKE_DESTROYING && known_remove(ike_sa->get_unique_id(ike_sa)))
		link_send(event_new("ike_down", ike_sa));
	return true;
}

/* charon says so before its CHILD_SAs follow; what is sent through them on this news would leave from the address that is
 * gone. */
static bool ike_update(listener_t *this, ike_sa_t *ike_sa, host_t *local, host_t *remote)
{
	(void)this;
	(void)local;
	(void)remote;
	if (ike_sa->get_state(ike_sa) >= IKE_ESTABLISHED) /* before, it is from port 500 to 4500 */
		command_moved(ike_sa->get_unique_id(ike_sa));
	return true;
}

static bool child_updown(listener_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa, bool up)
{
	json_t *j = event_new(up ? "child_up" : "child_down", ike_sa);

	(void)this;
	(void)json_object_set_new(j, "child", json_string(child_sa->get_name(child_sa)));
	if (up)
		put_reqid(j, child_sa);
	if (!up && (handled.child || handled.ike) && handled.sa == ike_sa->get_unique_id(ike_sa))
		(void)json_object_set_new(j, "by_peer", json_true());
	link_send(j);
	if (up && is_node)
		renew_on_child_up(ike_sa);
	return true;
}

static bool is_local(host_t *address)
{
	traffic_selector_t *ts = traffic_selector_create_from_subnet(address->clone(address), 32, 0, 0, 65535);
	host_t *found = NULL;
	bool known = charon->kernel->get_address_by_ts(charon->kernel, ts, &found, NULL) == SUCCESS;

	DESTROY_IF(found);
	ts->destroy(ts);
	return known;
}

/* The kernel has it already, but charon hears of that from another thread, and without it makes no route. */
static void wait_for_address(ike_sa_t *ike_sa)
{
	enumerator_t *e = ike_sa->create_virtual_ip_enumerator(ike_sa, true);
	host_t *vip;

	while (e->enumerate(e, &vip))
		for (unsigned i = 0; i < ADDRESS_WAIT_MS && vip->get_family(vip) == AF_INET && !is_local(vip); i++)
			(void)usleep(1000);
	e->destroy(e);
}

/* Mobile node: the address has to be on its interface before the CHILD_SA comes up, which needs it. */
static bool handle_vips(listener_t *this, ike_sa_t *ike_sa, bool handle)
{
	struct answer answer;
	int r;

	(void)this;
	if (!is_node || !handle)
		return true;
	r = link_ask(event_new("address", ike_sa), &answer);
	if (r < 0)
		DBG1(DBG_IKE, "holdfast: the helper did not confirm the home address: %s", strerror(-r));
	else
		wait_for_address(ike_sa);
	return true;
}

listener_t events_listener = {
	.alert = alert,
	.message = message,
	.ike_updown = ike_updown,
	.ike_rekey = ike_rekey,
	.ike_reestablish_post = ike_reestablish_post,
	.ike_state_change = ike_state_change,
	.ike_update = ike_update,
	.child_updown = child_updown,
	.handle_vips = handle_vips,
};

void events_init(bool node)
{
	is_node = node;
}

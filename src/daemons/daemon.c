/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemons/daemon.h"

#include <cap-ng.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "codec/dhcp4.h"
#include "codec/mip_msg.h"
#include "io/log.h"
#include "io/now.h"
#include "io/udp_socket.h"

enum { LOOPBACK = 1 }; /* its index in every network namespace */

int daemon_ifindexes(char *const *names, size_t n, uint32_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[i] = if_nametoindex(names[i]);
		if (ret[i] != 0)
			continue;
		log_line(RECORD_ERR, "there is no network interface '%s'", names[i]);
		return -ENODEV;
	}
	return 0;
}

int daemon_conf_access(struct kernel_conf *k, char *interface, uint32_t *ret_ifindex)
{
	int r = daemon_ifindexes(&interface, 1, ret_ifindex);

	if (r == 0)
		k->access[k->dp.access_n++] = *ret_ifindex;
	return r;
}

/* Tunnels end at the core interfaces, here as in the kernel programs. By another one comes who plays an agent; by
 * loopback, an agent of this machine. */
static bool is_stray(struct daemon *d, uint32_t ifindex)
{
	for (size_t i = 0; i < d->core_n; i++)
		if (d->core[i] == ifindex)
			return false;
	if (ifindex == LOOPBACK || d->home) /* a mobile node's may come by any link; its path tells */
		return false;
	d->strays++;
	return true;
}

static void on_datagram(void *ctx, const struct datagram *dg)
{
	struct daemon *d = ctx;

	if (dg->payload.n > 0 && dg->payload.p[0] == MIP_TYPE_TUNNEL_DATA && is_stray(d, dg->ifindex))
		return;
	d->role->on_datagram(d->state, daemon_now(d), dg, &d->actions);
	daemon_perform(d);
}

static void on_tunnelled(void *ctx, const struct tunnelled *t)
{
	struct daemon *d = ctx;

	if (is_stray(d, t->ifindex))
		return;
	d->role->on_tunnelled(d->state, daemon_now(d), t, &d->actions);
	daemon_perform(d);
}

static void on_frame(void *ctx, uint32_t ifindex, struct span frame)
{
	struct daemon *d = ctx;

	d->role->on_frame(d->state, daemon_now(d), ifindex, frame, &d->actions);
	daemon_perform(d);
}

static void on_carrier(void *ctx, uint32_t ifindex, bool up)
{
	struct daemon *d = ctx;

	if (d->role->on_carrier) {
		d->role->on_carrier(d->state, daemon_now(d), ifindex, up, &d->actions);
		daemon_perform(d);
	}
	daemon_check_layer3(d, ifindex);
}

static void on_dp_event(void *ctx, const struct dp_event *e)
{
	struct daemon *d = ctx;

	d->role->on_dp_event(d->state, daemon_now(d), e, &d->actions);
	daemon_perform(d);
}

void daemon_keep_watching(uv_poll_t *p, int status, uv_poll_cb readable)
{
	if (status < 0)
		(void)uv_poll_start(p, UV_READABLE, readable); /* as it did the first time */
}

static void udp_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	udp_socket_receive(d->udp, MIP_PORT, on_datagram, d);
	daemon_keep_watching(p, status, udp_readable);
}

static void service_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;
	const struct service *s = container_of(p, struct service, poll);

	(void)events;
	udp_socket_receive(s->fd, s->port, on_datagram, d);
	daemon_keep_watching(p, status, service_readable);
}

static void ipip_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	tunnel_socket_receive(d->ipip, on_tunnelled, d);
	daemon_keep_watching(p, status, ipip_readable);
}

static void gre_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	tunnel_socket_receive(d->gre, on_tunnelled, d);
	daemon_keep_watching(p, status, gre_readable);
}

static void minimal_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	tunnel_socket_receive(d->minimal, on_tunnelled, d);
	daemon_keep_watching(p, status, minimal_readable);
}

static void tun_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;
	static uint8_t packet[RECEIVE_MAX];

	(void)status;
	(void)events;
	for (int i = 0; i < RECEIVE_BATCH; i++) {
		ssize_t n = read(dp_tun_fd(d->dp), packet, sizeof(packet));

		if (n <= 0)
			return;
		d->role->on_packet(d->state, daemon_now(d), (struct span){ packet, (size_t)n }, &d->actions);
		daemon_perform(d);
	}
}

static void events_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)status;
	(void)events;
	dp_events_read(d->dp, on_dp_event, d);
}

static void link_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	link_watch_read(d->links, on_carrier, d);
	daemon_keep_watching(p, status, link_readable);
}

static void port_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;
	const struct packet_port *port = &d->ports[p - d->port_polls];

	(void)events;
	packet_port_receive(port, on_frame, d);
	daemon_keep_watching(p, status, port_readable);
}

int daemon_watch(struct daemon *d, uv_poll_t *p, int fd, uv_poll_cb readable)
{
	int r = uv_poll_init(&d->loop, p, fd);

	p->data = d;
	return r < 0 ? r : uv_poll_start(p, UV_READABLE, readable);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct daemon *d = s->data;

	(void)number;
	uv_stop(&d->loop);
}

static json_t *answer_explain(struct daemon *d, const json_t *request)
{
	const char *nai = json_string_value(json_object_get(request, "nai"));
	json_t *records = nai ? timeline_get(d->timeline, nai) : NULL;

	if (!nai)
		return control_error("usage", "explain needs a member \"nai\"");
	if (!records)
		return control_error("not_found", "nothing is known of this user");
	return json_pack("{s:b, s:o}", "ok", 1, "records", records);
}

static json_t *answer(void *ctx, const char *verb, const json_t *request)
{
	struct daemon *d = ctx;
	json_t *result;

	if (strcmp(verb, "explain") == 0)
		return answer_explain(d, request);
	result = d->role->answer(d, verb, request, daemon_now(d), &d->actions);
	daemon_perform(d);
	return result ? result : control_error("unsupported", "no daemon of this kind does that");
}

static int open_sockets(struct daemon *d, bool dhcp_relay)
{
	uint16_t port;

	d->udp = udp_socket_open(MIP_PORT, false);
	if (d->udp < 0) {
		log_line(RECORD_ERR, "cannot open UDP port %d: %s", MIP_PORT, strerror(-d->udp));
		return d->udp;
	}
	d->ipip = tunnel_socket_open(ENCAP_IPIP);
	d->own = ip_socket_open();
	if (d->ipip < 0 || d->own < 0) {
		int r = d->ipip < 0 ? d->ipip : d->own;

		log_line(RECORD_ERR, "cannot open a raw socket (CAP_NET_RAW is needed): %s", strerror(-r));
		return r;
	}
	return dhcp_relay ? daemon_add_udp(d, DHCP4_SERVER_PORT, &port) : 0;
}

static int check_forwarding(void)
{
	char on = '0';
	FILE *f = fopen("/proc/sys/net/ipv4/ip_forward", "re");

	if (f) {
		on = (char)fgetc(f);
		(void)fclose(f); /* only read */
	}
	if (on == '1')
		return 0;
	log_line(RECORD_ERR, "IPv4 forwarding is off: set net.ipv4.ip_forward = 1 (see packaging/sysctl)");
	return -EHOSTUNREACH;
}

int daemon_open_plain(struct daemon *d, const struct role *role, const struct daemon_conf *conf)
{
	int r;

	d->role = role;
	d->conf = conf;
	d->udp = d->ipip = d->gre = d->minimal = d->own = d->icmp = d->agents = d->wake = d->layer3.fd = -1;
	r = actions_init(&d->actions);
	if (r == 0)
		r = timeline_new(&d->timeline);
	if (r == 0)
		r = uv_loop_init(&d->loop);
	d->has_loop = r == 0;
	return r;
}

int daemon_open(struct daemon *d, const struct role *role, const struct daemon_conf *conf,
		const struct dp_conf *dp_conf, bool dhcp_relay)
{
	const char *why = "";
	int r = daemon_open_plain(d, role, conf);

	if (r == 0)
		r = check_forwarding();
	if (r == 0)
		r = open_sockets(d, dhcp_relay);
	if (r < 0)
		return r;
	d->core = dp_conf->core;
	d->core_n = dp_conf->core_n;
	r = dp_open(dp_conf, &d->dp, &why);
	if (r < 0) {
		log_line(RECORD_ERR, "%s: %s", why, strerror(-r));
		return r;
	}
	return link_watch_open(&d->links);
}

int daemon_add_encapsulations(struct daemon *d, bool gre, bool minimal)
{
	int r = 0;

	if (gre)
		r = d->gre = tunnel_socket_open(ENCAP_GRE);
	if (minimal && r >= 0)
		r = d->minimal = tunnel_socket_open(ENCAP_MINIMAL);
	if (r < 0)
		log_line(RECORD_ERR, "cannot open a raw socket (CAP_NET_RAW is needed): %s", strerror(-r));
	return r < 0 ? r : 0;
}

int daemon_add_port(struct daemon *d, const char *interface, enum packet_port_use use)
{
	int r = d->port_n < PORTS_MAX ? packet_port_open(interface, use, &d->ports[d->port_n]) : -ENOSPC;

	if (r < 0)
		log_line(RECORD_ERR, "cannot listen on interface '%s': %s", interface, strerror(-r));
	else
		d->port_n++;
	return r;
}

static void on_charon(void *ctx, const struct charon_event *e)
{
	struct daemon *d = ctx;

	d->role->on_charon(d->state, daemon_now(d), e, &d->actions);
	daemon_perform(d);
}

static void on_icmp(void *ctx, const struct unreachable *u)
{
	struct daemon *d = ctx;

	d->role->on_unreachable(d->state, daemon_now(d), u, &d->actions);
	daemon_perform(d);
}

static void icmp_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	icmp_watch_read(d->icmp, on_icmp, d);
	daemon_keep_watching(p, status, icmp_readable);
}

int daemon_add_icmp(struct daemon *d)
{
	d->icmp = icmp_watch_open();
	return d->icmp < 0 ? d->icmp : daemon_watch(d, &d->icmp_poll, d->icmp, icmp_readable);
}

int daemon_add_charon(struct daemon *d)
{
	int r = charon_link_open(&d->loop, d->conf->run_dir, d->conf->instance, on_charon, d, &d->charon);

	if (r < 0)
		log_line(RECORD_ERR, "cannot listen for charon at %s/%s.charon: %s", d->conf->run_dir,
			 d->conf->instance, strerror(-r));
	return r;
}

static int start_watching(struct daemon *d)
{
	int r = d->udp >= 0 ? daemon_watch(d, &d->udp_poll, d->udp, udp_readable) : 0;

	if (r == 0 && d->ipip >= 0)
		r = daemon_watch(d, &d->ipip_poll, d->ipip, ipip_readable);
	if (r == 0 && d->gre >= 0)
		r = daemon_watch(d, &d->gre_poll, d->gre, gre_readable);
	if (r == 0 && d->minimal >= 0)
		r = daemon_watch(d, &d->minimal_poll, d->minimal, minimal_readable);
	for (size_t i = 0; r == 0 && i < d->service_n; i++)
		r = daemon_watch(d, &d->services[i].poll, d->services[i].fd, service_readable);
	if (r == 0 && d->dp && dp_tun_fd(d->dp) >= 0)
		r = daemon_watch(d, &d->tun_poll, dp_tun_fd(d->dp), tun_readable);
	if (r == 0 && d->dp)
		r = daemon_watch(d, &d->events_poll, dp_events_fd(d->dp), events_readable);
	if (r == 0 && d->links)
		r = daemon_watch(d, &d->link_poll, link_watch_fd(d->links), link_readable);
	for (size_t i = 0; r == 0 && i < d->port_n; i++)
		r = daemon_watch(d, &d->port_polls[i], d->ports[i].fd, port_readable);
	return r;
}

static int start_signals(struct daemon *d)
{
	int r = uv_signal_init(&d->loop, &d->terminate);

	if (r == 0)
		r = uv_signal_init(&d->loop, &d->interrupt);
	d->terminate.data = d->interrupt.data = d;
	if (r == 0)
		r = uv_signal_start(&d->terminate, on_signal, SIGTERM);
	if (r == 0)
		r = uv_signal_start(&d->interrupt, on_signal, SIGINT);
	(void)signal(SIGPIPE, SIG_IGN); /* a client that closes is no reason to die */
	return r;
}

/* Everything is open: what is needed from here on is addresses, and where packets are forwarded map updates, frames and
 * packets. */
static int drop_privileges(const struct daemon *d)
{
	int r;

	if (geteuid() != 0 && !capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
		return 0;
	capng_clear(CAPNG_SELECT_BOTH);
	r = capng_update(CAPNG_ADD, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED), CAP_NET_ADMIN);
	if (r == 0 && d->dp)
		r = capng_updatev(CAPNG_ADD, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED), CAP_NET_RAW, CAP_BPF,
				  -1);
	return r < 0 || capng_apply(CAPNG_SELECT_BOTH) < 0 ? -EPERM : 0;
}

/* systemd's readiness protocol is one datagram. */
static void notify_ready(void)
{
	static const char ready[] = "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	auto_(closep) int fd = -1;

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) /* nobody listening is fine */
		(void)sendto(fd, ready, strlen(ready), 0, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

int daemon_run(struct daemon *d, void *state)
{
	int r = uv_timer_init(&d->loop, &d->timer);

	d->state = state;
	d->timer.data = d;
	if (r == 0)
		r = start_watching(d);
	if (r == 0)
		r = start_signals(d);
	if (r == 0)
		r = daemon_start_store(d);
	if (r == 0)
		r = control_open(&d->loop, d->conf->run_dir, d->conf->instance, answer, d, &d->control);
	if (r < 0) {
		log_line(RECORD_ERR, "cannot start: %s (control socket in %s)", uv_strerror(r), d->conf->run_dir);
		return r;
	}
	r = drop_privileges(d);
	if (r < 0)
		log_line(RECORD_WARN, "privileges could not be dropped");
	log_line(RECORD_NOTICE, "event=started instance=%s version=%s", d->conf->instance, HF_VERSION);
	notify_ready();
	daemon_perform(d);
	daemon_start_layer3(d);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT); /* says only whether handles are left */
	log_line(RECORD_NOTICE, "event=stopped instance=%s reason=\"%s\"", d->conf->instance,
		 d->dp ? "forwarding goes on in the kernel" : "charon keeps its tunnel");
	return 0;
}

static void close_handle(uv_handle_t *h, void *ctx)
{
	struct daemon *d = ctx;

	(void)d;
	if (!uv_is_closing(h) && h->type != UV_NAMED_PIPE)
		uv_close(h, NULL);
}

void daemon_close(struct daemon *d)
{
	if (d->control)
		control_close(d->control);
	charon_link_close(d->charon);
	daemon_close_authenticators(d);
	if (d->has_loop) {
		uv_walk(&d->loop, close_handle, d);
		(void)uv_run(&d->loop, UV_RUN_DEFAULT); /* close callbacks */
		(void)uv_loop_close(&d->loop);          /* nothing is left in it */
	}
	for (size_t i = 0; i < d->port_n; i++)
		closep(&d->ports[i].fd);
	closep(&d->udp);
	for (size_t i = 0; i < d->service_n; i++)
		closep(&d->services[i].fd);
	closep(&d->ipip);
	closep(&d->gre);
	closep(&d->minimal);
	closep(&d->own);
	closep(&d->icmp);
	closep(&d->agents);
	closep(&d->wake);
	closep(&d->layer3.fd);
	link_watch_closep(&d->links);
	net_watch_closep(&d->net);
	dp_home_closep(&d->home);
	plain_watch_closep(&d->plain);
	daemon_close_store(d);
	dp_closep(&d->dp);
	timeline_freep(&d->timeline);
	actions_done(&d->actions);
}

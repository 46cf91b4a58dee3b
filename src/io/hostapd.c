/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One datagram socket to hostapd, as of hostapd 2.x: it answers every command, in order, and in between tells what happens
 * as "<LEVEL>EVENT ...". The next command waits for the answer to the last, for hostapd's queue is short.
 *
 * The socket is connected: then nobody else can speak to us, and a hostapd that was restarted in between is not mistaken for
 * the one before, which knew us. */
#include "io/hostapd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "codec/radius.h"

enum { MESSAGE_MAX = 4096, MESSAGES_PER_CALL = 64, TICK_MS = 1000, WAITING_MAX = 256, COMMAND_MAX = 64 };

enum command { NONE, ATTACH, LIST, PING, REAUTHENTICATE, NEW_STATION, DEAUTHENTICATE };

struct waiting {
	enum port_order order;
	uint8_t mac[MAC_OCTETS];
};

struct hostapd {
	uv_poll_t poll; /* first of the two handles; the memory goes when both are closed */
	uv_timer_t timer;
	unsigned open_handles;
	uv_loop_t *loop;
	int fd;
	struct hostapd_place place;
	void (*fn)(void *ctx, const struct port_event *e);
	void *ctx;
	bool attached;
	bool told;                          /* fn() believes that it is there */
	enum command asked;                 /* its answer is awaited */
	bool late;                          /* for a tick at least */
	struct waiting orders[WAITING_MAX]; /* a ring */
	size_t first, n;
};

static const struct {
	const char *name;
	enum port_event_type type;
} event_names[] = {
	{ "CTRL-EVENT-EAP-STARTED ", PORT_STARTED },
	{ "AP-STA-CONNECTED ", PORT_OPENED },
	{ "AP-STA-DISCONNECTED ", PORT_CLOSED },
	{ "CTRL-EVENT-EAP-TIMEOUT-FAILURE ", PORT_SILENT },  /* not even an identity */
	{ "CTRL-EVENT-EAP-TIMEOUT-FAILURE2 ", PORT_SILENT }, /* in the middle */
};

/* It is gone, and with it what it was told. */
static void lose(struct hostapd *h)
{
	h->attached = false;
	h->asked = NONE;
	h->n = 0;
}

static void ask(struct hostapd *h, enum command command, const char *text)
{
	if (send(h->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		lose(h); /* its answer would be missing; found again by the timer */
	else
		h->asked = command;
	h->late = false;
}

static void ask_about(struct hostapd *h, enum command command, const char *verb, const uint8_t mac[MAC_OCTETS])
{
	char text[COMMAND_MAX];

	(void)snprintf(text, sizeof(text), "%s %02x:%02x:%02x:%02x:%02x:%02x", verb, mac[0], mac[1], mac[2], mac[3],
		       mac[4], mac[5]); /* fits */
	ask(h, command, text);
}

static void next_order(struct hostapd *h)
{
	const struct waiting *w = &h->orders[h->first];

	if (h->asked != NONE || h->n == 0)
		return;
	switch (w->order) {
	case PORT_START:
		ask_about(h, REAUTHENTICATE, "EAPOL_REAUTH", w->mac);
		break;
	case PORT_END:
		ask_about(h, DEAUTHENTICATE, "DEAUTHENTICATE", w->mac);
		break;
	}
}

static bool read_mac(const char *text, uint8_t ret[MAC_OCTETS])
{
	return radius_mac((struct span){ (const uint8_t *)text, strlen(text) }, ret); /* written as there */
}

static void take_attached(struct hostapd *h, bool good)
{
	h->attached = good;
	if (!good)
		return;
	h->told = true;
	ask(h, LIST, "STA-FIRST");
	h->fn(h->ctx, &(struct port_event){ .type = PORT_LINKED, .ifindex = h->place.ifindex });
}

/* Return: there may be more. */
static bool take_listed(struct hostapd *h, const char *text)
{
	struct port_event e = { .type = PORT_KNOWN, .ifindex = h->place.ifindex };

	if (!read_mac(text, e.mac))
		return false;
	ask_about(h, LIST, "STA-NEXT", e.mac);
	h->fn(h->ctx, &e);
	return true;
}

static void take_answer(struct hostapd *h, const char *text)
{
	const struct waiting *w = &h->orders[h->first];
	enum command asked = h->asked;
	bool good = strncmp(text, "FAIL", 4) != 0 && strncmp(text, "UNKNOWN", 7) != 0;

	if ((strncmp(text, "PONG", 4) == 0) != (asked == PING))
		return; /* late, to a question given up */
	h->asked = NONE;
	switch (asked) {
	case NONE:
		return;
	case ATTACH:
		take_attached(h, good);
		return;
	case LIST:
		if (take_listed(h, text))
			return;
		break;
	case PING:
		break;
	case REAUTHENTICATE:
		if (!good) { /* it has no entry for it; and where it has one it takes no new one */
			ask_about(h, NEW_STATION, "NEW_STA", w->mac);
			return;
		}
		/* fall through */
	case NEW_STATION:
	case DEAUTHENTICATE: /* of somebody unknown: so much the better */
		h->first = (h->first + 1) % WAITING_MAX;
		h->n--;
		break;
	}
	next_order(h);
}

static void take_event(struct hostapd *h, const char *text)
{
	struct port_event e = { .ifindex = h->place.ifindex };

	if (strncmp(text, "CTRL-EVENT-TERMINATING", sizeof("CTRL-EVENT-TERMINATING") - 1) == 0) {
		lose(h);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
		size_t n = strlen(event_names[i].name);

		if (strncmp(text, event_names[i].name, n) != 0 || !read_mac(text + n, e.mac))
			continue;
		e.type = event_names[i].type;
		h->fn(h->ctx, &e);
		return;
	}
}

static void readable(uv_poll_t *p, int status, int events)
{
	struct hostapd *h = container_of(p, struct hostapd, poll);
	char text[MESSAGE_MAX + 1];

	(void)events;
	for (int i = 0; i < MESSAGES_PER_CALL; i++) {
		ssize_t n = recv(h->fd, text, MESSAGE_MAX, MSG_DONTWAIT);
		const char *event;

		if (n < 0)
			break;
		text[n] = '\0';
		event = text[0] == '<' ? strchr(text, '>') : NULL;
		if (event)
			take_event(h, event + 1);
		else
			take_answer(h, text);
	}
	if (status < 0) /* libuv gave up on an error that reading took away */
		(void)uv_poll_start(p, UV_READABLE, readable);
}

static bool find(struct hostapd *h)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = h->place.path;
	struct stat st;
	int n;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", path, h->place.interface);
	else
		n = snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	return n >= 0 && (size_t)n < sizeof(to.sun_path) && connect(h->fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static void on_timer(uv_timer_t *t)
{
	struct hostapd *h = container_of(t, struct hostapd, timer);

	if (h->asked != NONE && h->late)
		lose(h);
	h->late = true;
	if (h->attached && h->asked == NONE)
		ask(h, PING, "PING");  /* fails when it is gone, whether or not another took its place */
	if (h->told && !h->attached) { /* here and not when it shows: then somebody may be giving an order */
		h->told = false;
		h->fn(h->ctx, &(struct port_event){ .type = PORT_LOST, .ifindex = h->place.ifindex });
	}
	if (!h->attached && h->asked == NONE && find(h))
		ask(h, ATTACH, "ATTACH");
}

static int open_socket(struct hostapd *h)
{
	auto_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int n = snprintf(own.sun_path, sizeof(own.sun_path), "%s", h->place.own);

	if (fd < 0)
		return -errno;
	if (n < 0 || (size_t)n >= sizeof(own.sun_path) || strlen(h->place.path) >= sizeof(own.sun_path))
		return -ENAMETOOLONG;
	(void)unlink(own.sun_path); /* of an earlier run, if any */
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		return -errno;
	h->fd = TAKE_FD(fd);
	return 0;
}

static int watch(struct hostapd *h)
{
	int r = uv_poll_init(h->loop, &h->poll, h->fd);

	if (r < 0)
		return r;
	h->open_handles++;
	r = uv_timer_init(h->loop, &h->timer);
	if (r < 0)
		return r;
	h->open_handles++;
	r = uv_poll_start(&h->poll, UV_READABLE, readable);
	return r < 0 ? r : uv_timer_start(&h->timer, on_timer, 0, TICK_MS);
}

int hostapd_open(uv_loop_t *loop, const struct hostapd_place *place, void (*fn)(void *ctx, const struct port_event *e),
		 void *ctx, struct hostapd **ret)
{
	struct hostapd *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->loop = loop;
	h->fd = -1;
	h->place = *place;
	h->fn = fn;
	h->ctx = ctx;
	r = open_socket(h);
	if (r == 0)
		r = watch(h);
	if (r < 0) {
		hostapd_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

static void release(struct hostapd *h)
{
	closep(&h->fd);
	free(h);
}

static void on_closed(uv_handle_t *handle)
{
	struct hostapd *h = handle->data;

	if (--h->open_handles == 0)
		release(h);
}

void hostapd_close(struct hostapd *h)
{
	unsigned handles;

	if (!h)
		return;
	if (h->fd >= 0)
		(void)unlink(h->place.own);
	handles = h->open_handles;
	if (handles == 0) {
		release(h);
		return;
	}
	h->poll.data = h->timer.data = h;
	uv_close((uv_handle_t *)&h->poll, on_closed);
	if (handles > 1)
		uv_close((uv_handle_t *)&h->timer, on_closed);
}

int hostapd_tell(struct hostapd *h, enum port_order order, const uint8_t mac[MAC_OCTETS])
{
	struct waiting *w = &h->orders[(h->first + h->n) % WAITING_MAX];

	if (!h->attached)
		return -ENOTCONN;
	if (h->n == WAITING_MAX)
		return -ENOSPC;
	w->order = order;
	memcpy(w->mac, mac, sizeof(w->mac));
	h->n++;
	next_order(h);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/hostapd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

enum { MESSAGE_MAX = 2048, MESSAGES_PER_CALL = 64, ALIVE_EVERY_MS = 2000, PATH_OCTETS = 108 };

struct hostapd {
	uv_poll_t poll; /* first of the two handles; the memory goes when both are closed */
	uv_timer_t timer;
	unsigned open_handles;
	uv_loop_t *loop;
	int fd;
	bool attached;
	uint32_t ifindex;
	void (*fn)(void *ctx, uint32_t ifindex, const uint8_t mac[6], bool up);
	void *ctx;
	struct sockaddr_un peer;
	char own[PATH_OCTETS];
};

static const char *const verbs[HOSTAPD_VERB_COUNT] = {
	[HOSTAPD_START] = "NEW_STA",
	[HOSTAPD_AGAIN] = "EAPOL_REAUTH",
	[HOSTAPD_END] = "DEAUTHENTICATE",
};

static int send_text(struct hostapd *h, const char *text)
{
	ssize_t n = sendto(h->fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&h->peer, sizeof(h->peer));

	return n < 0 ? -errno : 0;
}

/* "CTRL-EVENT..." in front of a MAC address; anything else is none of ours. */
static bool read_event(const char *text, const char *event, uint8_t ret_mac[6])
{
	size_t n = strlen(event);

	return strncmp(text, event, n) == 0 &&
	       sscanf(text + n, " %2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &ret_mac[0], &ret_mac[1], &ret_mac[2],
		      &ret_mac[3], &ret_mac[4], &ret_mac[5]) == 6;
}

static void take_message(struct hostapd *h, char *text)
{
	uint8_t mac[6];

	if (text[0] == '<') { /* "<3>EVENT ..." */
		text = strchr(text, '>');
		if (!text)
			return;
		text++;
	}
	if (strncmp(text, "OK", 2) == 0 || strncmp(text, "PONG", 4) == 0)
		h->attached = true;
	else if (strncmp(text, "CTRL-EVENT-TERMINATING", 22) == 0)
		h->attached = false;
	else if (read_event(text, "AP-STA-CONNECTED", mac))
		h->fn(h->ctx, h->ifindex, mac, true);
	else if (read_event(text, "AP-STA-DISCONNECTED", mac))
		h->fn(h->ctx, h->ifindex, mac, false);
}

static void readable(uv_poll_t *p, int status, int events)
{
	struct hostapd *h = container_of(p, struct hostapd, poll);
	char text[MESSAGE_MAX + 1];

	(void)status; /* an error shows when we send */
	(void)events;
	for (int i = 0; i < MESSAGES_PER_CALL; i++) {
		ssize_t n = recv(h->fd, text, MESSAGE_MAX, MSG_DONTWAIT);

		if (n <= 0)
			return;
		text[n] = '\0';
		take_message(h, text);
	}
}

/* A hostapd that was restarted knows nothing of us: it is asked whether it does, and told again. */
static void on_timer(uv_timer_t *t)
{
	struct hostapd *h = container_of(t, struct hostapd, timer);

	if (h->attached && send_text(h, "PING") == 0) {
		h->attached = false; /* until it answers */
		return;
	}
	h->attached = false;
	(void)send_text(h, "ATTACH"); /* it is not there yet: tried again */
}

static int open_socket(struct hostapd *h, const char *path, const char *own_dir)
{
	auto_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int n = snprintf(h->own, sizeof(h->own), "%s/hostapd-%u", own_dir, h->ifindex);

	if (fd < 0)
		return -errno;
	if (n < 0 || (size_t)n >= sizeof(own.sun_path) || strlen(path) >= sizeof(h->peer.sun_path))
		return -ENAMETOOLONG;
	memcpy(own.sun_path, h->own, (size_t)n + 1);
	h->peer.sun_family = AF_UNIX;
	memcpy(h->peer.sun_path, path, strlen(path) + 1);
	(void)unlink(h->own); /* of an earlier run, if any */
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
	return r < 0 ? r : uv_timer_start(&h->timer, on_timer, 0, ALIVE_EVERY_MS);
}

int hostapd_open(uv_loop_t *loop, const char *path, const char *own_dir, uint32_t ifindex,
		 void (*fn)(void *ctx, uint32_t ifindex, const uint8_t mac[6], bool up), void *ctx,
		 struct hostapd **ret)
{
	struct hostapd *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->loop = loop;
	h->fd = -1;
	h->ifindex = ifindex;
	h->fn = fn;
	h->ctx = ctx;
	r = open_socket(h, path, own_dir);
	if (r == 0)
		r = watch(h);
	if (r < 0) {
		hostapd_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct hostapd *h = handle->data;

	if (--h->open_handles == 0) {
		closep(&h->fd);
		free(h);
	}
}

void hostapd_close(struct hostapd *h)
{
	unsigned handles;

	if (!h)
		return;
	if (h->fd >= 0)
		(void)unlink(h->own);
	handles = h->open_handles;
	if (handles == 0) {
		closep(&h->fd);
		free(h);
		return;
	}
	h->poll.data = h->timer.data = h;
	uv_close((uv_handle_t *)&h->poll, on_closed);
	if (handles > 1)
		uv_close((uv_handle_t *)&h->timer, on_closed);
}

int hostapd_tell(struct hostapd *h, enum hostapd_verb verb, const uint8_t mac[6])
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s %02x:%02x:%02x:%02x:%02x:%02x", verbs[verb], mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]); /* fits */
	return send_text(h, text);
}

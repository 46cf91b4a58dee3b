/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostapd's control interface: who was authorised at a port and who left, and starting or ending it. hostapd may come, go
 * and come back; the link to it is made again. */
#ifndef HF_IO_HOSTAPD_H
#define HF_IO_HOSTAPD_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct hostapd; /* opaque */

enum hostapd_verb {
	HOSTAPD_START, /* ask a station that may not have noticed for its identity */
	HOSTAPD_AGAIN, /* reauthenticate */
	HOSTAPD_END,   /* deauthenticate */
	HOSTAPD_VERB_COUNT
};

/**
 * hostapd_open() - talk to the hostapd of one port.
 * @path: its control socket, "<ctrl_interface>/<interface>". @own_dir: a directory of ours for the answering socket.
 * @fn: a station was authorised (@up) or is not any more.
 * Return: 0 or -errno; that hostapd is not there (yet) is no error.
 */
int hostapd_open(uv_loop_t *loop, const char *path, const char *own_dir, uint32_t ifindex,
		 void (*fn)(void *ctx, uint32_t ifindex, const uint8_t mac[6], bool up), void *ctx, struct hostapd **ret);
/* Closes all (@h may be NULL); the loop must run once more for the memory to be freed. */
void hostapd_close(struct hostapd *h);
/* Return: 0, or -errno: then hostapd is not there. */
int hostapd_tell(struct hostapd *h, enum hostapd_verb verb, const uint8_t mac[6]);

#endif

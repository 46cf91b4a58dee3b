/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostapd beside us, at the ports where it authenticates. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemons/daemon.h"
#include "io/log.h"

static void on_port(void *ctx, const struct port_event *e)
{
	struct daemon *d = ctx;

	d->role->on_port(d->state, daemon_now(d), e, &d->actions);
	daemon_perform(d);
}

int daemon_add_authenticator(struct daemon *d, const char *path, const char *interface, uint32_t ifindex)
{
	struct authenticator *a = &d->authenticators[d->authenticator_n]; /* there are no more of them than ports */
	int n = snprintf(a->own, sizeof(a->own), "%s/%s.hostapd-%s", d->conf->run_dir, d->conf->instance, interface);
	int r = -ENAMETOOLONG;

	a->place = (struct hostapd_place){ .path = path, .own = a->own, .interface = interface, .ifindex = ifindex };
	(void)mkdir(d->conf->run_dir, 0755); /* there already, or bind() says what is wrong */
	if (n > 0 && (size_t)n < sizeof(a->own))
		r = hostapd_open(&d->loop, &a->place, on_port, d, &a->link);
	if (r < 0)
		log_line(RECORD_ERR, "cannot listen to hostapd at %s: %s", a->own, strerror(-r));
	else
		d->authenticator_n++;
	return r;
}

void daemon_order_port(struct daemon *d, enum port_order order, uint32_t ifindex, const uint8_t mac[MAC_OCTETS])
{
	for (size_t i = 0; i < d->authenticator_n; i++)
		if (d->authenticators[i].place.ifindex == ifindex &&
		    hostapd_tell(d->authenticators[i].link, order, mac) == 0)
			return;
	d->send_errors++; /* it is gone, and will hear what it has to when it is back */
}

void daemon_close_authenticators(struct daemon *d)
{
	for (size_t i = 0; i < d->authenticator_n; i++)
		hostapd_close(d->authenticators[i].link);
}

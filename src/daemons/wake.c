/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A role counts the time that the host sleeps, libuv's timers do not: what was due meanwhile is due on waking up. */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "daemons/daemon.h"
#include "io/log.h"

static void on_wake(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;
	uint64_t times;

	(void)status;
	(void)events;
	if (read(d->wake, &times, sizeof(times)) < 0)
		return; /* set anew in between */
	d->role->on_time(d->state, daemon_now(d), &d->actions);
	daemon_perform(d);
}

int daemon_add_wake(struct daemon *d)
{
	int r;

	d->wake_due = NEVER;
	d->wake = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	r = d->wake < 0 ? -errno : daemon_watch(d, &d->wake_poll, d->wake, on_wake);
	if (r < 0)
		log_line(RECORD_ERR, "cannot make a timer: %s", strerror(-r));
	return r;
}

void daemon_arm_wake(struct daemon *d, uint64_t due_us)
{
	struct itimerspec at = { 0 }; /* none */

	if (d->wake < 0 || due_us == d->wake_due)
		return;
	if (due_us != NEVER) { /* zero would be none */
		at.it_value.tv_sec = (time_t)(due_us / US_PER_S);
		at.it_value.tv_nsec = (long)(due_us % US_PER_S * 1000 + 1);
	}
	d->wake_due = due_us;
	(void)timerfd_settime(d->wake, TFD_TIMER_ABSTIME, &at, NULL); /* the values are valid */
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store of a daemon. A change is the kernel's when it was made, so that a daemon that dies loses nothing; the disk
 * gets it within a second, in another thread, so that nobody waits for the disk. */
#include <string.h>

#include "daemons/daemon.h"
#include "io/log.h"
#include "io/store.h"

enum { SYNC_EVERY_MS = 1000 };

void daemon_add_store(struct daemon *d, const char *path, size_t room)
{
	bool damaged = false;
	int r = store_open(path, room, &d->store, &damaged);

	if (r < 0)
		log_line(RECORD_ERR, "event=store_failed path=%s reason=\"%s\"; a restart will forget who is where",
			 path, strerror(-r));
	else if (damaged)
		log_line(RECORD_ERR, "event=store_damaged path=%s reason=\"moved to %s.damaged, started empty\"", path,
			 path);
}

void daemon_store_changed(struct daemon *d, int r, const char *what)
{
	d->store_dirty = true;
	if (r == 0)
		return;
	if (d->store_errors++ == 0) /* the others are counted */
		log_line(RECORD_ERR, "event=store_error what=%s reason=\"%s\"", what, strerror(-r));
}

static void sync_now(uv_work_t *w)
{
	struct daemon *d = w->data;

	(void)store_sync(d->store); /* the next one tries again */
}

static void synced(uv_work_t *w, int status)
{
	struct daemon *d = w->data;

	(void)status;
	d->store_syncing = false;
}

static void on_store_timer(uv_timer_t *t)
{
	struct daemon *d = t->data;

	if (!d->store_dirty || d->store_syncing)
		return;
	d->store_dirty = false;
	d->store_syncing = uv_queue_work(&d->loop, &d->store_work, sync_now, synced) == 0;
}

int daemon_start_store(struct daemon *d)
{
	int r = d->store ? uv_timer_init(&d->loop, &d->store_timer) : 0;

	if (r < 0 || !d->store)
		return r;
	d->store_timer.data = d->store_work.data = d;
	return uv_timer_start(&d->store_timer, on_store_timer, SYNC_EVERY_MS, SYNC_EVERY_MS);
}

void daemon_close_store(struct daemon *d)
{
	if (d->store)
		(void)store_sync(d->store); /* as good as it gets */
	store_closep(&d->store);
}

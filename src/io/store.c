/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/store.h"

#include <libgen.h>
#include <limits.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

enum { FILE_MODE = 0600, DIR_MODE = 0700, CHECK_DAMAGED = 1 };

struct store {
	MDB_env *env;
	MDB_dbi dbi;
};

/* LMDB's own errors are negative and mean that the file is not what it should be; the others are the system's. */
static int error_of(int r)
{
	if (r == MDB_MAP_FULL || r == MDB_TXN_FULL)
		return -ENOSPC;
	return r < 0 ? -EBADMSG : -r;
}

void store_closep(struct store **s)
{
	if (!*s)
		return;
	if ((*s)->env)
		mdb_env_close((*s)->env);
	free(*s);
	*s = NULL;
}

static int open_env(const char *path, size_t room, struct store **ret)
{
	auto_(store_closep) struct store *s = calloc(1, sizeof(*s));
	MDB_txn *txn;
	int r;

	if (!s)
		return -ENOMEM;
	r = mdb_env_create(&s->env);
	if (r == 0)
		r = mdb_env_set_mapsize(s->env, room);
	if (r == 0) /* what is written is the kernel's at once; store_sync() says when the disk has to have it */
		r = mdb_env_open(s->env, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS, FILE_MODE);
	if (r == 0)
		r = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (r != 0)
		return error_of(r);
	r = mdb_dbi_open(txn, NULL, 0, &s->dbi);
	if (r != 0) {
		mdb_txn_abort(txn);
		return error_of(r);
	}
	r = mdb_txn_commit(txn);
	if (r != 0)
		return error_of(r);
	*ret = TAKE_PTR(s);
	return 0;
}

static void touch(void *ctx, struct span key, struct span value)
{
	unsigned *sum = ctx;

	for (size_t i = 0; i < key.n; i++)
		*sum += key.p[i];
	for (size_t i = 0; i < value.n; i++)
		*sum += value.p[i];
}

/* LMDB trusts its file: one that is damaged can end the process that looks at it. So another process looks first. */
static bool is_damaged(const char *path, size_t room)
{
	struct store *s = NULL;
	unsigned sum = 0;
	int status = 0, r;
	pid_t child = fork();

	if (child < 0)
		return false;
	if (child == 0) {
		(void)signal(SIGBUS, SIG_DFL);
		(void)signal(SIGSEGV, SIG_DFL);
		r = open_env(path, room, &s);
		if (r == 0 && s)
			r = store_each(s, touch, &sum);
		_exit(r == -EBADMSG ? CHECK_DAMAGED : 0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return !WIFEXITED(status) || WEXITSTATUS(status) == CHECK_DAMAGED;
}

static int move_aside(const char *path)
{
	char aside[PATH_MAX], lock[PATH_MAX];

	if (snprintf(aside, sizeof(aside), "%s.damaged", path) >= (int)sizeof(aside) ||
	    snprintf(lock, sizeof(lock), "%s-lock", path) >= (int)sizeof(lock))
		return -ENAMETOOLONG;
	(void)unlink(lock); /* of the same run; absent is fine */
	return rename(path, aside) < 0 ? -errno : 0;
}

static int make_directory(const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	return mkdir(dirname(copy), DIR_MODE) < 0 && errno != EEXIST ? -errno : 0;
}

int store_open(const char *path, size_t room, struct store **ret, bool *ret_damaged)
{
	bool damaged = false;
	int r = make_directory(path);

	if (r == 0 && access(path, F_OK) == 0 && is_damaged(path, room)) {
		damaged = true;
		r = move_aside(path);
	}
	if (r == 0)
		r = open_env(path, room, ret);
	if (r == 0)
		*ret_damaged = damaged;
	return r;
}

static MDB_val val(struct span s)
{
	MDB_val v = { .mv_size = s.n };

	memcpy(&v.mv_data, &s.p, sizeof(v.mv_data)); /* it takes no const, and changes nothing */
	return v;
}

static struct span span_of(const MDB_val *v)
{
	return (struct span){ v->mv_data, v->mv_size };
}

/* @value: NULL deletes. */
static int change(struct store *s, struct span key, const struct span *value)
{
	MDB_val k = val(key), v;
	MDB_txn *txn;
	int r = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (r != 0)
		return error_of(r);
	if (value) {
		v = val(*value);
		r = mdb_put(txn, s->dbi, &k, &v, 0);
	} else {
		r = mdb_del(txn, s->dbi, &k, NULL);
	}
	if (r != 0) {
		mdb_txn_abort(txn);
		return r == MDB_NOTFOUND ? 0 : error_of(r); /* absent is what we want */
	}
	return error_of(mdb_txn_commit(txn));
}

int store_put(struct store *s, struct span key, struct span value)
{
	return change(s, key, &value);
}

int store_del(struct store *s, struct span key)
{
	return change(s, key, NULL);
}

int store_each(struct store *s, void (*fn)(void *ctx, struct span key, struct span value), void *ctx)
{
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	MDB_txn *txn;
	int r = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (r != 0)
		return error_of(r);
	r = mdb_cursor_open(txn, s->dbi, &cursor);
	while (r == 0) {
		r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
		if (r == 0)
			fn(ctx, span_of(&k), span_of(&v));
	}
	if (cursor)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return r == MDB_NOTFOUND ? 0 : error_of(r);
}

int store_sync(struct store *s)
{
	return error_of(mdb_env_sync(s->env, 1));
}

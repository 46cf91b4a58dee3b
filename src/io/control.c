/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/control.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#include "base/util.h"

enum { BACKLOG = 16, PATH_OCTETS = 108, CHUNK = 4096, DIR_MODE = 0755, SOCKET_UMASK = 0177 };

struct client {
	uv_pipe_t pipe; /* first: libuv hands it back */
	struct client *prev, *next;
	struct control *control;
	bool watching, closing;
	char *line;
	size_t line_n;
	char chunk[CHUNK];
};

struct control {
	uv_pipe_t listener; /* first */
	struct client *clients;
	size_t client_n;
	json_t *(*answer)(void *ctx, const char *verb, const json_t *request);
	void *ctx;
	uint64_t dropped;
	char path[PATH_OCTETS];
};

struct out {
	uv_write_t request; /* first */
	char *text;
};

json_t *control_error(const char *code, const char *sentence)
{
	return json_pack("{s:b, s:s, s:s}", "ok", 0, "error", sentence, "code", code);
}

static void on_client_closed(uv_handle_t *h)
{
	struct client *c = (struct client *)h;

	free(c->line);
	free(c);
}

static void drop(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	DL_DELETE(c->control->clients, c);
	c->control->client_n--;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static void on_written(uv_write_t *w, int status)
{
	struct out *o = (struct out *)w;

	(void)status; /* a client that is gone shows at its next read */
	free(o->text);
	free(o);
}

static void send_line(struct client *c, const json_t *message)
{
	struct out *o;
	char *text, *line;
	uv_buf_t buf;
	size_t n;

	if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > CONTROL_QUEUE_MAX) {
		c->control->dropped++; /* it does not read: others must not wait for it */
		drop(c);
		return;
	}
	o = calloc(1, sizeof(*o));
	text = json_dumps(message, JSON_COMPACT);
	n = text ? strlen(text) : 0;
	line = text ? realloc(text, n + 2) : NULL;
	if (!o || !line) {
		free(o);
		free(line ? line : text);
		drop(c);
		return;
	}
	line[n] = '\n';
	o->text = line;
	buf = uv_buf_init(line, (unsigned)n + 1);
	if (uv_write(&o->request, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		free(o->text);
		free(o);
		drop(c);
	}
}

static void handle(struct client *c, const char *line)
{
	json_t *request = json_loads(line, 0, NULL);
	const char *verb = json_string_value(json_object_get(request, "verb"));
	json_t *answer;

	if (!verb) {
		answer = control_error("usage", "a request is one JSON object per line with a member \"verb\"");
	} else if (strcmp(verb, "watch") == 0) {
		c->watching = true;
		answer = json_pack("{s:b}", "ok", 1);
	} else {
		answer = c->control->answer(c->control->ctx, verb, request);
	}
	if (answer)
		send_line(c, answer);
	else
		drop(c); /* out of memory */
	json_decref(answer);
	json_decref(request);
}

/* Whole lines are handled, the rest waits. Return: false when the client is gone. */
static bool take_lines(struct client *c)
{
	char *at = c->line, *end;

	while (!c->closing && (end = memchr(at, '\n', c->line_n - (size_t)(at - c->line)))) {
		*end = '\0';
		handle(c, at);
		at = end + 1;
	}
	if (c->closing)
		return false;
	c->line_n -= (size_t)(at - c->line);
	memmove(c->line, at, c->line_n);
	return true;
}

static void on_allocate(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	struct client *c = (struct client *)h;

	(void)suggested;
	*ret = uv_buf_init(c->chunk, sizeof(c->chunk));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = (struct client *)s;
	char *line;

	if (n < 0 || c->line_n + (size_t)n > CONTROL_LINE_MAX) {
		drop(c);
		return;
	}
	if (n == 0)
		return;
	line = realloc(c->line, c->line_n + (size_t)n);
	if (!line) {
		drop(c);
		return;
	}
	c->line = line;
	memcpy(c->line + c->line_n, buf->base, (size_t)n);
	c->line_n += (size_t)n;
	(void)take_lines(c); /* a client that is gone frees itself */
}

static void on_connection(uv_stream_t *s, int status)
{
	struct control *control = (struct control *)s;
	struct client *c = status < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c || uv_pipe_init(s->loop, &c->pipe, 0) < 0) {
		free(c);
		return; /* the next connection may find memory */
	}
	c->control = control;
	DL_APPEND(control->clients, c);
	control->client_n++;
	if (uv_accept(s, (uv_stream_t *)&c->pipe) < 0 || control->client_n > CONTROL_CLIENTS ||
	    uv_read_start((uv_stream_t *)&c->pipe, on_allocate, on_read) < 0)
		drop(c);
}

static void on_listener_closed(uv_handle_t *h)
{
	free(h);
}

int control_open(uv_loop_t *loop, const char *run_dir, const char *instance,
		 json_t *(*answer)(void *ctx, const char *verb, const json_t *request), void *ctx, struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));
	mode_t old;
	int r;

	if (!c)
		return -ENOMEM;
	c->answer = answer;
	c->ctx = ctx;
	r = uv_pipe_init(loop, &c->listener, 0);
	if (r < 0) {
		free(c);
		return r;
	}
	if (mkdir(run_dir, DIR_MODE) < 0 && errno != EEXIST)
		r = -errno;
	if (snprintf(c->path, sizeof(c->path), "%s/%s.sock", run_dir, instance) >= (int)sizeof(c->path))
		r = -ENAMETOOLONG;
	if (r == 0) {
		(void)unlink(c->path); /* of an earlier run, if any */
		old = umask(SOCKET_UMASK);
		r = uv_pipe_bind(&c->listener, c->path);
		(void)umask(old); /* cannot fail */
	}
	if (r == 0)
		r = uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_connection);
	if (r < 0) {
		uv_close((uv_handle_t *)&c->listener, on_listener_closed);
		return r;
	}
	*ret = c;
	return 0;
}

void control_close(struct control *c)
{
	struct client *client, *next;

	DL_FOREACH_SAFE(c->clients, client, next)
		drop(client);
	uv_close((uv_handle_t *)&c->listener, on_listener_closed); /* unlinks the path */
}

void control_publish(struct control *c, json_t *record)
{
	struct client *client, *next;

	DL_FOREACH_SAFE(c->clients, client, next) {
		if (client->watching)
			send_line(client, record);
	}
}

uint64_t control_dropped(const struct control *c)
{
	return c->dropped;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DAEMONS_MAX = 64, ANSWER_LIMIT_S = 10 };

struct peer {
	char instance[64];
	FILE *stream; /* NULL: gone */
};

static FILE *connect_to(const char *dir, const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = ANSWER_LIMIT_S };
	int fd;
	FILE *stream;

	if (snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", dir, name) >= (int)sizeof(to.sun_path))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
		if (errno == EACCES)
			(void)fprintf(stderr, "holdfast: %s: permission denied (try as root)\n", to.sun_path);
		(void)close(fd); /* nothing was written */
		return NULL;
	}
	stream = fdopen(fd, "r");
	if (!stream)
		(void)close(fd); /* as above */
	return stream;
}

static size_t connect_all(const struct options *o, struct peer *ret)
{
	struct dirent **names;
	int n = scandir(o->run_dir, &names, NULL, alphasort);
	size_t peers = 0;

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		size_t len = strlen(name);

		if (peers < DAEMONS_MAX && len > 5 && len < sizeof(ret->instance) &&
		    strcmp(name + len - 5, ".sock") == 0) {
			ret[peers].stream = connect_to(o->run_dir, name);
			(void)snprintf(ret[peers].instance, sizeof(ret->instance), "%.*s", (int)len - 5,
				       name); /* fits */
			if (ret[peers].stream)
				peers++;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (peers == 0)
		(void)fprintf(stderr, "holdfast: no daemon is reached in %s\n", o->run_dir);
	return peers;
}

/* Whoever stops this command and continues it (^Z, fg) interrupts a read with a time limit, signal handler or not. */
static int next_octet(FILE *stream)
{
	int c;

	while ((c = getc(stream)) == EOF && ferror(stream) && errno == EINTR)
		clearerr(stream);
	return c;
}

static json_t *read_answer(struct peer *p)
{
	char *line = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&line, &n);
	json_t *answer = NULL;

	if (!out)
		return NULL;
	for (int c = next_octet(p->stream); c != EOF && c != '\n'; c = next_octet(p->stream))
		(void)putc(c, out); /* without memory fclose() fails */
	if (fclose(out) == 0)
		answer = json_loads(line, 0, NULL);
	free(line);
	return answer;
}

/* Not through the stream: a daemon that hangs up must not raise SIGPIPE. */
static bool send_request(struct peer *p, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t n = line ? strlen(line) : 0;
	bool sent = false;

	if (line) {
		line[n] = '\n';
		sent = send(fileno(p->stream), line, n + 1, MSG_NOSIGNAL) == (ssize_t)n + 1;
	}
	free(line);
	return sent;
}

json_t *ask_all(const struct options *o, json_t *request)
{
	struct peer peers[DAEMONS_MAX];
	size_t n = connect_all(o, peers);
	json_t *answers = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *answer = send_request(&peers[i], request) ? read_answer(&peers[i]) : NULL;

		if (answer) {
			(void)json_object_set_new(answer, "instance", json_string(peers[i].instance)); /* or without */
			(void)json_array_append_new(answers, answer);
		} else {
			(void)fprintf(stderr, "holdfast: %s does not answer\n", peers[i].instance);
		}
		(void)fclose(peers[i].stream); /* nothing is left to write */
	}
	json_decref(request);
	return answers;
}

/* One event. Return: false when the daemon is gone. */
static bool pass_on(const struct options *o, struct peer *p, void (*fn)(const struct options *o, const json_t *record))
{
	json_t *record = read_answer(p);

	if (record && json_object_get(record, "event"))
		fn(o, record);
	json_decref(record);
	return record != NULL;
}

int watch_all(const struct options *o, void (*fn)(const struct options *o, const json_t *record))
{
	struct peer peers[DAEMONS_MAX];
	struct pollfd fds[DAEMONS_MAX];
	size_t n = connect_all(o, peers), alive = n;
	json_t *request = json_pack("{s:s}", "verb", "watch");

	for (size_t i = 0; i < n; i++) {
		(void)setvbuf(peers[i].stream, NULL, _IONBF, 0); /* so that poll() sees all there is */
		(void)send_request(&peers[i], request);          /* a peer that is gone shows below */
		fds[i] = (struct pollfd){ .fd = fileno(peers[i].stream), .events = POLLIN };
	}
	json_decref(request);
	while (alive > 0 && poll(fds, n, -1) >= 0)
		for (size_t i = 0; i < n; i++) {
			if (fds[i].fd < 0 || fds[i].revents == 0 || pass_on(o, &peers[i], fn))
				continue;
			(void)fclose(peers[i].stream); /* nothing is left to write */
			fds[i].fd = -1;
			alive--;
		}
	return n > 0 ? STATUS_OK : STATUS_UNREACHABLE;
}

static void beside(const char *program, char ret[PATH_MAX])
{
	char self[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	static const char *const places[] = { "", "../sbin/", "../src/daemons/" };
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(ret, PATH_MAX, "%s%s%s", self, places[i], program); /* too long: not found */
		if (access(ret, X_OK) == 0)
			return;
	}
	(void)snprintf(ret, PATH_MAX, "%s", program); /* fits */
}

int run_beside(const char *program, const char *file)
{
	char path[PATH_MAX];
	int status = 0;
	pid_t pid;

	beside(program, path);
	pid = fork();
	if (pid == 0) {
		(void)execlp(path, program, "--check", "-c", file, (char *)NULL); /* returns only to say it failed */
		(void)fprintf(stderr, "holdfast: cannot run %s: %s\n", program, strerror(errno));
		_exit(STATUS_UNREACHABLE);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return STATUS_UNREACHABLE;
	return WEXITSTATUS(status);
}

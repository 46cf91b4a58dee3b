/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io/control.h"
#include "tests/unit/test.h"

static char run_dir[64];
static uv_loop_t loop;
static struct control *control;
static unsigned asked;

static json_t *answer(void *ctx, const char *verb, const json_t *request)
{
	(void)ctx;
	(void)request;
	asked++;
	return strcmp(verb, "show") == 0 ? json_pack("{s:b}", "ok", 1) : control_error("not_found", "no such thing");
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(run_dir, sizeof(run_dir), "/tmp/holdfast-control-XXXXXX");
	asked = 0;
	if (!mkdtemp(run_dir))
		return -1;
	return uv_loop_init(&loop) < 0 ? -1 : control_open(&loop, run_dir, "t", answer, NULL, &control);
}

static int teardown(void **state)
{
	(void)state;
	control_close(control);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until all is closed */
	(void)rmdir(run_dir);
	return uv_loop_close(&loop);
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
}

static int connect_client(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s/t.sock", run_dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	turn();
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn();
}

/* What came, as text; "" = nothing, NULL = the other end has closed. */
static const char *hear(int fd)
{
	static char text[4096];
	ssize_t n;

	turn();
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return NULL;
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void is_for_the_owner_only(void **state)
{
	char path[80];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/t.sock", run_dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void answers_line_by_line(void **state)
{
	int fd = connect_client();

	(void)state;
	say(fd, "{\"verb\":");
	assert_string_equal(hear(fd), "");
	say(fd, "\"show\"}\n{\"verb\":\"dance\"}\n{\"ver");
	assert_string_equal(hear(fd), "{\"ok\":true}\n"
				      "{\"ok\":false,\"error\":\"no such thing\",\"code\":\"not_found\"}\n");
	assert_int_equal(asked, 2);
	close(fd);
}

static void tells_what_a_request_is(void **state)
{
	static const char *const bad[] = { "\n", "hello\n", "[1]\n", "{}\n", "{\"verb\":7}\n", "{\"verb\":\"show\"\n" };
	int fd = connect_client();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		say(fd, bad[i]);
		assert_non_null(strstr(hear(fd), "\"code\":\"usage\""));
	}
	assert_int_equal(asked, 0);
	close(fd);
}

static void records_go_to_who_watches(void **state)
{
	int watcher = connect_client(), other = connect_client();
	json_t *record = json_pack("{s:s}", "event", "binding_moved");

	(void)state;
	say(watcher, "{\"verb\":\"watch\"}\n");
	assert_string_equal(hear(watcher), "{\"ok\":true}\n");
	control_publish(control, record);
	assert_string_equal(hear(watcher), "{\"event\":\"binding_moved\"}\n");
	assert_string_equal(hear(other), "");
	json_decref(record);
	close(watcher);
	close(other);
}

/* One that does not read must not hold up the daemon nor fill its memory. */
static void deaf_watchers_are_dropped(void **state)
{
	int fd = connect_client();
	char text[8192] = "";
	json_t *record;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	record = json_pack("{s:s}", "reason", text);
	say(fd, "{\"verb\":\"watch\"}\n");
	for (int i = 0; i < 400; i++) {
		control_publish(control, record);
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(control_dropped(control), 1);
	json_decref(record);
	close(fd);
}

/* Nor one that asks and asks and does not read. */
static void deaf_askers_are_dropped(void **state)
{
	static const char request[] = "{\"verb\":\"show\"}\n";
	int fd = connect_client();
	bool closed = false;

	(void)state;
	for (int i = 0; i < 4 * CONTROL_QUEUE_MAX / (int)sizeof(request) && !closed; i++) {
		closed = send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 && errno == EPIPE;
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	}
	assert_true(closed);
	close(fd);
}

static void endless_lines_are_cut_off(void **state)
{
	char text[4096];
	int fd = connect_client();
	bool closed = false;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 2 * CONTROL_LINE_MAX / (int)sizeof(text) && !closed; i++) {
		closed = send(fd, text, sizeof(text), MSG_NOSIGNAL) < 0 && errno == EPIPE;
		turn();
	}
	assert_true(closed);
	close(fd);
}

static void only_so_many_clients(void **state)
{
	int fds[CONTROL_CLIENTS + 1];

	(void)state;
	for (int i = 0; i <= CONTROL_CLIENTS; i++)
		fds[i] = connect_client();
	assert_string_equal(hear(fds[CONTROL_CLIENTS - 1]), "");
	assert_null(hear(fds[CONTROL_CLIENTS]));
	for (int i = 0; i <= CONTROL_CLIENTS; i++)
		close(fds[i]);
	turn();
	fds[0] = connect_client(); /* there is room again */
	say(fds[0], "{\"verb\":\"show\"}\n");
	assert_string_equal(hear(fds[0]), "{\"ok\":true}\n");
	close(fds[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_for_the_owner_only),     TEST(answers_line_by_line),      TEST(tells_what_a_request_is),
		TEST(records_go_to_who_watches), TEST(deaf_watchers_are_dropped), TEST(deaf_askers_are_dropped),
		TEST(endless_lines_are_cut_off), TEST(only_so_many_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

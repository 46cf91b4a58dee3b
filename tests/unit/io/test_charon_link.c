/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's end of the link to charon: who may connect, who replaces whom, and what is counted. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io/charon_json.h"
#include "io/charon_link.h"
#include "tests/unit/test.h"

enum { EVENTS_MAX = 16, PATIENCE = 1000 };

static char run_dir[64], path[128];
static uv_loop_t loop;
static struct charon_link *charon;
static enum charon_event_type heard[EVENTS_MAX];
static size_t heard_n;

static void on_event(void *ctx, const struct charon_event *e)
{
	(void)ctx;
	assert_non_null(e->id.text);
	assert_true(heard_n < EVENTS_MAX);
	heard[heard_n++] = e->type;
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(run_dir, sizeof(run_dir), "/tmp/holdfast-charon-XXXXXX");
	heard_n = 0;
	if (!mkdtemp(run_dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/t.charon", run_dir);
	return uv_loop_init(&loop) < 0 ? -1 : charon_link_open(&loop, run_dir, "t", on_event, NULL, &charon);
}

static int teardown(void **state)
{
	(void)state;
	charon_link_close(charon);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until all is closed */
	(void)rmdir(run_dir);
	return uv_loop_close(&loop);
}

static int plugin(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	memcpy(to.sun_path, path, strlen(path));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *packet)
{
	assert_int_equal(send(fd, packet, strlen(packet), 0), strlen(packet));
}

/* Lets the loop work until @n events were heard. */
static void hear(size_t n)
{
	for (int i = 0; heard_n < n && i < PATIENCE; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(heard_n, n);
}

static void malformed(uint64_t n)
{
	for (int i = 0; charon_link_malformed(charon) < n && i < PATIENCE; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(charon_link_malformed(charon), n);
}

static void only_for_its_owner(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void events_and_commands(void **state)
{
	const struct charon_command c = { .type = CHARON_CLOSE_IKE, .sa = 3 };
	char packet[CHARON_PACKET_MAX];
	int fd;

	(void)state;
	assert_int_equal(charon_link_send(charon, &c), -ENOTCONN);
	fd = plugin();
	say(fd, "{\"event\":\"connected\"}");
	say(fd, "{\"event\":\"listed\"}");
	hear(2);
	assert_int_equal(heard[0], CHARON_CONNECTED);
	assert_int_equal(heard[1], CHARON_LISTED);
	assert_int_equal(charon_link_send(charon, &c), 0);
	assert_true(recv(fd, packet, sizeof(packet), 0) > 0);
	(void)close(fd);
	hear(3);
	assert_int_equal(heard[2], CHARON_GONE);
	assert_int_equal(charon_link_send(charon, &c), -ENOTCONN);
}

/* What is no event is counted, and the next packet is heard all the same. */
static void malformed_packets(void **state)
{
	static char longer[CHARON_PACKET_MAX + 100];
	int fd = plugin();

	(void)state;
	memset(longer, ' ', sizeof(longer));
	memcpy(longer, "{\"event\":\"listed\"}", 18);
	say(fd, "hello");
	say(fd, "{\"event\":\"gone\"}");
	say(fd, "{\"event\":\"acquire\",\"sa\":-1}");
	assert_int_equal(send(fd, longer, sizeof(longer), 0), sizeof(longer)); /* not cut and taken */
	say(fd, "{\"event\":\"listed\"}");
	hear(1);
	malformed(4);
	(void)close(fd);
	hear(2);
}

/* charon was restarted, and the end of the first connection was not seen yet. Its plugin's second hello is another
 * matter: that is said to the role, which takes it. */
static void the_second_replaces_the_first(void **state)
{
	int first = plugin(), second;
	char octet;

	(void)state;
	say(first, "{\"event\":\"connected\"}");
	say(first, "{\"event\":\"connected\"}");
	hear(2);
	second = plugin();
	say(second, "{\"event\":\"connected\"}");
	hear(4);
	assert_int_equal(heard[2], CHARON_GONE);
	assert_int_equal(heard[3], CHARON_CONNECTED);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(recv(first, &octet, 1, 0), 0); /* closed */
	(void)close(first);
	(void)close(second);
	hear(5);
}

/* Who does not read loses the connection, and nobody waits. */
static void a_plugin_that_does_not_read(void **state)
{
	const struct charon_command c = { .type = CHARON_CLOSE_IKE, .sa = 3 };
	int fd = plugin(), r = 0, i;

	(void)state;
	say(fd, "{\"event\":\"connected\"}");
	hear(1);
	for (i = 0; r == 0 && i < 100000; i++)
		r = charon_link_send(charon, &c);
	assert_int_equal(r, -EAGAIN);
	hear(2);
	assert_int_equal(heard[1], CHARON_GONE);
	(void)close(fd);
}

/* Nothing is to be done but to wait: no spinning, and who connected is heard as soon as there are descriptors again. */
static void without_free_descriptors(void **state)
{
	struct rlimit before, none;
	struct pollfd ready = { .fd = uv_backend_fd(&loop), .events = POLLIN };
	int fd = plugin(), r;

	(void)state;
	say(fd, "{\"event\":\"connected\"}");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 1, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	r = poll(&ready, 1, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, 0);
	for (int i = 0; heard_n == 0 && i < PATIENCE; i++)
		(void)uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(heard_n, 1);
	assert_int_equal(heard[0], CHARON_CONNECTED);
	(void)close(fd);
	hear(2);
}

static void a_socket_left_behind(void **state)
{
	struct charon_link *again = NULL;

	(void)state;
	/* Another daemon of this name: the later one is reached. */
	assert_int_equal(charon_link_open(&loop, run_dir, "t", on_event, NULL, &again), 0);
	charon_link_close(charon);
	charon = again;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_for_its_owner),          TEST(events_and_commands),
		TEST(malformed_packets),           TEST(the_second_replaces_the_first),
		TEST(a_plugin_that_does_not_read), TEST(a_socket_left_behind),
		TEST(without_free_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

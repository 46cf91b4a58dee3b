/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plugin's connection to the daemon, on strongSwan's threads: who waits is answered, refused or told that nobody is
 * there, whatever the other threads do. charon itself is played: events_list(), command_perform(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "plugin/plugin.h"

enum { THREADS = 16, ASKERS = 4, TIMEOUT_MS = 400, PATIENCE_MS = 3000, PACKET_MAX = 8192, CHURNS = 40 };

static char directory[64];
static struct sockaddr_un path = { .sun_family = AF_UNIX };
static int listener = -1;
static sem_t list_begun, list_goes_on;
static atomic_bool hold_list;

void events_list(uint32_t connection)
{
	if (hold_list) {
		(void)sem_post(&list_begun);
		(void)sem_wait(&list_goes_on);
	}
	if (link_await_room(connection))
		link_send_on(connection, json_pack("{s:s}", "event", "session"));
	link_send_on(connection, json_pack("{s:s}", "event", "listed"));
}

void command_perform(const json_t *command)
{
	(void)command;
}

static void on_log(bus_t *this, debug_t group, level_t level, char *fmt, ...)
{
	(void)this;
	(void)group;
	(void)level;
	(void)fmt;
}

static bus_t bus = { .log = on_log };
static daemon_t played = { .bus = &bus };
daemon_t *charon = &played;

static int now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void listen_again(void)
{
	(void)unlink(path.sun_path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&path, sizeof(path)), 0);
	assert_int_equal(listen(listener, 8), 0);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof(directory), "/tmp/holdfast-link-XXXXXX");
	if (!mkdtemp(directory) || !library_init(NULL, "test"))
		return -1;
	(void)snprintf(path.sun_path, sizeof(path.sun_path), "%s/d", directory);
	hold_list = false;
	(void)sem_init(&list_begun, 0, 0);
	(void)sem_init(&list_goes_on, 0, 0);
	lib->processor->set_threads(lib->processor, THREADS);
	listen_again();
	return link_open(path.sun_path, TIMEOUT_MS);
}

/* As charon ends: its threads are gone before its plugins are. */
static int teardown(void **state)
{
	(void)state;
	lib->processor->set_threads(lib->processor, 0);
	lib->processor->cancel(lib->processor);
	lib->scheduler->flush(lib->scheduler);
	link_close();
	library_deinit();
	(void)close(listener);
	(void)unlink(path.sun_path);
	return rmdir(directory);
}

static int accepted(void)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	return accept(listener, NULL, NULL);
}

/* The next packet; NULL at the end of the connection. */
static json_t *heard(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char packet[PACKET_MAX];
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		return NULL;
	n = recv(fd, packet, sizeof(packet), 0);
	return n > 0 ? json_loadb(packet, (size_t)n, 0, NULL) : NULL;
}

static void assert_heard(int fd, const char *event)
{
	json_t *j = heard(fd);

	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "event")), event);
	json_decref(j);
}

static int greeted(void)
{
	int fd = accepted();

	assert_heard(fd, "connected");
	return fd;
}

static int connected(void)
{
	int fd = greeted();

	assert_heard(fd, "session");
	assert_heard(fd, "listed");
	return fd;
}

static void answer(int fd, json_int_t request, const char *address)
{
	json_t *j = json_pack("{s:s, s:I, s:s}", "command", "answer", "request", request, "address", address);
	char packet[PACKET_MAX];
	size_t n = json_dumpb(j, packet, sizeof(packet), 0);

	(void)send(fd, packet, n, MSG_NOSIGNAL); /* the plugin may have gone: some tests want that */
	json_decref(j);
}

/* The number of the next question, past whatever else is said; 0 at the end of the connection. */
static json_int_t question(int fd)
{
	json_int_t request = 0;
	json_t *j;

	while (request == 0 && (j = heard(fd))) {
		request = json_integer_value(json_object_get(j, "request"));
		json_decref(j);
	}
	return request;
}

struct asker {
	pthread_t thread;
	int result, took_ms;
	struct answer answer;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	int start = now_ms();

	a->result = link_ask(json_pack("{s:s}", "event", "acquire"), &a->answer);
	a->took_ms = now_ms() - start;
	return NULL;
}

static void begin(struct asker *a)
{
	*a = (struct asker){ .result = 1 };
	assert_int_equal(pthread_create(&a->thread, NULL, ask, a), 0);
}

static void end(struct asker *a)
{
	(void)pthread_join(a->thread, NULL);
}

static void each_has_its_own_answer(void **state)
{
	int fd = connected();
	struct asker a, b;
	json_int_t of_a;

	(void)state;
	begin(&a);
	of_a = question(fd);
	begin(&b);
	answer(fd, question(fd), "10.0.0.2");
	answer(fd, of_a, "10.0.0.1");
	answer(fd, 77, "10.0.0.3");
	end(&a);
	end(&b);
	assert_int_equal(a.result, 0);
	assert_int_equal(b.result, 0);
	assert_string_equal(a.answer.address, "10.0.0.1");
	assert_string_equal(b.answer.address, "10.0.0.2");
	(void)close(fd);
}

/* G-01: the answers of others do not make the wait longer. */
static void a_wait_is_no_longer_than_its_timeout(void **state)
{
	int fd = connected(), start;
	struct asker a;

	(void)state;
	begin(&a);
	(void)question(fd);
	for (start = now_ms(); now_ms() - start < TIMEOUT_MS + 200;) {
		answer(fd, 77, "10.0.0.3");
		(void)poll(NULL, 0, 20);
	}
	end(&a);
	assert_int_equal(a.result, -ETIMEDOUT);
	assert_in_range(a.took_ms, TIMEOUT_MS - 1, TIMEOUT_MS + 150);
	(void)close(fd);
}

static void the_end_of_the_daemon_ends_all_waiting(void **state)
{
	int fd = connected();
	struct asker a, b;

	(void)state;
	begin(&a);
	begin(&b);
	(void)question(fd);
	(void)question(fd);
	(void)close(listener);
	(void)unlink(path.sun_path);
	(void)close(fd);
	end(&a);
	end(&b);
	assert_int_equal(a.result, -ENOTCONN);
	assert_int_equal(b.result, -ENOTCONN);
	assert_true(a.took_ms < TIMEOUT_MS);
	begin(&a);
	end(&a);
	assert_int_equal(a.result, -ENOTCONN);
	listen_again();
	(void)close(connected());
}

/* Else the daemon would end all that the old list has not named. */
static void a_list_ends_with_its_connection(void **state)
{
	int fd;

	(void)state;
	fd = connected();
	hold_list = true;
	(void)close(fd);
	fd = greeted();
	(void)sem_wait(&list_begun);
	(void)close(fd);
	fd = greeted();
	(void)sem_wait(&list_begun);
	hold_list = false;
	(void)sem_post(&list_goes_on);
	(void)sem_post(&list_goes_on);
	assert_heard(fd, "session");
	assert_heard(fd, "listed");
	link_send(json_pack("{s:s}", "event", "ike_up"));
	assert_heard(fd, "ike_up");
	(void)close(fd);
}

static bool hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1;
}

static void who_does_not_read_is_left_and_told_again(void **state)
{
	int fd = connected(), again, n = 0;
	json_t *j;

	(void)state;
	for (int i = 0; i < 20000 && !hung_up(fd); i++)
		link_send(json_pack("{s:s}", "event", "ike_moved"));
	again = connected();
	while ((j = heard(fd))) {
		json_decref(j);
		n++;
	}
	assert_in_range(n, 1, 19999);
	(void)close(fd);
	(void)close(again);
}

static void no_path_is_cut(void **state)
{
	char longer[sizeof(path.sun_path) + 1];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(link_open(longer, TIMEOUT_MS), -ENAMETOOLONG);
}

static atomic_bool churning;
static atomic_uint unexpected;

static void *ask_on(void *arg)
{
	struct answer got;

	(void)arg;
	while (churning) {
		int r = link_ask(json_pack("{s:s}", "event", "acquire"), &got);

		if (r != 0 && r != -ENOTCONN && r != -ETIMEDOUT)
			unexpected++;
		link_send(json_pack("{s:s}", "event", "ike_moved"));
	}
	return NULL;
}

/* For the sanitizers: everything at once. */
static void churn(void **state)
{
	pthread_t threads[ASKERS];
	json_int_t request;
	int fd;

	(void)state;
	churning = true;
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_on, NULL), 0);
	for (int i = 0; i < CHURNS; i++) {
		fd = accepted();
		for (int n = 0; n < i; n++) {
			request = question(fd);
			if (request > 0)
				answer(fd, request, "10.0.0.1");
		}
		(void)close(fd);
	}
	churning = false;
	for (int i = 0; i < ASKERS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(unexpected, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_has_its_own_answer),
		TEST(a_wait_is_no_longer_than_its_timeout),
		TEST(the_end_of_the_daemon_ends_all_waiting),
		TEST(a_list_ends_with_its_connection),
		TEST(who_does_not_read_is_left_and_told_again),
		TEST(no_path_is_cut),
		TEST(churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

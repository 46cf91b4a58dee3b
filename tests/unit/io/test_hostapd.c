/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link to hostapd, which is played here: what it is asked, in which order, and what becomes of its restarts. Its
 * answers and events are those of hostapd 2.10. */
#include <sys/socket.h>
#include <sys/un.h>

#include "io/hostapd.h"
#include "tests/unit/test.h"

enum { EVENTS_MAX = 16, PATIENCE_MS = 5000, IFINDEX = 7, WAITING_MAX = 256 };

static char dir[64], own[128], socket_path[128];
static struct hostapd_place place;
static uv_loop_t loop;
static struct hostapd *link_to;
static int hostapd = -1;
static struct sockaddr_un asker;
static socklen_t asker_n;
static struct port_event heard[EVENTS_MAX];
static size_t heard_n;
static const uint8_t mac[MAC_OCTETS] = { 2, 0, 0, 0, 0, 0xab }, other_mac[MAC_OCTETS] = { 2, 0, 0, 0, 0, 1 };

static void on_event(void *ctx, const struct port_event *e)
{
	(void)ctx;
	assert_true(heard_n < EVENTS_MAX);
	assert_int_equal(e->ifindex, IFINDEX);
	heard[heard_n++] = *e;
}

static void start_hostapd(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, socket_path, strlen(socket_path));
	(void)unlink(socket_path);
	hostapd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(hostapd, (struct sockaddr *)&at, sizeof(at)), 0);
}

static void stop_hostapd(void)
{
	(void)close(hostapd);
	hostapd = -1;
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/holdfast-hostapd-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(own, sizeof(own), "%s/own", dir);
	(void)snprintf(socket_path, sizeof(socket_path), "%s/eth1", dir);
	heard_n = 0;
	place = (struct hostapd_place){ .path = dir, .own = own, .interface = "eth1", .ifindex = IFINDEX };
	return uv_loop_init(&loop) < 0 ? -1 : hostapd_open(&loop, &place, on_event, NULL, &link_to);
}

static int teardown(void **state)
{
	(void)state;
	hostapd_close(link_to);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until all is closed */
	if (hostapd >= 0)
		stop_hostapd();
	(void)unlink(socket_path);
	assert_int_not_equal(access(own, F_OK), 0);
	(void)rmdir(dir);
	return uv_loop_close(&loop);
}

static void wake(uv_timer_t *t)
{
	(void)t;
}

/* What hostapd is asked next, PINGs aside; "" when nothing comes for @limit_ms. */
static const char *asked(uint64_t limit_ms)
{
	static char text[128];
	uint64_t end = uv_hrtime() / 1000000 + limit_ms;
	uv_timer_t tick;

	(void)uv_timer_init(&loop, &tick);
	(void)uv_timer_start(&tick, wake, 1, 1);
	do {
		ssize_t n;

		asker_n = sizeof(asker);
		n = recvfrom(hostapd, text, sizeof(text) - 1, 0, (struct sockaddr *)&asker, &asker_n);
		text[n > 0 ? n : 0] = '\0';
		if (strcmp(text, "PING") == 0)
			(void)sendto(hostapd, "PONG\n", 5, 0, (struct sockaddr *)&asker, asker_n);
		else if (n > 0)
			break;
		(void)uv_run(&loop, UV_RUN_ONCE);
	} while (uv_hrtime() / 1000000 < end);
	uv_close((uv_handle_t *)&tick, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	return text;
}

static void say(const char *text)
{
	assert_int_equal(sendto(hostapd, text, strlen(text), 0, (struct sockaddr *)&asker, asker_n), strlen(text));
	for (int i = 0; i < 3; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void attach(void)
{
	assert_string_equal(asked(PATIENCE_MS), "ATTACH");
	say("OK\n");
	assert_int_equal(heard[heard_n - 1].type, PORT_LINKED);
	assert_string_equal(asked(PATIENCE_MS), "STA-FIRST");
	say(""); /* nobody */
}

/* Nobody knows which it is: one it has an entry for, or a new one. */
static void starts(void **state)
{
	(void)state;
	start_hostapd();
	attach();
	assert_int_equal(hostapd_tell(link_to, PORT_START, mac), 0);
	assert_string_equal(asked(PATIENCE_MS), "EAPOL_REAUTH 02:00:00:00:00:ab");
	say("OK\n");
	assert_int_equal(hostapd_tell(link_to, PORT_START, other_mac), 0);
	assert_string_equal(asked(PATIENCE_MS), "EAPOL_REAUTH 02:00:00:00:00:01");
	say("FAIL\n");
	assert_string_equal(asked(PATIENCE_MS), "NEW_STA 02:00:00:00:00:01");
	say("OK\n");
	assert_string_equal(asked(10), "");
}

static void one_after_the_other(void **state)
{
	(void)state;
	start_hostapd();
	attach();
	assert_int_equal(hostapd_tell(link_to, PORT_END, mac), 0);
	assert_int_equal(hostapd_tell(link_to, PORT_START, other_mac), 0);
	assert_string_equal(asked(PATIENCE_MS), "DEAUTHENTICATE 02:00:00:00:00:ab");
	assert_string_equal(asked(10), "");
	say("<3>CTRL-EVENT-EAP-STARTED 02:00:00:00:00:01"); /* no answer */
	assert_string_equal(asked(10), "");
	say("FAIL\n"); /* it is nobody's: done */
	assert_string_equal(asked(PATIENCE_MS), "EAPOL_REAUTH 02:00:00:00:00:01");
	say("OK\n");
	assert_string_equal(asked(10), "");
}

static void events(void **state)
{
	static const struct {
		const char *text;
		int type; /* -1: none of ours */
	} rows[] = {
		{ "<3>CTRL-EVENT-EAP-STARTED 02:00:00:00:00:ab", PORT_STARTED },
		{ "<3>AP-STA-DISCONNECTED 02:00:00:00:00:ab", PORT_CLOSED },
		{ "<3>CTRL-EVENT-EAP-TIMEOUT-FAILURE 02:00:00:00:00:ab", PORT_SILENT },
		{ "<3>CTRL-EVENT-EAP-TIMEOUT-FAILURE2 02:00:00:00:00:ab", PORT_SILENT },
		{ "<3>CTRL-EVENT-EAP-FAILURE2 02:00:00:00:00:ab", -1 },
		{ "<3>AP-STA-CONNECTED 02:00:00:00:00:ab", PORT_OPENED },
		{ "<3>AP-STA-CONNECTEDNESS 02:00:00:00:00:ab", -1 },
		{ "<3>AP-STA-DISCONNECTED 02:00:00:00:00", -1 },
		{ "<3>AP-STA-DISCONNECTED", -1 },
		{ "<3AP-STA-DISCONNECTED 02:00:00:00:00:ab", -1 },
		{ "<", -1 },
	};

	(void)state;
	start_hostapd();
	attach();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		heard_n = 0;
		say(rows[i].text);
		assert_int_equal(heard_n, rows[i].type >= 0);
		if (heard_n == 0)
			continue;
		assert_int_equal(heard[0].type, rows[i].type);
		assert_memory_equal(heard[0].mac, mac, sizeof(mac));
	}
}

/* Whoever it knows is named before anything else is asked of it. */
static void names_its_stations(void **state)
{
	(void)state;
	start_hostapd();
	assert_string_equal(asked(PATIENCE_MS), "ATTACH");
	say("OK\n");
	assert_int_equal(hostapd_tell(link_to, PORT_END, mac), 0);
	assert_string_equal(asked(PATIENCE_MS), "STA-FIRST");
	say("02:00:00:00:00:01\nflags=[AUTHORIZED]\naid=0\n");
	assert_string_equal(asked(PATIENCE_MS), "STA-NEXT 02:00:00:00:00:01");
	say("02:00:00:00:00:ab\nflags=\n");
	assert_string_equal(asked(PATIENCE_MS), "STA-NEXT 02:00:00:00:00:ab");
	say("FAIL\n");
	assert_int_equal(heard_n, 3);
	assert_int_equal(heard[1].type, PORT_KNOWN);
	assert_memory_equal(heard[1].mac, other_mac, sizeof(other_mac));
	assert_memory_equal(heard[2].mac, mac, sizeof(mac));
	assert_string_equal(asked(PATIENCE_MS), "DEAUTHENTICATE 02:00:00:00:00:ab");
	say("OK\n");
}

static void not_there_yet(void **state)
{
	(void)state;
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(hostapd_tell(link_to, PORT_START, mac), -ENOTCONN);
	start_hostapd();
	attach();
	assert_int_equal(hostapd_tell(link_to, PORT_START, mac), 0);
}

/* Killed and back before anybody asked: another socket, which knows nothing of us, under the name of the first. */
static void restarted(void **state)
{
	(void)state;
	start_hostapd();
	attach();
	stop_hostapd();
	start_hostapd();
	attach();
	assert_int_equal(heard_n, 3);
	assert_int_equal(heard[1].type, PORT_LOST);
	say("<3>CTRL-EVENT-TERMINATING ");
	assert_int_equal(hostapd_tell(link_to, PORT_END, mac), -ENOTCONN);
	attach();
	assert_int_equal(heard_n, 5);
	assert_int_equal(heard[3].type, PORT_LOST);
}

/* It hangs, and its answer comes when nobody waits for it any more. */
static void a_late_answer(void **state)
{
	(void)state;
	start_hostapd();
	attach();
	assert_int_equal(hostapd_tell(link_to, PORT_END, mac), 0);
	assert_string_equal(asked(PATIENCE_MS), "DEAUTHENTICATE 02:00:00:00:00:ab");
	assert_string_equal(asked(PATIENCE_MS), "ATTACH"); /* given up */
	assert_int_equal(heard_n, 2);
	say("PONG\n");
	assert_int_equal(heard_n, 2);
	say("OK\n");
	assert_int_equal(heard_n, 3);
}

static void many_orders(void **state)
{
	(void)state;
	start_hostapd();
	attach();
	for (size_t i = 0; i < WAITING_MAX; i++)
		assert_int_equal(hostapd_tell(link_to, PORT_END, mac), 0);
	assert_int_equal(hostapd_tell(link_to, PORT_END, mac), -ENOSPC);
	for (size_t i = 0; i < WAITING_MAX; i++) {
		assert_string_equal(asked(PATIENCE_MS), "DEAUTHENTICATE 02:00:00:00:00:ab");
		say("OK\n");
	}
	assert_int_equal(hostapd_tell(link_to, PORT_END, mac), 0);
}

/* Whoever else finds our socket is not heard. */
static void only_hostapd_speaks(void **state)
{
	static const char lie[] = "<3>AP-STA-DISCONNECTED 02:00:00:00:00:ab";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	start_hostapd();
	attach();
	memcpy(to.sun_path, own, strlen(own));
	assert_int_equal(sendto(fd, lie, sizeof(lie), 0, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, EPERM);
	(void)close(fd);
}

static void long_paths(void **state)
{
	static char path[200];
	struct hostapd *h = NULL;
	struct hostapd_place far = place;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	far.own = path;
	assert_int_equal(hostapd_open(&loop, &far, on_event, NULL, &h), -ENAMETOOLONG);
	far.own = own;
	far.path = path;
	assert_int_equal(hostapd_open(&loop, &far, on_event, NULL, &h), -ENAMETOOLONG);
	assert_null(h);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(starts),
		TEST(one_after_the_other),
		TEST(events),
		TEST(names_its_stations),
		TEST(not_there_yet),
		TEST(restarted),
		TEST(a_late_answer),
		TEST(many_orders),
		TEST(only_hostapd_speaks),
		TEST(long_paths),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

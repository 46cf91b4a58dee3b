/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet of the link to charon, as doc/charon-link.md has it: good ones, and every way of being none. */
#include "io/charon_json.h"
#include "tests/unit/test.h"

enum { GARBAGE = 0xdb };

static int parse(const char *packet, struct charon_event *ret, json_t **ret_keep)
{
	return charon_event_parse(packet, strlen(packet), ret, ret_keep);
}

/* identity with its type, EAP identity and certificate names arrive as they were sent. */
static void all_members(void **state)
{
	struct charon_event e;
	json_t *keep;

	(void)state;
	assert_int_equal(
		parse("{\"event\":\"acquire\",\"request\":7,\"sa\":4294967295,\"new_sa\":1,"
		      "\"id\":{\"type\":\"dn\",\"text\":\"C=DE, CN=alice\"},\"eap\":\"carol\","
		      "\"names\":[{\"type\":\"email\",\"text\":\"a@x\"},{\"type\":\"fqdn\",\"text\":\"a.x\"}],"
		      "\"local\":\"192.0.2.11\",\"local_port\":4500,\"remote\":\"100.64.0.2\","
		      "\"remote_port\":65535,\"address\":\"10.42.0.20\",\"children\":2,\"connection\":\"users\","
		      "\"child\":\"net\",\"by_peer\":true,\"reqid\":3,\"later\":{\"members\":[1]}}",
		      &e, &keep),
		0);
	assert_int_equal(e.type, CHARON_ACQUIRE);
	assert_int_equal(e.request, 7);
	assert_int_equal(e.sa, UINT32_MAX);
	assert_int_equal(e.new_sa, 1);
	assert_int_equal(e.id.type, IDENTITY_DN);
	assert_string_equal(e.id.text, "C=DE, CN=alice");
	assert_string_equal(e.eap, "carol");
	assert_int_equal(e.name_n, 2);
	assert_int_equal(e.names[0].type, IDENTITY_EMAIL);
	assert_string_equal(e.names[1].text, "a.x");
	assert_int_equal(e.local.s_addr, ip("192.0.2.11").s_addr);
	assert_int_equal(e.remote.s_addr, ip("100.64.0.2").s_addr);
	assert_int_equal(e.local_port, 4500);
	assert_int_equal(e.remote_port, 65535);
	assert_int_equal(e.address.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(e.children, 2);
	assert_string_equal(e.connection, "users");
	assert_string_equal(e.child, "net");
	assert_true(e.by_peer);
	assert_int_equal(e.reqid, 3);
	json_decref(keep);
}

/* What is absent is empty, and never NULL (X-09: so no address is any address). */
static void absent_members(void **state)
{
	struct charon_event e;
	json_t *keep;

	(void)state;
	assert_int_equal(parse("{\"event\":\"acquire\",\"id\":{},\"names\":[{}]}", &e, &keep), 0);
	assert_string_equal(e.id.text, "");
	assert_int_equal(e.id.type, IDENTITY_OTHER);
	assert_int_equal(e.name_n, 1);
	assert_string_equal(e.names[0].text, "");
	assert_string_equal(e.eap, "");
	assert_string_equal(e.connection, "");
	assert_string_equal(e.child, "");
	assert_int_equal(e.address.s_addr, INADDR_ANY);
	assert_int_equal(e.sa, 0);
	assert_false(e.by_peer);
	json_decref(keep);
}

static void every_name(void **state)
{
	char packet[128];
	struct charon_event e;
	json_t *keep;

	(void)state;
	for (int i = 0; i < CHARON_EVENT_COUNT; i++) {
		(void)snprintf(packet, sizeof(packet), "{\"event\":\"%s\"}", charon_event_names[i]);
		if (i == CHARON_GONE) { /* is said by the end of the connection */
			assert_int_equal(parse(packet, &e, &keep), -EBADMSG);
			continue;
		}
		assert_int_equal(parse(packet, &e, &keep), 0);
		assert_int_equal(e.type, i);
		json_decref(keep);
	}
}

static void bad_packets(void **state)
{
	static const char *const packets[] = {
		"",
		" ",
		"{",
		"[]",
		"null",
		"7",
		"\"acquire\"",
		"{}",
		"{\"event\":7}",
		"{\"event\":null}",
		"{\"event\":\"Acquire\"}",
		"{\"event\":\"acquire \"}",
		"{\"event\":\"acquire\"} {}",
		"{\"event\":\"acquire\",}",
		"{'event':'acquire'}",
		"{\"event\":\"acquire\",\"sa\":\"7\"}",
		"{\"event\":\"acquire\",\"sa\":-1}",
		"{\"event\":\"acquire\",\"sa\":4294967296}",
		"{\"event\":\"acquire\",\"sa\":99999999999999999999}",
		"{\"event\":\"acquire\",\"sa\":1.0}",
		"{\"event\":\"acquire\",\"sa\":1e999}",
		"{\"event\":\"acquire\",\"sa\":true}",
		"{\"event\":\"acquire\",\"sa\":null}",
		"{\"event\":\"acquire\",\"new_sa\":[]}",
		"{\"event\":\"acquire\",\"request\":{}}",
		"{\"event\":\"acquire\",\"children\":65536}",
		"{\"event\":\"acquire\",\"local_port\":65536}",
		"{\"event\":\"acquire\",\"remote_port\":\"4500\"}",
		"{\"event\":\"acquire\",\"remote\":\"\"}",
		"{\"event\":\"acquire\",\"remote\":\"300.1.1.1\"}",
		"{\"event\":\"acquire\",\"remote\":\"::1\"}",
		"{\"event\":\"acquire\",\"remote\":\"1.2.3.4 \"}",
		"{\"event\":\"acquire\",\"address\":167772161}",
		"{\"event\":\"acquire\",\"local\":false}",
		"{\"event\":\"acquire\",\"id\":\"alice@example.com\"}",
		"{\"event\":\"acquire\",\"id\":[]}",
		"{\"event\":\"acquire\",\"id\":{\"text\":7}}",
		"{\"event\":\"acquire\",\"id\":{\"type\":1,\"text\":\"a\"}}",
		"{\"event\":\"acquire\",\"id\":{\"type\":\"email\",\"text\":\"a\\u0000b\"}}",
		"{\"event\":\"acquire\",\"id\":{\"type\":\"email\",\"text\":\"\xff\"}}",
		"{\"event\":\"acquire\",\"eap\":7}",
		"{\"event\":\"acquire\",\"names\":{}}",
		"{\"event\":\"acquire\",\"names\":[\"a\"]}",
		"{\"event\":\"acquire\",\"names\":[{\"type\":\"email\",\"text\":[]}]}",
		"{\"event\":\"acquire\",\"names\":[{},{},{},{},{},{},{},{},{}]}",
		"{\"event\":\"acquire\",\"connection\":{}}",
		"{\"event\":\"acquire\",\"child\":1}",
	};
	struct charon_event e, untouched;
	json_t *keep = NULL;

	(void)state;
	memset(&e, GARBAGE, sizeof(e));
	memset(&untouched, GARBAGE, sizeof(untouched));
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++)
		if (parse(packets[i], &e, &keep) != -EBADMSG || keep || memcmp(&e, &untouched, sizeof(e)) != 0)
			fail_msg("taken: %s", packets[i]);
}

static void text_of_length(size_t n, int want)
{
	char packet[CHARON_TEXT_MAX + 64], text[CHARON_TEXT_MAX + 2] = "";
	struct charon_event e;
	json_t *keep = NULL;

	memset(text, 'x', n);
	(void)snprintf(packet, sizeof(packet), "{\"event\":\"ike_up\",\"eap\":\"%s\"}", text);
	assert_int_equal(parse(packet, &e, &keep), want);
	if (want == 0)
		assert_int_equal(strlen(e.eap), n);
	json_decref(keep);
}

static void long_texts(void **state)
{
	(void)state;
	text_of_length(CHARON_TEXT_MAX, 0);
	text_of_length(CHARON_TEXT_MAX + 1, -EBADMSG);
}

/* As long as a packet may be, and one octet longer; nested deeper than anybody needs. */
static void long_packets(void **state)
{
	static char packet[CHARON_PACKET_MAX + 2];
	static const char start[] = "{\"event\":\"listed\"";
	struct charon_event e;
	json_t *keep = NULL;

	(void)state;
	memset(packet, ' ', sizeof(packet));
	memcpy(packet, start, sizeof(start) - 1);
	packet[CHARON_PACKET_MAX - 1] = '}';
	assert_int_equal(charon_event_parse(packet, CHARON_PACKET_MAX, &e, &keep), 0);
	json_decref(keep);
	keep = NULL;
	packet[CHARON_PACKET_MAX - 1] = ' ';
	packet[CHARON_PACKET_MAX] = '}';
	assert_int_equal(charon_event_parse(packet, CHARON_PACKET_MAX + 1, &e, &keep), -EBADMSG);
	memset(packet, '[', CHARON_PACKET_MAX);
	assert_int_equal(charon_event_parse(packet, CHARON_PACKET_MAX, &e, &keep), -EBADMSG);
	assert_null(keep);
}

/* The octets behind the packet are not of it, and a NUL inside ends nothing. */
static void where_a_packet_ends(void **state)
{
	static const char packet[] = "{\"event\":\"listed\"}x", nul[] = "{\"event\":\"listed\"}\0{";
	struct charon_event e;
	json_t *keep = NULL;

	(void)state;
	assert_int_equal(charon_event_parse(packet, sizeof(packet) - 2, &e, &keep), 0);
	json_decref(keep);
	keep = NULL;
	assert_int_equal(charon_event_parse(packet, sizeof(packet) - 1, &e, &keep), -EBADMSG);
	assert_int_equal(charon_event_parse(nul, sizeof(nul) - 1, &e, &keep), -EBADMSG);
}

static void commands(void **state)
{
	static const struct {
		struct charon_command c;
		const char *want;
	} rows[] = {
		{ { .type = CHARON_CLOSE_CHILD, .sa = 3 }, "{\"command\": \"close_child\", \"sa\": 3}" },
		{ { .type = CHARON_CLOSE_IKE, .sa = 3, .connection = "c" },
		  "{\"command\": \"close_ike\", \"sa\": 3, \"connection\": \"c\"}" },
		{ { .type = CHARON_OPEN, .connection = "c", .child = "net" },
		  "{\"command\": \"open\", \"connection\": \"c\", \"child\": \"net\"}" },
		{ { .type = CHARON_ROAM }, "{\"command\": \"roam\"}" },
		{ { .type = CHARON_ANSWER, .request = 7, .sa = 3, .refused = "no \"room\"" },
		  "{\"command\": \"answer\", \"request\": 7, \"sa\": 3, \"refused\": \"no \\\"room\\\"\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char packet[CHARON_PACKET_MAX];
		int n = charon_command_build(&rows[i].c, packet, sizeof(packet));
		json_t *got, *want = json_loads(rows[i].want, 0, NULL);

		assert_true(n > 0);
		got = json_loadb(packet, (size_t)n, 0, NULL);
		assert_true(json_equal(got, want));
		json_decref(got);
		json_decref(want);
	}
}

static void a_granted_answer(void **state)
{
	const struct charon_command c = { .type = CHARON_ANSWER,
					  .request = 7,
					  .address = ip("10.42.0.20"),
					  .dns = { ip("10.9.0.2"), ip("10.9.0.3") },
					  .dns_n = 2 };
	char packet[CHARON_PACKET_MAX];
	int n = charon_command_build(&c, packet, sizeof(packet));
	json_t *got = json_loadb(packet, n > 0 ? (size_t)n : 0, 0, NULL);
	json_t *want = json_loads("{\"command\":\"answer\",\"request\":7,\"address\":\"10.42.0.20\","
				  "\"dns\":[\"10.9.0.2\",\"10.9.0.3\"]}",
				  0, NULL);

	(void)state;
	assert_true(json_equal(got, want));
	json_decref(got);
	json_decref(want);
	assert_int_equal(charon_command_build(&c, packet, 10), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members),         cmocka_unit_test(absent_members),
		cmocka_unit_test(every_name),          cmocka_unit_test(bad_packets),
		cmocka_unit_test(long_texts),          cmocka_unit_test(long_packets),
		cmocka_unit_test(where_a_packet_ends), cmocka_unit_test(commands),
		cmocka_unit_test(a_granted_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/replay.h"
#include "tests/unit/test.h"

#define NTP(s) ((uint64_t)(s) << 32)

static const struct sa stamps = { .spi = 256, .replay = REPLAY_TIMESTAMP, .tolerance_s = 7 };
static const struct sa nonces = { .spi = 257, .replay = REPLAY_NONCE, .tolerance_s = 7 };

/* RFC 5944 5.7.1, G-08: inside of the window and newer than whatever was accepted, by whichever agent. */
static void timestamps(void **state)
{
	static const uint64_t now = NTP(5000);
	static const struct {
		uint64_t last, id;
		enum replay_verdict want;
	} rows[] = {
		{ 0, NTP(5000), REPLAY_FRESH },
		{ 0, NTP(5007), REPLAY_FRESH },
		{ 0, NTP(5007) + 1, REPLAY_MISMATCH },
		{ 0, NTP(4993), REPLAY_FRESH },
		{ 0, NTP(4993) - 1, REPLAY_MISMATCH },
		{ NTP(4999), NTP(4999), REPLAY_REPEATED },
		{ NTP(4999), NTP(4999) + 1, REPLAY_FRESH },
		{ NTP(4999), NTP(4999) - 1, REPLAY_MISMATCH },
		{ NTP(5005), NTP(5000), REPLAY_MISMATCH },
		{ NTP(9000), NTP(5000), REPLAY_FRESH }, /* our clock was set back: the old one lies outside */
	};

	(void)state;
	assert_int_equal(replay_check(&stamps, NULL, now, now), REPLAY_FRESH);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct replay_entry e = { .last_id = rows[i].last };

		if (replay_check(&stamps, &e, now, rows[i].id) != rows[i].want)
			fail_msg("row %zu", i);
	}
}

/* 2036-02-07: the seconds start again at 0. */
static void timestamps_pass_the_end_of_the_era(void **state)
{
	const struct replay_entry e = { .last_id = NTP(UINT32_MAX) + 5 };

	(void)state;
	assert_int_equal(replay_check(&stamps, &e, NTP(1), NTP(0) + 9), REPLAY_FRESH);
	assert_int_equal(replay_check(&stamps, &e, NTP(1), NTP(UINT32_MAX) + 4), REPLAY_MISMATCH);
}

static void nonces_are_used_once(void **state)
{
	struct replay_entry e = { 0 };

	(void)state;
	assert_int_equal(replay_check(&nonces, NULL, 0, 7), REPLAY_MISMATCH);
	assert_int_equal(replay_check(&nonces, &e, 0, 7), REPLAY_MISMATCH); /* none issued: 0 is not it */
	replay_issue_nonce(&e, 0xaabbccdd);
	assert_int_equal(replay_check(&nonces, &e, 0, NTP(0xaabbccdd) | 5), REPLAY_FRESH);
	replay_accept(&e, NTP(0xaabbccdd) | 5);
	replay_issue_nonce(&e, 0x11223344);
	assert_int_equal(replay_check(&nonces, &e, 0, NTP(0xaabbccdd) | 5), REPLAY_REPEATED);
	assert_int_equal(replay_check(&nonces, &e, 0, NTP(0xaabbccdd) | 6), REPLAY_MISMATCH);
	assert_int_equal(replay_check(&nonces, &e, 0, NTP(0x11223344) | 6), REPLAY_FRESH);
}

/* The low half is the request's; the high half our clock, or past what was accepted (G-09). */
static void resynchronises(void **state)
{
	struct replay_entry e = { .last_id = NTP(0xd0000105) | 9 };

	(void)state;
	assert_true(replay_resync_id(NULL, NTP(0xd0000100) | 77, UINT64_C(0x1234567812345678)) ==
		    UINT64_C(0xd000010012345678));
	assert_true(replay_resync_id(&e, NTP(0xd0000100), NTP(0xd0000101) | 3) == (NTP(0xd0000106) | 3));
	e.last_id = NTP(0xd0000090);
	assert_true(replay_resync_id(&e, NTP(0xd0000100), NTP(0xd0000080) | 3) == (NTP(0xd0000101) | 3));
	assert_true(replay_resync_id(&e, NTP(0xd0000100), NTP(0xd0000200) | 3) == (NTP(0xd0000100) | 3));
}

/* RFC 3543 3.2: strictly rising, whatever the clock does. */
static void revocation_stamps_rise(void **state)
{
	struct replay_entry e = { 0 };

	(void)state;
	assert_int_equal(replay_stamp(&e, NTP(100)), 100);
	assert_int_equal(replay_stamp(&e, NTP(100)), 101);
	assert_int_equal(replay_stamp(&e, NTP(90)), 102);
	assert_int_equal(replay_stamp(&e, NTP(500)), 500);
}

static void remembers_by_name(void **state)
{
	struct replay_table *t = NULL;
	struct replay_entry *a, *b;

	(void)state;
	assert_int_equal(replay_table_new(8, &t), 0);
	assert_null(replay_entry_find(t, text("a")));
	assert_int_equal(replay_entry_get(t, text("a"), 1, 0, &a), 0);
	replay_accept(a, 42);
	assert_int_equal(replay_entry_get(t, text("ab"), 2, 0, &b), 0);
	assert_int_equal(b->last_id, 0);
	assert_int_equal(replay_entry_find(t, text("a"))->last_id, 42);
	replay_table_freep(&t);
	assert_null(t);
}

/* A full table forgets whom it has not seen for longest, but nobody who could be replayed. */
static void forgets_the_oldest_only(void **state)
{
	struct replay_table *t = NULL;
	struct replay_entry *e;

	(void)state;
	assert_int_equal(replay_table_new(2, &t), 0);
	assert_int_equal(replay_entry_get(t, text("a"), 100, 50, &e), 0);
	assert_int_equal(replay_entry_get(t, text("b"), 110, 50, &e), 0);
	assert_int_equal(replay_entry_get(t, text("a"), 120, 50, &e), 0); /* touched: now b is the oldest */
	assert_int_equal(replay_entry_get(t, text("c"), 159, 50, &e), -ENOSPC);
	assert_int_equal(replay_entry_get(t, text("c"), 160, 50, &e), 0);
	assert_null(replay_entry_find(t, text("b")));
	assert_non_null(replay_entry_find(t, text("a")));
	replay_table_freep(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamps),
		cmocka_unit_test(timestamps_pass_the_end_of_the_era),
		cmocka_unit_test(nonces_are_used_once),
		cmocka_unit_test(resynchronises),
		cmocka_unit_test(revocation_stamps_rise),
		cmocka_unit_test(remembers_by_name),
		cmocka_unit_test(forgets_the_oldest_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

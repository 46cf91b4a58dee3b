/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum { ROOM = 1 << 20 };

static char directory[] = "/tmp/hf-store-XXXXXX", path[64], damaged_path[80];
static struct store *store;

static bool open_store(void)
{
	bool damaged = false;

	assert_int_equal(store_open(path, ROOM, &store, &damaged), 0);
	return damaged;
}

static int clean(void **state)
{
	char lock[80];

	(void)state;
	(void)snprintf(lock, sizeof(lock), "%s-lock", path);
	(void)unlink(path); /* each may be absent */
	(void)unlink(lock);
	(void)unlink(damaged_path);
	return 0;
}

static void count(void *ctx, struct span key, struct span value)
{
	(void)key;
	(void)value;
	(*(size_t *)ctx)++;
}

static size_t entries(void)
{
	size_t n = 0;

	assert_int_equal(store_each(store, count, &n), 0);
	return n;
}

static void kept(void **state)
{
	struct stat st;

	(void)state;
	assert_false(open_store());
	assert_int_equal(store_put(store, text("a"), text("1")), 0);
	assert_int_equal(store_put(store, text("b"), text("2")), 0);
	assert_int_equal(store_put(store, text("a"), text("3")), 0);
	assert_int_equal(store_del(store, text("b")), 0);
	assert_int_equal(store_del(store, text("b")), 0); /* gone already */
	assert_int_equal(store_sync(store), 0);
	store_closep(&store);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600); /* it tells who is where */
	assert_false(open_store());
	assert_int_equal(entries(), 1);
	store_closep(&store);
}

/* Without a word, between two changes. */
static void a_process_that_is_killed_loses_nothing(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		(void)open_store();
		(void)store_put(store, text("a"), text("1"));
		(void)store_put(store, text("b"), text("2"));
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(open_store());
	assert_int_equal(entries(), 2);
	store_closep(&store);
}

static void drop(void *ctx, struct span key, struct span value)
{
	(void)value;
	(*(size_t *)ctx)++;
	assert_int_equal(store_del(store, key), 0);
}

static void entries_may_be_deleted_while_they_are_read(void **state)
{
	size_t n = 0;

	(void)state;
	(void)open_store();
	for (char key[2] = "a"; key[0] <= 'z'; key[0]++)
		assert_int_equal(store_put(store, text(key), text("value")), 0);
	assert_int_equal(store_each(store, drop, &n), 0);
	assert_int_equal(n, 26);
	assert_int_equal(entries(), 0);
	store_closep(&store);
}

static void a_full_store_says_so(void **state)
{
	static uint8_t big[4000];
	char key[16];
	int r = 0;

	(void)state;
	(void)open_store();
	for (int i = 0; r == 0 && i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		r = store_put(store, text(key), (struct span){ big, sizeof(big) });
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(store_del(store, text("0")), 0);
	store_closep(&store);
}

/* Any damage is found, or harmless; the daemon starts. */
static void damage_is_moved_aside(void **state)
{
	uint8_t rubbish[512];
	size_t found = 0;
	struct stat st;
	int fd;

	(void)state;
	memset(rubbish, 0xa5, sizeof(rubbish));
	for (off_t at = 0; at < 6 * 4096; at += 512) {
		(void)clean(NULL);
		(void)open_store();
		for (char key[3] = "aa"; key[0] <= 'z'; key[0]++)
			for (key[1] = 'a'; key[1] <= 'f'; key[1]++)
				assert_int_equal(store_put(store, text(key), text("some value that takes room")), 0);
		store_closep(&store);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), at), sizeof(rubbish));
		(void)close(fd); /* read below */
		if (open_store()) {
			found++;
			assert_int_equal(stat(damaged_path, &st), 0);
			assert_int_equal(entries(), 0);
		}
		assert_int_equal(store_put(store, text("a"), text("1")), 0);
		store_closep(&store);
	}
	assert_in_range(found, 4, 48);
	(void)clean(NULL);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "no store", 8), 8);
	(void)close(fd);
	assert_true(open_store());
	store_closep(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kept, clean),
		cmocka_unit_test_setup(a_process_that_is_killed_loses_nothing, clean),
		cmocka_unit_test_setup(entries_may_be_deleted_while_they_are_read, clean),
		cmocka_unit_test_setup(a_full_store_says_so, clean),
		cmocka_unit_test_setup(damage_is_moved_aside, clean),
	};
	int r;

	if (!mkdtemp(directory))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/s.mdb", directory);
	(void)snprintf(damaged_path, sizeof(damaged_path), "%s.damaged", path);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)clean(NULL);
	(void)rmdir(directory);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "conf/daemon_conf.h"
#include "conf/value.h"

enum { KEY_TEXT_MAX = 256 };

/* Refuses what others may read: a key they have seen is no key. */
static int check_private(int fd, const char *what, struct conf_error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return conf_fail(e, "%s: %s", what, strerror(errno));
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return conf_fail(e, "%s holds keys, but others may read it; allowed: mode 0600", what);
	return 0;
}

static int read_key_file(const char *path, char ret[KEY_TEXT_MAX], struct conf_error *e)
{
	auto_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int r;

	if (fd < 0)
		return conf_fail(e, "%s: %s", path, strerror(errno));
	r = check_private(fd, path, e);
	if (r < 0)
		return r;
	n = read(fd, ret, KEY_TEXT_MAX - 1);
	if (n < 0)
		return conf_fail(e, "%s: %s", path, strerror(errno));
	ret[n] = '\0';
	ret[strcspn(ret, "\r\n")] = '\0';
	return 0;
}

static int parse_secret(const char *text, const char *what, uint8_t *ret, size_t max, size_t *ret_n,
			struct conf_error *e)
{
	uint8_t octets[KEY_TEXT_MAX];
	size_t n = 0;
	bool valid = octets_parse(text, octets, max < sizeof(octets) ? max : sizeof(octets), &n) == 0 && n > 0;

	if (valid) {
		memcpy(ret, octets, n);
		*ret_n = n;
	}
	OPENSSL_cleanse(octets, sizeof(octets)); /* what was read before it went wrong is part of a key as well */
	return valid ? 0 :
		       conf_fail(e, "the %s is not valid; allowed: \"hex:...\" or \"text:...\" of 1 to %zu octets",
				 what, max);
}

int secret_load(const char *secret_file, const char *what, struct key_source *source, uint8_t *ret, size_t max,
		size_t *ret_n, struct conf_error *e)
{
	char text[KEY_TEXT_MAX] = "";
	auto_(closep) int fd = -1;
	int r;

	if (!source->key == !source->key_file)
		return conf_fail(e, "allowed: exactly one of %s and %s-file", what, what);
	if (source->key) {
		fd = open(secret_file, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? conf_fail(e, "%s", strerror(errno)) : check_private(fd, "this file", e);
		return r < 0 ? r : parse_secret(source->key, what, ret, max, ret_n, e);
	}
	r = read_key_file(source->key_file, text, e);
	if (r == 0)
		r = parse_secret(text, what, ret, max, ret_n, e);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

int key_load(const char *secret_file, struct key_source *source, struct sa *sa, struct conf_error *e)
{
	size_t n = 0;
	int r = secret_load(secret_file, "key", source, sa->key, sizeof(sa->key), &n, e);

	if (r == 0)
		sa->key_n = (uint8_t)n;
	return r;
}

int association_key_load(const char *secret_file, const char *association, struct key_source *source, struct sa *sa,
			 struct conf_error *e)
{
	struct conf_error why = { 0 };

	if (key_load(secret_file, source, sa, &why) == 0)
		return 0;
	return conf_fail_at(e, "association", association, source->key_file ? "key-file" : "key", "%s", why.text);
}

void key_source_wipe(struct key_source *source)
{
	if (source->key)
		OPENSSL_cleanse(source->key, strlen(source->key));
}

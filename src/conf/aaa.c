/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AAA servers, as programs that ask them are configured with: what the rows cannot say. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/util.h"
#include "conf/daemon_conf.h"

const char *const proof_names[PROOF_COUNT] = { "require", "allow" };

int radius_secret_load(const char *path, const char *section, const char *name, struct key_source *source,
		       struct radius_secret *ret, struct conf_error *e)
{
	struct conf_error why = { 0 };

	if (secret_load(path, "secret", source, ret->octets, sizeof(ret->octets), &ret->n, &why) == 0)
		return 0;
	return conf_fail_at(e, section, name, source->key_file ? "secret-file" : "secret", "%s", why.text);
}

int aaa_complete(const char *path, struct aaa_files *f, struct radius_server **ret, size_t *ret_n, struct conf_error *e)
{
	int r = 0;

	if (f->n == 0)
		return 0;
	if (f->n > RADIUS_SERVERS_MAX)
		return conf_fail_at(e, NULL, NULL, "aaa", "allowed: at most %d sections", RADIUS_SERVERS_MAX);
	for (size_t i = 0; r == 0 && i < f->n; i++) {
		struct aaa_file *s = &f->v[i];

		s->server.unproven = s->proof == PROOF_ALLOW;
		r = radius_secret_load(path, "aaa", s->server.name, &s->source, &s->server.secret, e);
	}
	if (r < 0)
		return r;
	*ret = calloc(f->n, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (; *ret_n < f->n; (*ret_n)++)
		(*ret)[*ret_n] = f->v[*ret_n].server;
	return 0;
}

void radius_secret_wipe(struct radius_secret *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}

void aaa_done(struct aaa_files *f, struct radius_server **servers, size_t *server_n)
{
	for (size_t i = 0; i < f->n; i++) {
		radius_secret_wipe(&f->v[i].server.secret);
		key_source_wipe(&f->v[i].source);
	}
	for (size_t i = 0; i < *server_n; i++)
		radius_secret_wipe(&(*servers)[i].secret);
	freep(servers);
	*server_n = 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RADIUS part of a proxy agent's configuration: what the rows cannot say. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "conf/daemon_conf.h"

static bool is_access(const struct mpa_conf *c, const char *interface)
{
	for (size_t i = 0; i < c->access_n; i++)
		if (strcmp(c->accesses[i].interface, interface) == 0)
			return true;
	for (size_t i = 0; i < c->vpn_n; i++)
		if (strcmp(c->vpns[i].interface, interface) == 0)
			return true;
	return !interface[0];
}

static bool is_like(const char *glob, const char *interface)
{
	return fnmatch(glob, interface, 0) == 0;
}

/* Whatever is named so is closed for all but its user. Return: a device that must not be, or NULL. */
static const char *other_like(const struct mpa_file *f, const char *glob)
{
	for (size_t i = 0; i < f->daemon.interface_n; i++)
		if (is_like(glob, f->daemon.interfaces[i]))
			return f->daemon.interfaces[i];
	for (size_t i = 0; i < f->mpa.access_n; i++)
		if (is_like(glob, f->mpa.accesses[i].interface))
			return f->mpa.accesses[i].interface;
	for (size_t i = 0; i < f->mpa.vpn_n; i++)
		if (is_like(glob, f->mpa.vpns[i].interface))
			return f->mpa.vpns[i].interface;
	return is_like(glob, "lo") ? "lo" : NULL;
}

static int check_where(const struct mpa_file *f, const struct nas_file *n, struct conf_error *e)
{
	const char *access = n->nas.access, *other;
	size_t plain_n = strcspn(access, "*?[\\");

	if (n->kind != NAS_ETHERNET && !access[0])
		return conf_fail_at(e, "nas", n->nas.name, "access",
				    "missing; the users of a PPP or VPN server arrive somewhere");
	if (!access[plain_n])
		return is_access(&f->mpa, access) ?
			       0 :
			       conf_fail_at(e, "nas", n->nas.name, "access", "there is no access or vpn '%s'", access);
	if (n->kind != NAS_PPP || plain_n == 0 || strcmp(&access[plain_n], "*") != 0)
		return conf_fail_at(e, "nas", n->nas.name, "access",
				    "allowed: a name; with kind = ppp also one that ends with a star, as ppp*");
	other = other_like(f, access);
	return other ? conf_fail_at(e, "nas", n->nas.name, "access",
				    "'%s' would be one of them; allowed: a name of users' devices only", other) :
		       0;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && a->addr.s_addr == b->addr.s_addr;
}

static int take_nas(const char *path, struct mpa_file *f, size_t i, struct conf_error *e)
{
	struct nas_file *n = &f->nases[i];

	int r = check_where(f, n, e);

	n->nas.unproven = n->proof == PROOF_ALLOW;
	n->nas.gives_address = n->kind != NAS_ETHERNET;
	if (r < 0)
		return r;
	for (size_t k = 0; k < i; k++)
		if (same_prefix(&f->nases[k].nas.address, &n->nas.address))
			return conf_fail_at(e, "nas", n->nas.name, "address",
					    "nas '%s' has the same; allowed: one section of a prefix",
					    f->nases[k].nas.name);
	return radius_secret_load(path, "nas", n->nas.name, &n->source, &n->nas.secret, e);
}

static int check_top(const struct mpa_file *f, struct conf_error *e)
{
	if (f->nas_n > 0 && f->aaa.n == 0)
		return conf_fail_at(e, NULL, NULL, "aaa", "missing; authenticators need a server behind us");
	if (f->nas_n == 0 && f->aaa.n > 0)
		return conf_fail_at(e, NULL, NULL, "nas", "missing; without one nobody asks the AAA servers");
	if (f->mpa.relay.auth_port == f->mpa.relay.acct_port)
		return conf_fail_at(e, NULL, NULL, "radius-acct-port", "allowed: another one than radius-auth-port");
	if (f->mpa.relay.das_port == f->mpa.relay.auth_port || f->mpa.relay.das_port == f->mpa.relay.acct_port)
		return conf_fail_at(e, NULL, NULL, "radius-das-port",
				    "allowed: another one than radius-auth-port and radius-acct-port");
	return 0;
}

int radius_complete(const char *path, struct mpa_file *f, struct conf_error *e)
{
	struct relay_conf *c = &f->mpa.relay;
	int r = check_top(f, e);

	for (size_t i = 0; r == 0 && i < f->nas_n; i++)
		r = take_nas(path, f, i, e);
	if (r == 0)
		r = aaa_complete(path, &f->aaa, &c->servers, &c->server_n, e);
	if (r < 0)
		return r;
	if (f->nas_n == 0) {
		c->auth_port = c->acct_port = c->das_port = 0;
		return 0;
	}
	c->nases = calloc(f->nas_n, sizeof(c->nases[0]));
	if (!c->nases)
		return -ENOMEM;
	for (; c->nas_n < f->nas_n; c->nas_n++)
		c->nases[c->nas_n] = f->nases[c->nas_n].nas;
	return 0;
}

void radius_done(struct mpa_file *f)
{
	struct relay_conf *c = &f->mpa.relay;

	for (size_t i = 0; i < f->nas_n; i++) {
		radius_secret_wipe(&f->nases[i].nas.secret);
		key_source_wipe(&f->nases[i].source);
	}
	for (size_t i = 0; i < c->nas_n; i++)
		radius_secret_wipe(&c->nases[i].secret);
	freep(&c->nases);
	c->nas_n = 0;
	aaa_done(&f->aaa, &c->servers, &c->server_n);
}

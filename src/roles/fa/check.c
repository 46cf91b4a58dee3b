/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "roles/fa/agent.h"

enum {
	TTL_OF_NEIGHBOURS = 255, /* RFC 3024 4.1.1 */
	LOOPBACK_NET = 127,
	FIRST_MULTICAST = 224,
};

static int check_authentication(const struct fa *fa, const struct pending *p, const uint8_t *msg,
				const struct mip_exts *x, const char **ret_why)
{
	const struct sa *sa = association_mn(fa, p->nai, p->request.home);

	if (!sa && !fa->conf->mn_authentication)
		return CHECK_PASS;
	*ret_why = sa ? "its Mobile-Foreign authentication is missing or wrong" : "we share no key with it";
	return sa && !x->duplicate_auth && sa_verify(sa, msg, &x->mn_fa) ? CHECK_PASS : MIP_CODE_FA_MN_AUTH_FAILED;
}

static int check_reverse_tunnel(const struct fa *fa, const struct pending *p, const char **ret_why)
{
	bool wanted = p->request.flags & MIP_REQ_T;

	if (p->request.flags & MIP_REQ_D || p->request.lifetime_s == 0)
		return CHECK_PASS; /* there is none of ours */
	if (wanted && fa->conf->reverse_tunnel == FA_REVERSE_TUNNEL_OFF) {
		*ret_why = "reverse tunnels are off here";
		return MIP_CODE_FA_REVERSE_TUNNEL_UNAVAILABLE;
	}
	if (!wanted && fa->conf->reverse_tunnel == FA_REVERSE_TUNNEL_REQUIRED) {
		*ret_why = "a reverse tunnel is a must here";
		return MIP_CODE_FA_REVERSE_TUNNEL_MANDATORY;
	}
	return CHECK_PASS;
}

bool is_of_one(struct in_addr a)
{
	uint8_t first = (uint8_t)(ntohl(a.s_addr) >> 24);

	return first != 0 && first != LOOPBACK_NET && first < FIRST_MULTICAST;
}

size_t request_home_part(const struct mip_exts *x)
{
	size_t ha = x->mn_ha.present ? x->mn_ha.covered + x->mn_ha.mac.n : 0;
	size_t aaa = x->mn_aaa.present ? x->mn_aaa.covered + x->mn_aaa.mac.n : 0;

	return ha > aaa ? ha : aaa;
}

bool is_ours(const struct fa *fa, struct in_addr a)
{
	if (a.s_addr == fa->conf->care_of.s_addr)
		return true;
	for (size_t i = 0; i < fa->conf->access_n; i++)
		if (fa->conf->accesses[i].address.s_addr == a.s_addr)
			return true;
	return false;
}

static bool is_care_of_wrong(const struct fa *fa, const struct mip_request *m)
{
	if (m->lifetime_s == 0)
		return false;
	return m->flags & MIP_REQ_D ? is_ours(fa, m->care_of) : m->care_of.s_addr != fa->conf->care_of.s_addr;
}

static int check_addresses(const struct fa *fa, const struct pending *p, const char **ret_why)
{
	const struct mip_request *m = &p->request;

	if (is_ours(fa, p->home_agent)) {
		*ret_why = "it takes us for its home agent";
		return MIP_CODE_INVALID_HA_FIELD;
	}
	if (p->home_agent.s_addr == INADDR_ANY || p->home_agent.s_addr == INADDR_BROADCAST) {
		*ret_why = "it names no home agent"; /* RFC 4433: and we know none for it */
		return MIP_CODE_FA_NONZERO_HA_REQUIRED;
	}
	/* Else we would be made to send to groups, or to ourselves, or to take our own packets for a visitor's. */
	if (!is_of_one(p->home_agent) ||
	    (m->home.s_addr != INADDR_ANY && (!is_of_one(m->home) || is_ours(fa, m->home)))) {
		*ret_why = "there can be no such home agent or mobile node";
		return MIP_CODE_FA_MALFORMED_REQUEST;
	}
	if (is_care_of_wrong(fa, m)) {
		*ret_why = "its care-of address is not the one we offer, or ours and taken for its own";
		return MIP_CODE_FA_INVALID_CARE_OF;
	}
	if (m->home.s_addr == INADDR_ANY && !p->nai[0]) {
		*ret_why = "it has neither a home address nor an NAI";
		return MIP_CODE_FA_NONZERO_HOME_REQUIRED;
	}
	return CHECK_PASS;
}

static int check_service(const struct fa *fa, const struct pending *p, const char **ret_why)
{
	const struct mip_request *m = &p->request;

	if (fa->conf->ha_authentication && !association_ha(fa, p->home_agent)) {
		*ret_why = "we share no key with its home agent";
		return MIP_CODE_FA_ADMIN_PROHIBITED;
	}
	if (m->lifetime_s > fa->conf->max_lifetime_s) {
		*ret_why = "its lifetime is longer than ours";
		return MIP_CODE_FA_LIFETIME_TOO_LONG;
	}
	if (!(m->flags & MIP_REQ_D) && m->flags & (MIP_REQ_M | MIP_REQ_G)) {
		*ret_why = "IP in IP, alone or in UDP, is all there is";
		return MIP_CODE_FA_ENCAPSULATION_UNAVAILABLE;
	}
	if (m->lifetime_s != 0 && !visit_find(fa, m->home, p->home_agent) && visit_is_full(fa)) {
		*ret_why = "as many visitors as we may have";
		return MIP_CODE_FA_NO_RESOURCES;
	}
	if (m->lifetime_s != 0 && visit_is_in_the_way(fa, p, m->home)) {
		*ret_why = "somebody else visits with this MAC";
		return MIP_CODE_FA_ADMIN_PROHIBITED;
	}
	return check_reverse_tunnel(fa, p, ret_why);
}

int request_check(const struct fa *fa, const struct pending *p, const uint8_t *msg, const struct mip_exts *x,
		  uint8_t ttl, const char **ret_why)
{
	int r;

	*ret_why = "";
	/* RFC 3543 3.2: with our care-of address, revocation is between us and the home agent. */
	if (!(p->request.flags & MIP_REQ_D) && x->revocation_at) {
		*ret_why = "revocation is not its to negotiate";
		return CHECK_DISCARD;
	}
	if (p->request.flags & MIP_REQ_T && ttl != TTL_OF_NEIGHBOURS) {
		*ret_why = "it is not on this link";
		return MIP_CODE_FA_TOO_DISTANT;
	}
	if (!x->mn_ha.present && !x->mn_aaa.present) {
		*ret_why = "nothing in it proves who it is";
		return MIP_CODE_FA_MALFORMED_REQUEST;
	}
	if (x->cvse_at && x->cvse_at >= request_home_part(x)) {
		*ret_why = "we know no vendor's extensions"; /* RFC 3115 2.3 */
		return MIP_CODE_FA_VENDOR_OF_MN;
	}
	r = check_authentication(fa, p, msg, x, ret_why);
	if (r == CHECK_PASS)
		r = check_addresses(fa, p, ret_why);
	return r == CHECK_PASS ? check_service(fa, p, ret_why) : r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "roles/mpa/vpn_identity.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

static const char *const too_long = "its name is too long for a NAI";

/* A NAI under construction: what does not fit makes it too long, once and for all. */
struct name {
	char text[MIP_NAI_MAX + 1];
	size_t n;
	bool overflow;
};

static void add(struct name *name, char c)
{
	if (name->n == MIP_NAI_MAX)
		name->overflow = true;
	else
		name->text[name->n++] = c;
}

static void add_text(struct name *name, const char *text)
{
	for (; *text; text++)
		add(name, *text);
}

static bool row_fits(const struct mpa_identity *row, const struct charon_event *e)
{
	if (e->eap[0])
		return fnmatch(row->glob, e->eap, FNM_CASEFOLD) == 0;
	if (fnmatch(row->glob, e->id.text, FNM_CASEFOLD) == 0)
		return true;
	for (size_t i = 0; i < e->name_n; i++)
		if (fnmatch(row->glob, e->names[i].text, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

static const struct mpa_identity *row_of(const struct mpa_naming *how, const struct charon_event *e)
{
	for (size_t i = 0; i < how->row_n; i++)
		if (row_fits(&how->rows[i], e))
			return &how->rows[i];
	return NULL;
}

static int hex_value(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* What a backslash at *@at escapes: an octet as two digits, or the character itself. False: nothing follows. */
static bool unescape(const char **at, char *ret)
{
	const char *p = *at + 1;

	if (!*p)
		return false;
	if (hex_value(p[0]) >= 0 && hex_value(p[1]) >= 0) {
		*ret = (char)(hex_value(p[0]) << 4 | hex_value(p[1]));
		*at = p + 2;
	} else {
		*ret = *p;
		*at = p + 1;
	}
	return true;
}

/* One value of a DN: *@at moves to the comma behind it, or the end. */
static int take_value(const char **at, struct name *value)
{
	const char *p = *at;
	bool quoted = *p == '"';

	p += quoted;
	while (*p && *p != (quoted ? '"' : ',')) {
		char c = *p;

		if (c == '\\') {
			if (!unescape(&p, &c))
				return -EBADMSG;
		} else {
			p++;
		}
		add(value, c);
	}
	if (quoted && *p++ != '"')
		return -EBADMSG;
	if (*p && *p != ',')
		return -EBADMSG; /* text behind the closing quote */
	*at = p;
	return 0;
}

/* The last CN is the most specific one: a directory puts users below containers that are CNs themselves. */
static int common_name(const char *dn, struct name *ret, const char **ret_why)
{
	bool found = false;

	while (*dn) {
		size_t attribute_n = strcspn(dn, "=,");
		bool is_cn = attribute_n == 2 && strncasecmp(dn, "CN", 2) == 0;
		struct name value = { 0 };

		if (dn[attribute_n] != '=')
			break;
		dn += attribute_n + 1;
		if (take_value(&dn, &value) < 0)
			break;
		if (is_cn) {
			*ret = value;
			found = true;
		}
		if (!*dn) {
			if (!found)
				*ret_why = "its certificate has neither a subjectAltName for users nor a CN";
			return found ? 0 : -ENOENT;
		}
		dn += 1 + strspn(dn + 1, " ");
	}
	*ret_why = "its distinguished name cannot be read";
	return -ENOENT;
}

static const char *subject_alt_name(const struct charon_event *e, enum identity_type type)
{
	for (size_t i = 0; i < e->name_n; i++)
		if (e->names[i].type == type)
			return e->names[i].text;
	return NULL;
}

static int name_of_certificate(const struct charon_event *e, struct name *ret, const char **ret_why)
{
	const char *text = subject_alt_name(e, IDENTITY_EMAIL);

	if (!text)
		text = subject_alt_name(e, IDENTITY_FQDN);
	if (!text)
		return common_name(e->id.text, ret, ret_why);
	add_text(ret, text);
	return 0;
}

static int name_of(const struct charon_event *e, struct name *ret, const char **ret_why)
{
	int r = 0;

	if (e->eap[0]) {
		add_text(ret, e->eap);
		return 0;
	}
	switch (e->id.type) {
	case IDENTITY_EMAIL:
	case IDENTITY_FQDN:
		add_text(ret, e->id.text);
		break;
	case IDENTITY_DN:
		r = name_of_certificate(e, ret, ret_why);
		break;
	case IDENTITY_IPV4:
	case IDENTITY_KEY_ID:
	case IDENTITY_OTHER:
	case IDENTITY_TYPE_COUNT:
		*ret_why = "an identity of its type names nobody, and no row maps it";
		return -ENOENT;
	}
	for (size_t i = 0; i < ret->n; i++)
		ret->text[i] = (char)tolower((unsigned char)ret->text[i]);
	return r;
}

/* NULL, or what is wrong. RFC 7542 2.2: atoms of ASCII, and one '@' between two of them. A star is a pattern to charon,
 * for which it takes the secret of whoever fits: that names nobody. */
static const char *fault_of(const struct name *name)
{
	static const char atoms[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'+-/=^_`{|}~.";
	const char *at = memchr(name->text, '@', name->n);
	size_t realm_n = at ? (size_t)(name->text + name->n - at) - 1 : 0;

	if (name->overflow)
		return too_long;
	if (name->n == 0)
		return "its name is empty";
	if (at && (at == name->text || realm_n == 0 || memchr(at + 1, '@', realm_n)))
		return "its name is not of the form user@realm";
	for (size_t i = 0; i < name->n; i++)
		if (name->text + i != at && (name->text[i] == '\0' || !strchr(atoms, name->text[i])))
			return "its name holds a blank or another character no NAI may have";
	return NULL;
}

int vpn_nai(const struct mpa_naming *how, const struct charon_event *e, char ret_nai[MIP_NAI_MAX + 1],
	    const char **ret_why)
{
	const struct mpa_identity *row = row_of(how, e);
	struct name name = { 0 };
	const char *fault;

	if (row) {
		add_text(&name, row->nai);
	} else {
		if (name_of(e, &name, ret_why) < 0)
			return -ENOENT;
		if (how->realm && name.n > 0 && !memchr(name.text, '@', name.n)) {
			add(&name, '@');
			add_text(&name, how->realm);
		}
	}
	fault = fault_of(&name);
	if (fault) {
		*ret_why = fault;
		return -ENOENT;
	}
	memcpy(ret_nai, name.text, name.n);
	ret_nai[name.n] = '\0';
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "base/util.h"
#include "core/prefix.h"

enum { OCTETS_MAX = 255 };

size_t value_octets(enum key_kind kind)
{
	switch (kind) {
	case KEY_TEXTS:
		return sizeof(char *);
	case KEY_PREFIXES:
		return sizeof(struct prefix);
	case KEY_RANGES:
		return sizeof(struct address_range);
	case KEY_FOUR_ADDRESSES:
		return sizeof(struct in_addr);
	case KEY_U8:
	case KEY_U16:
	case KEY_U32:
	case KEY_BOOL:
	case KEY_ENUM:
	case KEY_TEXT:
	case KEY_STRING:
	case KEY_ADDRESS:
	case KEY_PREFIX:
	case KEY_MAC:
	case KEY_OCTETS:
		break;
	}
	return 0;
}

bool value_is_list(enum key_kind kind)
{
	return value_octets(kind) != 0;
}

static int parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end || !isdigit((unsigned char)text[0]) || v < min || v > max)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

static int parse_integer(const struct conf_key *key, const char *text, void *ret)
{
	uint32_t v;
	int r = parse_number(text, key->min, key->max, &v);

	if (r < 0)
		return r;
	if (key->kind == KEY_U8)
		*(uint8_t *)ret = (uint8_t)v;
	else if (key->kind == KEY_U16)
		*(uint16_t *)ret = (uint16_t)v;
	else
		*(uint32_t *)ret = v;
	return 0;
}

static int parse_bool(const char *text, bool *ret)
{
	static const char *const names[] = { "no", "yes", "false", "true", "off", "on" };
	int i = name_find(names, ARRAY_SIZE(names), text);

	if (i < 0)
		return i;
	*ret = i % 2;
	return 0;
}

static int parse_address(const char *text, struct in_addr *ret)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

static int parse_prefix(const char *text, struct prefix *ret)
{
	char copy[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	struct prefix p;
	uint32_t len;
	size_t n = slash ? (size_t)(slash - text) : 0;

	if (n == 0 || n >= sizeof(copy) || parse_number(slash + 1, 0, 32, &len) < 0)
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	p.len = (uint8_t)len;
	if (parse_address(copy, &p.addr) < 0)
		return -EINVAL;
	if (len < 32 && (ntohl(p.addr.s_addr) & (UINT32_MAX >> len)) != 0)
		return -EINVAL; /* host bits: most likely not what was meant */
	*ret = p;
	return 0;
}

static int parse_range(const char *text, struct address_range *ret)
{
	char copy[INET_ADDRSTRLEN];
	const char *dash = strchr(text, '-');
	size_t n = dash ? (size_t)(dash - text) : 0;
	struct address_range r;

	if (n == 0 || n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (parse_address(copy, &r.first) < 0 || parse_address(dash + 1, &r.last) < 0 ||
	    ntohl(r.first.s_addr) > ntohl(r.last.s_addr))
		return -EINVAL;
	*ret = r;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

static int parse_mac(const char *text, uint8_t *ret)
{
	uint8_t mac[6];

	for (size_t i = 0; i < sizeof(mac); i++, text += 3) {
		int high = hex_digit(text[0]), low = high < 0 ? -EINVAL : hex_digit(text[1]);

		if (low < 0 || text[2] != (i + 1 < sizeof(mac) ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

int octets_parse(const char *text, uint8_t *ret, size_t max, size_t *ret_n)
{
	static const char hex[] = "hex:", plain[] = "text:";
	size_t n;

	if (strncmp(text, plain, strlen(plain)) == 0) {
		text += strlen(plain);
		n = strlen(text);
		if (n > max)
			return -ENOSPC;
		memcpy(ret, text, n);
		*ret_n = n;
		return 0;
	}
	if (strncmp(text, hex, strlen(hex)) != 0)
		return -EINVAL;
	text += strlen(hex);
	for (n = 0; text[0]; n++, text += 2) {
		int high = hex_digit(text[0]), low = high < 0 ? -EINVAL : hex_digit(text[1]);

		if (low < 0)
			return -EINVAL;
		if (n == max)
			return -ENOSPC;
		ret[n] = (uint8_t)(high << 4 | low);
	}
	*ret_n = n;
	return 0;
}

static int parse_octets(const char *text, void *ret)
{
	struct {
		uint8_t *p;
		size_t n;
	} *at = ret;
	uint8_t octets[OCTETS_MAX];
	size_t n;
	uint8_t *copy;

	if (octets_parse(text, octets, sizeof(octets), &n) < 0 || n == 0)
		return -EINVAL;
	copy = malloc(n);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, octets, n);
	at->p = copy;
	at->n = n;
	return 0;
}

static int parse_string(const char *text, char **ret)
{
	char *copy = text[0] ? strdup(text) : NULL;

	if (!text[0])
		return -EINVAL;
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int parse_text(const struct conf_key *key, const char *text, char *ret)
{
	size_t n = strlen(text);

	if (n >= key->max)
		return -EINVAL;
	memcpy(ret, text, n + 1);
	return 0;
}

static int parse_enum(const struct conf_key *key, const char *text, void *ret)
{
	int i = name_find(key->names, key->name_n, text);

	if (i < 0)
		return i;
	memcpy(ret, &i, sizeof(i)); /* our enumerations are int-sized */
	return 0;
}

static const char *allowed(const struct conf_key *key, char buffer[256])
{
	size_t n = 0;

	switch (key->kind) {
	case KEY_U8:
	case KEY_U16:
	case KEY_U32:
		(void)snprintf(buffer, 256, "a number from %u to %u", key->min, key->max);
		return buffer;
	case KEY_BOOL:
		return "yes, no";
	case KEY_ENUM:
		for (size_t i = 0; i < key->name_n && n < 256; i++)
			n += (size_t)snprintf(buffer + n, 256 - n, "%s%s", i > 0 ? ", " : "", key->names[i]);
		return buffer;
	case KEY_TEXT:
		(void)snprintf(buffer, 256, "at most %u characters", key->max - 1);
		return buffer;
	case KEY_STRING:
	case KEY_TEXTS:
		return "a text that is not empty";
	case KEY_ADDRESS:
	case KEY_FOUR_ADDRESSES:
		return "an IPv4 address such as \"10.0.0.1\"";
	case KEY_PREFIX:
	case KEY_PREFIXES:
		return "a prefix without host bits such as \"10.42.0.0/24\", or \"10.42.0.7/32\"";
	case KEY_RANGES:
		return "a range such as \"10.42.0.10-10.42.0.250\"";
	case KEY_MAC:
		return "a MAC address such as \"02:00:00:00:00:01\"";
	case KEY_OCTETS:
		return "1 to 255 octets as \"hex:...\" or \"text:...\"";
	}
	return "";
}

int value_parse(const struct conf_key *key, const char *text, void *ret, char buffer[256], const char **ret_allowed)
{
	int r = -EINVAL;

	switch (key->kind) {
	case KEY_U8:
	case KEY_U16:
	case KEY_U32:
		r = parse_integer(key, text, ret);
		break;
	case KEY_BOOL:
		r = parse_bool(text, ret);
		break;
	case KEY_ENUM:
		r = parse_enum(key, text, ret);
		break;
	case KEY_TEXT:
		r = parse_text(key, text, ret);
		break;
	case KEY_STRING:
	case KEY_TEXTS:
		r = parse_string(text, ret);
		break;
	case KEY_ADDRESS:
	case KEY_FOUR_ADDRESSES:
		r = parse_address(text, ret);
		break;
	case KEY_PREFIX:
	case KEY_PREFIXES:
		r = parse_prefix(text, ret);
		break;
	case KEY_RANGES:
		r = parse_range(text, ret);
		break;
	case KEY_MAC:
		r = parse_mac(text, ret);
		break;
	case KEY_OCTETS:
		r = parse_octets(text, ret);
		break;
	}
	if (r < 0)
		*ret_allowed = allowed(key, buffer);
	return r;
}

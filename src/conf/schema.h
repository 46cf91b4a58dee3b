/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration as a table: one row per key says its type, range, default and meaning. The parser, the checks with
 * their messages and the manual page all come from the same rows. Syntax: libconfuse. */
#ifndef HF_CONF_SCHEMA_H
#define HF_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_kind {
	KEY_U8,
	KEY_U16,
	KEY_U32, /* `min` to `max` */
	KEY_BOOL,
	KEY_ENUM,           /* int-sized, one of `names` */
	KEY_TEXT,           /* char[`max`], with its terminator */
	KEY_STRING,         /* char *, malloc'd; NULL when absent */
	KEY_ADDRESS,        /* struct in_addr */
	KEY_PREFIX,         /* struct prefix */
	KEY_MAC,            /* uint8_t[6] */
	KEY_OCTETS,         /* uint8_t * and size_t behind it, malloc'd: "hex:..." or "text:..." */
	KEY_TEXTS,          /* char ** and size_t behind it */
	KEY_PREFIXES,       /* struct prefix * and size_t behind it */
	KEY_RANGES,         /* struct address_range * and size_t behind it */
	KEY_FOUR_ADDRESSES, /* struct in_addr[4] and size_t behind it */
};

struct conf_key {
	const char *name;
	enum key_kind kind;
	size_t offset;            /* in the structure the section fills */
	uint32_t min, max;        /* a list: `max` values, 0 = any number */
	const char *const *names; /* KEY_ENUM */
	size_t name_n;
	const char *fallback; /* default as it would be written; NULL: must be given, unless `optional` */
	bool optional;
	size_t given;     /* offset + 1 of a bool that says whether it was given; 0 = none */
	const char *help; /* one sentence */
};

struct conf_section {
	const char *name;         /* NULL: the file's top level */
	const char *title;        /* what the title means; NULL: top level */
	enum key_kind title_kind; /* KEY_TEXT or KEY_STRING */
	size_t title_offset;
	uint32_t title_max;  /* KEY_TEXT */
	unsigned most;       /* sections of this kind; 0 = any number */
	size_t size;         /* of one element */
	size_t array_offset; /* in the top level's structure: pointer, and size_t behind it */
	const struct conf_key *keys;
	size_t key_n;
	const char *help;
};

/* Where something went wrong, as one sentence for people: "FILE:LINE: KEY: what; allowed: what". */
struct conf_error {
	char text[512];
};

struct conf_schema {
	const struct conf_section *sections; /* [0] is the top level */
	size_t section_n;
	/* Checks what the rows cannot say and completes the structure. Return: 0 or -errno. */
	int (*complete)(const char *path, void *conf, struct conf_error *e);
	/* Frees all of the structure; secrets are wiped. */
	void (*release)(void *conf);
};

/**
 * conf_load() - read @path into @ret.
 * @ret: zeroed structure of the top level; filled only as far as the rows say. On failure it holds nothing that needs
 *       freeing.
 * Return: 0, -EINVAL (wrong content), or the -errno of opening it; @ret_error says why.
 */
int conf_load(const struct conf_schema *s, const char *path, void *ret, struct conf_error *ret_error);

/* Frees what the rows allocated. Secrets in it were wiped by the caller. */
void conf_free(const struct conf_schema *s, void *conf);

/* Writes the keys as a man page fragment. */
void conf_print_man(const struct conf_schema *s);

/* Formats into @e. Return: -EINVAL, so that checks can return it. */
int conf_fail(struct conf_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As conf_fail(), from inside of `complete`: with file and line of @key in the section with that title before it.
 * @section, @title: NULL for the top level. @key: NULL when the section as such is wrong. */
int conf_fail_at(struct conf_error *e, const char *section, const char *title, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* From inside of `complete`: the file says @key of the top level, whatever it says. */
bool conf_is_given(const char *key);

#endif

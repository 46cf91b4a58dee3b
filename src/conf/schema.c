/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/schema.h"

#include <confuse.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "conf/value.h"

enum { SECTIONS_MAX = 12, KEYS_MAX = 48, FOUR = 4 };

struct place {
	const cfg_opt_t *opt;
	int line;
};

/* What libconfuse's callbacks need to know; there is one parse at a time, and a daemon has one thread. */
static struct {
	const struct conf_schema *schema;
	struct conf_error *error;
	cfg_t *cfg;
	struct place *places; /* of all values, in the order of the file */
	size_t place_n, place_room;
} current;

int conf_fail(struct conf_error *e, const char *fmt, ...)
{
	va_list ap;

	if (e->text[0])
		return -EINVAL; /* the first error is the one to mend */
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap); /* a longer sentence is cut */
	va_end(ap);
	return -EINVAL;
}

/* Of the last value of @key; 0 where it has none. */
static int line_of_value(cfg_t *cfg, const char *key)
{
	const cfg_opt_t *opt = cfg_getopt(cfg, key);

	for (size_t i = current.place_n; opt && i > 0; i--)
		if (current.places[i - 1].opt == opt)
			return current.places[i - 1].line;
	return 0;
}

/* As above, else where the section ends. */
static int line_of(cfg_t *cfg, const char *key)
{
	int line = key ? line_of_value(cfg, key) : 0;

	return line ? line : cfg->line;
}

bool conf_is_given(const char *key)
{
	return line_of_value(current.cfg, key) != 0;
}

int conf_fail_at(struct conf_error *e, const char *section, const char *title, const char *key, const char *fmt, ...)
{
	cfg_t *cfg = section ? cfg_gettsec(current.cfg, section, title) : current.cfg;
	char what[384];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap); /* a longer sentence is cut */
	va_end(ap);
	if (!section)
		return conf_fail(e, "%s:%d: %s: %s", current.cfg->filename, line_of(cfg, key), key, what);
	return conf_fail(e, "%s:%d: %s '%s': %s%s%s", current.cfg->filename, line_of(cfg, key), section, title,
			 key ? key : "", key ? ": " : "", what);
}

/* Return: false without memory. */
static bool note_place(const cfg_t *cfg, const cfg_opt_t *opt)
{
	if (current.place_n == current.place_room) {
		size_t room = 2 * current.place_room + KEYS_MAX;
		struct place *v = reallocarray(current.places, room, sizeof(*v));

		if (!v)
			return false;
		current.places = v;
		current.place_room = room;
	}
	current.places[current.place_n++] = (struct place){ opt, cfg->line };
	return true;
}

static const struct conf_section *section_named(const struct conf_schema *s, const char *name)
{
	for (size_t i = 1; i < s->section_n; i++)
		if (strcmp(s->sections[i].name, name) == 0)
			return &s->sections[i];
	return &s->sections[0];
}

static const struct conf_key *key_named(const struct conf_section *s, const char *name)
{
	for (size_t i = 0; i < s->key_n; i++)
		if (strcmp(s->keys[i].name, name) == 0)
			return &s->keys[i];
	return NULL;
}

/* How many edits turn one word into the other; enough to see a slip of the finger. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t corner = row[0]++;

		for (size_t j = 0; j < n; j++) {
			size_t keep = corner + (a[i] != b[j]);

			corner = row[j + 1];
			row[j + 1] = min_size(keep, min_size(row[j], row[j + 1]) + 1);
		}
	}
	return row[n];
}

static void nearest(const char *wrong, const char *name, const char **best, size_t *best_distance)
{
	size_t d = distance(wrong, name);

	if (d < *best_distance) {
		*best = name;
		*best_distance = d;
	}
}

static void fail_unknown(const cfg_t *cfg, const char *wrong)
{
	const struct conf_section *s = section_named(current.schema, cfg->name);
	const char *best = NULL;
	size_t best_distance = 4;

	for (size_t i = 0; i < s->key_n; i++)
		nearest(wrong, s->keys[i].name, &best, &best_distance);
	for (size_t i = 1; !s->name && i < current.schema->section_n; i++)
		nearest(wrong, current.schema->sections[i].name, &best, &best_distance);
	if (best)
		(void)conf_fail(current.error, "%s:%d: %s: no such key; did you mean '%s'?", cfg->filename, cfg->line,
				wrong, best);
	else
		(void)conf_fail(current.error, "%s:%d: %s: no such key here; see the manual page for those there are",
				cfg->filename, cfg->line, wrong);
}

/* libconfuse tells its own findings this way. */
__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[256];

	if (strstr(fmt, "no such option")) {
		fail_unknown(cfg, va_arg(ap, const char *));
		return;
	}
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* a longer one is cut */
	(void)conf_fail(current.error, "%s:%d: %s", cfg->filename ? cfg->filename : "?", cfg->line, text);
}

static void free_value(const struct conf_key *key, void *value)
{
	if (key->kind == KEY_STRING || key->kind == KEY_TEXTS || key->kind == KEY_OCTETS)
		free(*(void **)value);
}

static unsigned most(const struct conf_key *key)
{
	if (key->kind == KEY_FOUR_ADDRESSES)
		return FOUR;
	return value_is_list(key->kind) && key->max > 0 ? key->max : UINT_MAX;
}

/* The newest value of an option, checked while its line is known. */
static int validate(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct conf_section *s = section_named(current.schema, cfg->name);
	const struct conf_key *key = key_named(s, cfg_opt_name(opt));
	union {
		char text[256];
		void *pointers[4];
	} value;
	unsigned n = cfg_opt_size(opt);
	const char *text = n > 0 ? cfg_opt_getnstr(opt, n - 1) : NULL, *allowed = "";
	char buffer[256];
	int r;

	if (!key || !text)
		return 0;
	if (!note_place(cfg, opt)) {
		(void)conf_fail(current.error, "out of memory");
		return -1;
	}
	if (n > most(key)) {
		(void)conf_fail(current.error, "%s:%d: %s: too many; allowed: at most %u", cfg->filename, cfg->line,
				key->name, most(key));
		return -1;
	}
	r = value_parse(key, text, &value, buffer, &allowed);
	if (r < 0) {
		(void)conf_fail(current.error, "%s:%d: %s: '%s' is not valid; allowed: %s", cfg->filename, cfg->line,
				key->name, text, allowed);
		return -1;
	}
	free_value(key, &value);
	return 0;
}

static cfg_opt_t option_of(const struct conf_key *key)
{
	if (value_is_list(key->kind)) {
		cfg_opt_t list[] = { CFG_STR_LIST(key->name, (char *)(key->fallback ? key->fallback : "{}"),
						  CFGF_NONE) };

		return list[0];
	}
	cfg_opt_t single[] = { CFG_STR(key->name, key->fallback, CFGF_NODEFAULT) };

	if (key->fallback)
		single[0].flags = CFGF_NONE;
	return single[0];
}

static void fill_options(const struct conf_section *s, cfg_opt_t *ret)
{
	static const cfg_opt_t end = CFG_END();

	for (size_t i = 0; i < s->key_n; i++)
		ret[i] = option_of(&s->keys[i]);
	ret[s->key_n] = end;
}

static void set_validators(cfg_t *cfg, const struct conf_schema *s)
{
	char path[128];

	for (size_t i = 0; i < s->section_n; i++)
		for (size_t k = 0; k < s->sections[i].key_n; k++) {
			const char *name = s->sections[i].name;

			(void)snprintf(path, sizeof(path), "%s%s%s", name ? name : "", name ? "|" : "",
				       s->sections[i].keys[k].name);      /* names are short */
			(void)cfg_set_validate_func(cfg, path, validate); /* returns the former one */
		}
}

static int fill_list(cfg_opt_t *opt, const struct conf_key *key, uint8_t *base, const char **ret_allowed)
{
	unsigned n = cfg_opt_size(opt);
	size_t octets = value_octets(key->kind);
	char buffer[256];
	uint8_t *at = base + key->offset, *v = at;
	size_t behind = key->offset + (key->kind == KEY_FOUR_ADDRESSES ? FOUR * octets : sizeof(void *));
	size_t *count =
		(size_t *)(void *)(base + (behind + _Alignof(size_t) - 1) / _Alignof(size_t) * _Alignof(size_t));

	if (key->kind != KEY_FOUR_ADDRESSES) {
		v = n > 0 ? calloc(n, octets) : NULL;
		if (n > 0 && !v)
			return -ENOMEM;
		*(void **)(void *)at = v;
	}
	for (unsigned i = 0; i < n; i++) {
		int r = value_parse(key, cfg_opt_getnstr(opt, i), v + i * octets, buffer, ret_allowed);

		if (r < 0)
			return r;
		*count = i + 1;
	}
	return 0;
}

static int fill_key(cfg_t *cfg, const struct conf_key *key, uint8_t *base, struct conf_error *e)
{
	cfg_opt_t *opt = cfg_getopt(cfg, key->name);
	const char *text, *allowed = "";
	char buffer[256];
	int r;

	if (value_is_list(key->kind))
		return fill_list(opt, key, base, &allowed);
	text = cfg_opt_size(opt) > 0 ? cfg_opt_getstr(opt) : NULL;
	if (key->given != 0)
		*(bool *)(base + key->given - 1) = text != NULL;
	if (!text && key->optional)
		return 0;
	if (!text)
		return conf_fail_at(e, cfg_title(cfg) ? cfg->name : NULL, cfg_title(cfg), key->name,
				    "missing; it has no default");
	r = value_parse(key, text, base + key->offset, buffer, &allowed);
	if (r < 0)
		return conf_fail(e, "%s: %s: '%s' is not valid; allowed: %s", cfg->filename, key->name, text, allowed);
	return 0;
}

static int fill_section(cfg_t *cfg, const struct conf_section *s, uint8_t *base, struct conf_error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->key_n; i++)
		r = fill_key(cfg, &s->keys[i], base, e);
	return r;
}

static int fill_title(cfg_t *cfg, const struct conf_section *s, uint8_t *base, struct conf_error *e)
{
	const struct conf_key title = { .name = s->name, .kind = s->title_kind, .max = s->title_max };
	const char *allowed = "";
	char buffer[256];

	if (value_parse(&title, cfg_title(cfg), base + s->title_offset, buffer, &allowed) == 0)
		return 0;
	return conf_fail(e, "%s:%d: %s '%s': the name is not valid; allowed: %s", cfg->filename, cfg->line, s->name,
			 cfg_title(cfg), allowed);
}

static int fill_array(cfg_t *cfg, const struct conf_section *s, uint8_t *top, struct conf_error *e)
{
	unsigned n = cfg_size(cfg, s->name);
	uint8_t *v = n > 0 ? calloc(n, s->size) : NULL;
	size_t *count = (size_t *)(void *)(top + s->array_offset + sizeof(void *));
	int r = n > 0 && !v ? -ENOMEM : 0;

	*(void **)(void *)(top + s->array_offset) = v;
	if (r == 0 && s->most > 0 && n > s->most)
		r = conf_fail(e, "%s:%d: %s: too many; allowed: at most %u", cfg->filename,
			      cfg_getnsec(cfg, s->name, s->most)->line, s->name, s->most);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		cfg_t *section = cfg_getnsec(cfg, s->name, i);

		*count = i + 1;
		r = fill_title(section, s, v + i * s->size, e);
		if (r == 0)
			r = fill_section(section, s, v + i * s->size, e);
	}
	return r;
}

static int fill_all(cfg_t *cfg, const struct conf_schema *s, void *ret, struct conf_error *e)
{
	int r = fill_section(cfg, &s->sections[0], ret, e);

	for (size_t i = 1; r == 0 && i < s->section_n; i++)
		r = fill_array(cfg, &s->sections[i], ret, e);
	if (r == 0)
		r = s->complete(cfg->filename, ret, e);
	if (r == -ENOMEM)
		(void)conf_fail(e, "out of memory");
	if (r < 0)
		s->release(ret);
	return r;
}

static int parse_file(cfg_t *cfg, const char *path, struct conf_error *e)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	int r = f && fstat(fileno(f), &st) == 0 ? 0 : -errno;

	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR; /* the parser would end the program */
	if (r < 0) {
		(void)conf_fail(e, "%s: %s", path, strerror(-r));
		if (f)
			(void)fclose(f); /* only read */
		return r;
	}
	cfg->filename = strdup(path); /* freed with @cfg; only for messages */
	r = cfg_parse_fp(cfg, f) == CFG_SUCCESS ? 0 : -EINVAL;
	(void)fclose(f); /* only read */
	if (r < 0)
		(void)conf_fail(e, "%s: the file cannot be parsed", path);
	return r;
}

int conf_load(const struct conf_schema *s, const char *path, void *ret, struct conf_error *ret_error)
{
	static cfg_opt_t options[SECTIONS_MAX][KEYS_MAX]; /* libconfuse copies them */
	cfg_t *cfg;
	int r;

	ret_error->text[0] = '\0';
	for (size_t i = 0; i < s->section_n; i++)
		fill_options(&s->sections[i], options[i]);
	for (size_t i = 1; i < s->section_n; i++) {
		cfg_opt_t section[] = { CFG_SEC(s->sections[i].name, options[i],
						CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
					CFG_END() };

		memcpy(&options[0][s->sections[0].key_n + i - 1], section, sizeof(section));
	}
	cfg = cfg_init(options[0], CFGF_NONE);
	if (!cfg)
		return -ENOMEM;
	current.schema = s;
	current.error = ret_error;
	current.cfg = cfg;
	current.place_n = 0;
	(void)cfg_set_error_function(cfg, on_error); /* returns the former one */
	set_validators(cfg, s);
	r = parse_file(cfg, path, ret_error);
	if (r == 0)
		r = fill_all(cfg, s, ret, ret_error);
	(void)cfg_free(cfg);
	free(current.places);
	current.places = NULL;
	current.place_room = 0;
	return r;
}

static void free_key(const struct conf_key *key, uint8_t *base)
{
	uint8_t *at = base + key->offset;
	size_t n;

	if (key->kind == KEY_FOUR_ADDRESSES)
		return;
	if (key->kind == KEY_TEXTS) {
		n = *(size_t *)(void *)(at + sizeof(void *));
		for (size_t i = 0; i < n; i++)
			free((*(char ***)(void *)at)[i]);
	}
	if (value_is_list(key->kind) || key->kind == KEY_STRING || key->kind == KEY_OCTETS) {
		free(*(void **)(void *)at);
		*(void **)(void *)at = NULL;
	}
}

static void free_section(const struct conf_section *s, uint8_t *base)
{
	for (size_t i = 0; i < s->key_n; i++)
		free_key(&s->keys[i], base);
	if (s->name && s->title_kind == KEY_STRING)
		free(*(void **)(void *)(base + s->title_offset));
}

void conf_free(const struct conf_schema *s, void *conf)
{
	uint8_t *top = conf;

	for (size_t i = 1; i < s->section_n; i++) {
		uint8_t **v = (uint8_t **)(void *)(top + s->sections[i].array_offset);
		size_t *n = (size_t *)(void *)(top + s->sections[i].array_offset + sizeof(void *));

		for (size_t k = 0; k < *n; k++)
			free_section(&s->sections[i], *v + k * s->sections[i].size);
		free(*v);
		*v = NULL;
		*n = 0;
	}
	free_section(&s->sections[0], top);
}

static void print_key(const struct conf_key *key)
{
	printf(".TP\n.B %s\n%s", key->name, key->help);
	if (key->kind == KEY_ENUM) {
		printf(" One of");
		for (size_t i = 0; i < key->name_n; i++)
			printf("%s\n.BR %s", i > 0 ? "," : "", key->names[i]);
		printf(".\n");
	} else if (key->kind == KEY_U8 || key->kind == KEY_U16 || key->kind == KEY_U32) {
		printf(" From %u to %u.\n", key->min, key->max);
	} else if (value_is_list(key->kind) && key->max > 0) {
		printf(" At most %u.\n", key->max);
	} else {
		printf("\n");
	}
	if (key->fallback) {
		printf("Default:\n.BR \"");
		for (const char *c = key->fallback[0] ? key->fallback : "empty"; *c; c++)
			printf("%s%c", *c == '"' ? "\"" : "", *c);
		printf("\" .\n");
	} else if (!key->optional && !value_is_list(key->kind)) {
		printf("It has to be given.\n");
	}
}

void conf_print_man(const struct conf_schema *s)
{
	for (size_t i = 0; i < s->section_n; i++) {
		const struct conf_section *section = &s->sections[i];

		if (section->name)
			printf(".SS %s %s { ... }\n%s\n", section->name, section->title, section->help);
		else
			printf(".SS Top level\n%s\n", section->help);
		if (section->most > 0)
			printf("At most %u.\n", section->most);
		for (size_t k = 0; k < section->key_n; k++)
			print_key(&section->keys[k]);
	}
}

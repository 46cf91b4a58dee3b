/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ready-made profiles for VPN clients. What is wanted (struct profile) is read from the command line by
 * profile_options.c and completed from files by profile_files.c; a generator for each kind of client turns it into
 * text. Generators do nothing else: no files, no clock, no randomness, so the same wish gives the same text. */
#ifndef HF_CLI_PROFILE_H
#define HF_CLI_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "ask.h"
#include "text.h"

enum { PROFILE_GATEWAYS_MAX = 8, PROFILE_LIST_MAX = 64, PROFILE_TEXT_MAX = 255, PROFILE_UUID_LEN = 36 };

enum profile_target { TARGET_SWANCTL, TARGET_APPLE, TARGET_WINDOWS, TARGET_ANDROID, TARGET_COUNT };
enum profile_auth { AUTH_NONE, AUTH_PSK, AUTH_CERT, AUTH_EAP, AUTH_COUNT };

extern const char *const profile_targets[TARGET_COUNT]; /* "swanctl", ... */
extern const char *const profile_auths[AUTH_COUNT];     /* "psk", ... */
extern const char profile_help[];

struct octets {
	unsigned char *at;
	size_t n;
};

struct list {
	const char *at[PROFILE_LIST_MAX];
	size_t n;
};

/* Texts are borrowed from the command line, unless said otherwise; NULL = not given. All are text_is_plain(). */
struct profile {
	enum profile_target target;
	enum profile_auth auth;
	const char *name, *user;
	struct list gateways, gateway_ids; /* one identity for each gateway once the options are complete */
	struct list remotes;               /* IPv4 prefixes to reach through the tunnel; none = everything */
	struct list ssids;                 /* Wi-Fi networks where Apple devices need no tunnel */
	const char *ca, *cert, *key;       /* files; for swanctl the names they have at the client */
	const char *secret_file, *output;
	bool helper; /* holdfast-mn runs beside charon */

	/* From here on: owned, by profile_load(). */
	char *secret; /* pre-shared key, password of EAP or of `pkcs12` or `key`; NULL: the user types */
	struct octets ca_der, pkcs12;
	char *ca_name;        /* common name of the CA */
	const char *key_type; /* of `pkcs12`, in Apple's words; "RSA", "ECDSA256" ...; borrowed */
};

/* All three print what is wrong. Return: enum status. */
int profile_options(struct profile *ret_p, int n, char **args);
int profile_load(struct profile *p); /* reads the files the options name */
int do_profile(const struct options *o, int n, char **args);

/* "holdfast: profile: " and a sentence on the standard error. Return: STATUS_USAGE. */
int profile_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

void profile_done(struct profile *p);

void profile_swanctl(const struct profile *p, struct text *t);
void profile_apple(const struct profile *p, struct text *t);
void profile_windows(const struct profile *p, struct text *t);
void profile_android(const struct profile *p, struct text *t);

/* The UUID (RFC 4122 4.3, version 5) of a part of this profile. It depends on target, user and name only, so that an
 * importer replaces the profile of before. Return: false when libcrypto fails. */
bool profile_uuid(const struct profile *p, const char *part, char ret[PROFILE_UUID_LEN + 1]);

#endif

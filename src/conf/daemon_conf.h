/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every daemon is configured with besides its role, and whole configurations of programs. */
#ifndef HF_CONF_DAEMON_CONF_H
#define HF_CONF_DAEMON_CONF_H

#include "conf/schema.h"
#include "roles/actions.h"
#include "roles/fa/fa_conf.h"
#include "roles/ha/ha_conf.h"
#include "roles/mn/mn_conf.h"
#include "roles/mpa/mpa_conf.h"

enum { INTERFACES_MAX = 64, NETWORKS_MAX = 64 }; /* of a program; a file with more of them is refused */

struct daemon_conf {
	char instance[32]; /* names the control socket and the node in events */
	char run_dir[80];  /* control sockets */
	char pin_dir[128]; /* "": below /sys/fs/bpf */
	char device[16];   /* the anchor's TUN */
	char **interfaces; /* where tunnels arrive */
	size_t interface_n;
	char **fast_interfaces; /* anchor: correspondent side, packets bypass the stack */
	size_t fast_interface_n;
	enum record_level log_level;
	bool no_tcx;
};

extern const char *const record_level_names[RECORD_LEVEL_COUNT];

/* A key or secret is named apart from the rest of its section: it is wiped, and may lie in its own file. */
struct key_source {
	char *key; /* "hex:..." or "text:..."; wiped when read */
	char *key_file;
};

enum proof { PROOF_REQUIRE, PROOF_ALLOW, PROOF_COUNT }; /* of the sender, by Message-Authenticator */
extern const char *const proof_names[PROOF_COUNT];

struct aaa_file {
	struct radius_server server;
	enum proof proof;
	struct key_source source;
};

struct aaa_files {
	struct aaa_file *v;
	size_t n;
};

struct ha_file {
	struct daemon_conf daemon;
	struct ha_conf ha;
	char store[128]; /* file; "" = the default, "none" = none */
	/* Beside ha.associations, same order; freed after loading. */
	struct ha_association_file *associations;
	size_t association_n;
	struct aaa_files aaa; /* beside ha.aaa.servers, likewise */
};

struct ha_association_file {
	struct ha_association a;
	struct key_source source;
};

struct mpa_file {
	struct daemon_conf daemon;
	struct mpa_conf mpa;
	struct mpa_association_file *associations;
	size_t association_n;
	struct nas_file *nases; /* beside mpa.relay.nases, same order */
	size_t nas_n;
	struct aaa_files aaa; /* the same of mpa.relay.servers */
};

enum nas_kind { NAS_ETHERNET, NAS_PPP, NAS_VPN, NAS_KIND_COUNT };

struct nas_file {
	struct relay_nas nas;
	enum nas_kind kind;
	enum proof proof;
	struct key_source source;
};

struct mpa_association_file {
	struct mpa_association a;
	struct key_source source;
};

struct fa_file {
	struct daemon_conf daemon;
	struct fa_conf fa;
	/* Beside fa.associations, same order. */
	struct fa_association_file *associations;
	size_t association_n;
};

struct fa_association_file {
	struct fa_association a;
	struct key_source source;
};

struct mn_file {
	struct daemon_conf daemon;
	struct mn_conf mn;
	struct key_source source; /* of mn.client.sa */
	char **vpn_devices;       /* names of devices that packets come out of decrypted, * at the end for anything */
	size_t vpn_device_n;
};

extern const struct conf_schema fa_schema, ha_schema, mn_schema, mpa_schema;

/**
 * fa_file_load(), ha_file_load(), mn_file_load(), mpa_file_load() - read, check and complete the configuration of a program.
 * @ret: written only on success; release with ..._file_done(), which wipes all keys.
 * Interface indexes and MACs are left for the daemon to fill.
 * Return: 0 or -errno; @ret_error names file, line, key and what is allowed.
 */
int fa_file_load(const char *path, struct fa_file *ret, struct conf_error *ret_error);
void fa_file_done(struct fa_file *f);
int ha_file_load(const char *path, struct ha_file *ret, struct conf_error *ret_error);
void ha_file_done(struct ha_file *f);
int mn_file_load(const char *path, struct mn_file *ret, struct conf_error *ret_error);
void mn_file_done(struct mn_file *f);
int mpa_file_load(const char *path, struct mpa_file *ret, struct conf_error *ret_error);
void mpa_file_done(struct mpa_file *f);

/* Rows all programs share, and those of programs that forward packets. */
/* clang-format off */
#define PROGRAM_KEYS(file)                                                                                             \
	{ .name = "instance", .kind = KEY_TEXT, .offset = offsetof(struct file, daemon.instance), .max = 32,           \
	  .fallback = "", .help = "Name of this daemon in events and of its control socket; default: the program's." }, \
	{ .name = "run-dir", .kind = KEY_TEXT, .offset = offsetof(struct file, daemon.run_dir), .max = 80,             \
	  .fallback = "/run/holdfast", .help = "Directory of the control sockets." },                                  \
	{ .name = "log-level", .kind = KEY_ENUM, .offset = offsetof(struct file, daemon.log_level),                    \
	  .names = record_level_names, .name_n = RECORD_LEVEL_COUNT, .fallback = "notice",                             \
	  .help = "Least important events that go to the log; the control socket shows all." }
#define DAEMON_KEYS(file)                                                                                              \
	PROGRAM_KEYS(file),                                                                                            \
	{ .name = "pin-dir", .kind = KEY_TEXT, .offset = offsetof(struct file, daemon.pin_dir), .max = 128,            \
	  .fallback = "", .help = "Where kernel maps are pinned, on a BPF file system, so that traffic outlives the "   \
				  "daemon; default: holdfast-INSTANCE below /sys/fs/bpf." },                           \
	{ .name = "interfaces", .kind = KEY_TEXTS, .offset = offsetof(struct file, daemon.interfaces),                 \
	  .max = INTERFACES_MAX, .help = "Network interfaces where tunnels arrive." },                                                        \
	{ .name = "clsact", .kind = KEY_BOOL, .offset = offsetof(struct file, daemon.no_tcx), .fallback = "no",        \
	  .help = "Attach by clsact filters even where the kernel has tcx links." }
/* Rows of an association that every agent's file has. */
#define ASSOCIATION_KEYS(file)                                                                                         \
	{ .name = "spi", .kind = KEY_U32, .offset = offsetof(struct file, a.sa.spi), .min = SPI_MIN, .max = UINT32_MAX,\
	  .help = "Security parameter index, the same at both ends." },                                                \
	{ .name = "algorithm", .kind = KEY_ENUM, .offset = offsetof(struct file, a.sa.alg), .names = mac_alg_names,    \
	  .name_n = MAC_ALG_COUNT, .fallback = "hmac-sha-256", .help = "How messages are authenticated." },            \
	{ .name = "key", .kind = KEY_STRING, .offset = offsetof(struct file, source.key), .optional = true,            \
	  .help = "The key, as \"hex:...\" or \"text:...\"; the file must then be readable by its owner only." },      \
	{ .name = "key-file", .kind = KEY_STRING, .offset = offsetof(struct file, source.key_file), .optional = true,  \
	  .help = "File with the key in its first line, readable by its owner only." }
/* Rows of an AAA server that every program with such has. */
#define AAA_SERVER_KEYS                                                                                                \
	{ .name = "address", .kind = KEY_ADDRESS, .offset = offsetof(struct aaa_file, server.address),                 \
	  .help = "Its address." },                                                                                    \
	{ .name = "auth-port", .kind = KEY_U16, .offset = offsetof(struct aaa_file, server.auth_port), .min = 1,       \
	  .max = 65535, .fallback = "1812", .help = "Its UDP port for authentication." },                              \
	{ .name = "timeout", .kind = KEY_U16, .offset = offsetof(struct aaa_file, server.timeout_ms), .min = 100,      \
	  .max = 60000, .fallback = "1000", .help = "When an unanswered request is repeated, in milliseconds." },      \
	{ .name = "tries", .kind = KEY_U8, .offset = offsetof(struct aaa_file, server.tries), .min = 1, .max = 20,     \
	  .fallback = "3", .help = "How often it is asked before the next server is." },                               \
	{ .name = "message-authenticator", .kind = KEY_ENUM, .offset = offsetof(struct aaa_file, proof),               \
	  .names = proof_names, .name_n = PROOF_COUNT, .fallback = "require",                                          \
	  .help = "Whether a reply may lack it. One with EAP never may." },                                            \
	{ .name = "secret", .kind = KEY_STRING, .offset = offsetof(struct aaa_file, source.key), .optional = true,     \
	  .help = "The shared secret, as \"hex:...\" or \"text:...\"; the file must then be readable by its owner "    \
		  "only." },                                                                                           \
	{ .name = "secret-file", .kind = KEY_STRING, .offset = offsetof(struct aaa_file, source.key_file),             \
	  .optional = true, .help = "File with it in its first line, readable by its owner only." }
/* clang-format on */

/* Reads a key, or whatever @what is called, of 1 to @max octets. @secret_file as below. @ret is written only on success.
 * Return: 0 or -EINVAL. */
int secret_load(const char *secret_file, const char *what, struct key_source *source, uint8_t *ret, size_t max,
		size_t *ret_n, struct conf_error *e);

/* aaa.c: the secrets of AAA servers, and the array of them that a role borrows. Return: 0 or -errno. */
int aaa_complete(const char *path, struct aaa_files *f, struct radius_server **ret, size_t *ret_n,
		 struct conf_error *e);
void aaa_done(struct aaa_files *f, struct radius_server **servers, size_t *server_n); /* wipes and frees */
/* The secret of the section @name of the file @path. Return: 0 or -EINVAL. */
int radius_secret_load(const char *path, const char *section, const char *name, struct key_source *source,
		       struct radius_secret *ret, struct conf_error *e);
void radius_secret_wipe(struct radius_secret *s);

/* radius.c: completes the RADIUS part of @f. Return: 0 or -errno. */
int radius_complete(const char *path, struct mpa_file *f, struct conf_error *e);
void radius_done(struct mpa_file *f); /* wipes the secrets and frees what radius_complete() made */

/* Reads a key into @sa. @secret_file: the configuration file itself, which others may not be able to read when it holds
 * keys. Return: 0 or -EINVAL. */
int key_load(const char *secret_file, struct key_source *source, struct sa *sa, struct conf_error *e);

/* The same for an association of the file that is being loaded; says where. */
int association_key_load(const char *secret_file, const char *association, struct key_source *source, struct sa *sa,
			 struct conf_error *e);
void key_source_wipe(struct key_source *source);

#endif

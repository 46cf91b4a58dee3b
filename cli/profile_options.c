/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of `holdfast profile`: one table of options, then what makes sense together. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

const char *const profile_targets[TARGET_COUNT] = { "swanctl", "apple", "windows", "android" };
const char *const profile_auths[AUTH_COUNT] = { "", "psk", "cert", "eap" };

enum { SWANCTL = 1 << TARGET_SWANCTL, APPLE = 1 << TARGET_APPLE, WINDOWS = 1 << TARGET_WINDOWS };
enum { ANDROID = 1 << TARGET_ANDROID, ALL = (1 << TARGET_COUNT) - 1 };

const char profile_help[] =
	"usage: holdfast profile swanctl|apple|windows|android OPTIONS\n"
	"\n"
	"  --gateway HOST       name or address; swanctl: several, each a connection of its own\n"
	"  --gateway-id ID      its IKE identity, if not HOST (not for windows); as often as --gateway\n"
	"  --user NAI           such as alice@example.com\n"
	"  --auth psk|cert|eap  pre-shared key (swanctl, apple), certificate, or user name and password "
	"(EAP-MSCHAPv2)\n"
	"  --ca FILE            certificate of the gateway's CA; swanctl: its name at the client\n"
	"  --cert FILE          certificate and key of the user as PKCS #12; swanctl: the certificate's name at the "
	"client\n"
	"  --key FILE           swanctl: name of the private key, if it has a passphrase\n"
	"  --key-type rsa|ecdsa256|ecdsa384|ecdsa521\n"
	"                       apple: of the user's certificate, if --secret-file does not open it\n"
	"  --secret-file FILE   pre-shared key, or password (of EAP, of the PKCS #12, of the key); mode 0600. Without "
	"it\n"
	"                       the user types it\n"
	"  --remote NET         only this goes through the tunnel, such as 10.0.0.0/8; several (not for apple)\n"
	"  --on-demand-outside SSID\n"
	"                       apple: connect by itself, but not in this Wi-Fi network; several\n"
	"  --helper             swanctl: for a client with holdfast-mn\n"
	"  --name TEXT          what the user sees (Holdfast)\n"
	"  --output FILE        written with mode 0600; else the standard output\n";

int profile_wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("holdfast: profile: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	return STATUS_USAGE;
}

static bool append(struct list *l, const char *value)
{
	if (l->n == PROFILE_LIST_MAX)
		return false;
	l->at[l->n++] = value;
	return true;
}

static bool is_address(const char *s)
{
	unsigned char a[16];

	return inet_pton(AF_INET, s, a) == 1 || inet_pton(AF_INET6, s, a) == 1;
}

static bool set_gateway(struct profile *p, const char *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	bool name = *value && strlen(value) <= 253 && value[strspn(value, letters)] == '\0' && *value != '-' &&
		    *value != '.' && !strstr(value, "..");

	return (name || is_address(value)) && p->gateways.n < PROFILE_GATEWAYS_MAX && append(&p->gateways, value);
}

/* Not what strongSwan takes for "anybody": the gateway has to prove who it is. */
static bool set_gateway_id(struct profile *p, const char *value)
{
	return text_is_plain(value, PROFILE_TEXT_MAX) && !strchr("%@ ", *value) && !strchr(value, '*') &&
	       strcmp(value, "0.0.0.0") != 0 && strcmp(value, "::") != 0 && strcmp(value, "0::0") != 0 &&
	       append(&p->gateway_ids, value);
}

static bool set_user(struct profile *p, const char *value)
{
	const char *at = strchr(value, '@');

	p->user = value;
	return text_is_plain(value, 253) && !strchr(value, ' ') && *value != '@' && *value != '%' &&
	       (!at || (at[1] && !strchr(at + 1, '@')));
}

static bool set_auth(struct profile *p, const char *value)
{
	for (enum profile_auth a = AUTH_PSK; a < AUTH_COUNT; a++)
		if (strcmp(value, profile_auths[a]) == 0)
			p->auth = a;
	return p->auth != AUTH_NONE && strcmp(value, profile_auths[p->auth]) == 0;
}

static bool set_file(const char **ret, const char *value)
{
	*ret = value;
	return text_is_plain(value, 4000);
}

static bool set_ca(struct profile *p, const char *value)
{
	return set_file(&p->ca, value);
}

static bool set_cert(struct profile *p, const char *value)
{
	return set_file(&p->cert, value);
}

static bool set_key(struct profile *p, const char *value)
{
	return set_file(&p->key, value) && !strchr(value, '/'); /* swanctl looks for it in its own directory only */
}

static bool set_key_type(struct profile *p, const char *value)
{
	static const char *const known[][2] = {
		{ "rsa", "RSA" }, { "ecdsa256", "ECDSA256" }, { "ecdsa384", "ECDSA384" }, { "ecdsa521", "ECDSA521" }
	};

	p->key_type = NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(value, known[i][0]) == 0)
			p->key_type = known[i][1];
	return p->key_type != NULL;
}

static bool set_secret_file(struct profile *p, const char *value)
{
	return set_file(&p->secret_file, value);
}

static bool set_remote(struct profile *p, const char *value)
{
	char address[INET_ADDRSTRLEN] = "", *end;
	const char *slash = strchr(value, '/');
	struct in_addr a;
	unsigned long len;

	if (!slash || (size_t)(slash - value) >= sizeof(address) || slash[1] < '0' || slash[1] > '9')
		return false;
	memcpy(address, value, (size_t)(slash - value));
	len = strtoul(slash + 1, &end, 10);
	return inet_pton(AF_INET, address, &a) == 1 && *end == '\0' && len <= 32 &&
	       (len == 32 || (ntohl(a.s_addr) & (UINT32_MAX >> len)) == 0) && append(&p->remotes, value);
}

static bool set_ssid(struct profile *p, const char *value)
{
	return text_is_plain(value, 32) && append(&p->ssids, value);
}

static bool set_helper(struct profile *p, const char *value)
{
	(void)value;
	p->helper = true;
	return true;
}

static bool set_name(struct profile *p, const char *value)
{
	p->name = value;
	return text_is_plain(value, 64);
}

static bool set_output(struct profile *p, const char *value)
{
	p->output = value;
	return *value;
}

static const struct setting {
	const char *name;
	unsigned targets;
	bool (*set)(struct profile *p, const char *value);
	const char *allowed; /* NULL: it takes no value */
} settings[] = {
	{ "gateway", ALL, set_gateway, "a host name or an address; at most 8 of them" },
	{ "gateway-id", SWANCTL | APPLE | ANDROID, set_gateway_id,
	  "a name, address, e-mail address or distinguished name, without wildcards" },
	{ "user", ALL, set_user, "a name such as alice@example.com, without blanks" },
	{ "auth", ALL, set_auth, "psk, cert, eap" },
	{ "ca", ALL, set_ca, "the name of a file" },
	{ "cert", ALL, set_cert, "the name of a file" },
	{ "key", SWANCTL, set_key, "the name of a file in swanctl's directory private, without a path" },
	{ "key-type", APPLE, set_key_type, "rsa, ecdsa256, ecdsa384, ecdsa521" },
	{ "secret-file", ALL, set_secret_file, "the name of a file" },
	{ "remote", SWANCTL | WINDOWS | ANDROID, set_remote,
	  "an IPv4 network such as 10.0.0.0/8, all bits behind the prefix 0; at most 64 of them" },
	{ "on-demand-outside", APPLE, set_ssid, "the name of a Wi-Fi network, 1 to 32 octets; at most 64 of them" },
	{ "helper", SWANCTL, set_helper, NULL },
	{ "name", ALL, set_name, "a text of 1 to 64 octets" },
	{ "output", ALL, set_output, "the name of a file" },
};

enum { SETTINGS = sizeof(settings) / sizeof(settings[0]), FIRST_SETTING = 256 };

static int apply(struct profile *p, const struct setting *s, const char *value)
{
	char targets[64] = "";
	size_t at = 0;

	for (enum profile_target t = 0; t < TARGET_COUNT; t++)
		if (s->targets & (1U << t))
			at += (size_t)snprintf(targets + at, sizeof(targets) - at, "%s%s", at > 0 ? ", " : "",
					       profile_targets[t]); /* all four fit */
	if (!(s->targets & (1U << p->target)))
		return profile_wrong("--%s: not for %s; allowed with: %s", s->name, profile_targets[p->target],
				     targets);
	if (!s->set(p, value))
		return profile_wrong("--%s '%s': allowed: %s", s->name, value, s->allowed);
	return STATUS_OK;
}

static int scan(struct profile *p, int n, char **args)
{
	struct option known[SETTINGS + 1] = { 0 };
	int c, r = STATUS_OK;

	for (size_t i = 0; i < SETTINGS; i++)
		known[i] = (struct option){ settings[i].name, settings[i].allowed ? required_argument : no_argument,
					    NULL, FIRST_SETTING + (int)i };
	optind = 0; /* start over: main() has scanned the options before the command */
	opterr = 0;
	while (r == STATUS_OK && (c = getopt_long(n, args, "+:", known, NULL)) != -1)
		if (c == ':') {
			r = profile_wrong("%s needs a value", args[optind - 1]);
		} else if (c < FIRST_SETTING) {
			r = profile_wrong("%s: no such option; holdfast profile --help lists them", args[optind - 1]);
		} else {
			r = apply(p, &settings[c - FIRST_SETTING], optarg);
		}
	if (r == STATUS_OK && optind < n)
		r = profile_wrong("'%s': options begin with --", args[optind]);
	return r;
}

/* Names that go into a file of one's own syntax, or into Windows' phone book. */
static int check_name(struct profile *p)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	if (!p->name)
		p->name = p->target == TARGET_SWANCTL ? "holdfast" : "Holdfast";
	if (p->target == TARGET_SWANCTL && p->name[strspn(p->name, word)] != '\0')
		return profile_wrong("--name '%s': allowed: letters, digits, - and _ (it names the connection)",
				     p->name);
	if (p->target == TARGET_WINDOWS) {
		bool good = *p->name != '.' && *p->name != ' ' && !strpbrk(p->name, "\\/:*?\"<>|[]");

		for (const char *c = p->name; *c; c++)
			good = good && (unsigned char)*c < 0x80;
		if (!good)
			return profile_wrong("--name '%s': allowed: ASCII without \\ / : * ? \" < > | [ ], not "
					     "beginning with . or a blank",
					     p->name);
	}
	return STATUS_OK;
}

static int check_gateways(struct profile *p)
{
	if (p->gateways.n == 0)
		return profile_wrong("--gateway is missing; allowed: a host name or an address");
	if (p->gateways.n > 1 && p->target != TARGET_SWANCTL)
		return profile_wrong("--gateway: one only for %s", profile_targets[p->target]);
	if (p->gateway_ids.n == 0)
		p->gateway_ids = p->gateways;
	if (p->gateway_ids.n != p->gateways.n)
		return profile_wrong("--gateway-id: allowed: none, or as many as --gateway");
	return STATUS_OK;
}

static int check_secret_file(const struct profile *p)
{
	if (p->secret_file && p->target == TARGET_ANDROID)
		return profile_wrong("--secret-file: not for android; the app asks for passwords");
	if (p->secret_file && p->target == TARGET_WINDOWS && p->auth == AUTH_EAP)
		return profile_wrong("--secret-file: not for windows with --auth eap; Windows asks at the first "
				     "connection");
	if (p->secret_file && p->auth == AUTH_CERT && !p->key && p->target == TARGET_SWANCTL)
		return profile_wrong("--secret-file: with --auth cert it is the passphrase of --key, which is missing");
	if (p->secret_file && p->auth == AUTH_CERT && !p->cert)
		return profile_wrong("--secret-file: with --auth cert it is the password of --cert, which is missing");
	return STATUS_OK;
}

static int check_auth(const struct profile *p)
{
	bool both = p->target == TARGET_SWANCTL || p->target == TARGET_APPLE;

	if (p->auth == AUTH_NONE)
		return profile_wrong("--auth is missing; allowed: psk, cert, eap");
	if (p->auth == AUTH_PSK && !both)
		return profile_wrong("--auth psk: %s cannot; allowed: cert, eap", profile_targets[p->target]);
	if (p->auth == AUTH_PSK && p->ca)
		return profile_wrong("--ca: not with --auth psk");
	if (p->auth != AUTH_CERT && (p->cert || p->key || p->key_type))
		return profile_wrong("--%s: only with --auth cert", p->cert ? "cert" : p->key ? "key" : "key-type");
	if (p->auth == AUTH_CERT && both && !p->cert)
		return profile_wrong("--cert is missing; --auth cert needs it");
	if (p->auth == AUTH_CERT && p->target == TARGET_APPLE && !p->ca)
		return profile_wrong("--ca is missing; apple with --auth cert needs it");
	if (p->target == TARGET_SWANCTL && ((p->ca && strchr(p->ca, ',')) || (p->cert && strchr(p->cert, ','))))
		return profile_wrong("--ca, --cert: allowed for swanctl: names without commas");
	return check_secret_file(p);
}

int profile_options(struct profile *ret_p, int n, char **args)
{
	struct profile p = { .target = TARGET_COUNT };
	int r;

	for (enum profile_target t = 0; n > 0 && t < TARGET_COUNT; t++)
		if (strcmp(args[0], profile_targets[t]) == 0)
			p.target = t;
	if (p.target == TARGET_COUNT)
		return profile_wrong("%s%s%s: allowed: swanctl, apple, windows, android", n > 0 ? "'" : "",
				     n > 0 ? args[0] : "no kind of client given", n > 0 ? "'" : "");
	r = scan(&p, n, args);
	if (r == STATUS_OK)
		r = check_gateways(&p);
	if (r == STATUS_OK && !p.user)
		r = profile_wrong("--user is missing; allowed: a name such as alice@example.com");
	if (r == STATUS_OK)
		r = check_auth(&p);
	if (r == STATUS_OK)
		r = check_name(&p);
	if (r == STATUS_OK)
		*ret_p = p;
	return r;
}

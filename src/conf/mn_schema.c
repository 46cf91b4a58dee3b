/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "conf/daemon_conf.h"

static const char *const inside_names[MN_INSIDE_COUNT] = { "gateway", "address", "never" };

#define TOP(member) offsetof(struct mn_file, member)
#define CONNECTION(member) offsetof(struct mn_connection, member)

/* clang-format off */
static const struct conf_key top_keys[] = {
	PROGRAM_KEYS(mn_file),
	{ .name = "user", .kind = KEY_STRING, .offset = TOP(mn.user),
	  .help = "Whose host this is: the NAI that the network knows, for events and `holdfast explain`." },
	{ .name = "device", .kind = KEY_TEXT, .offset = TOP(mn.device), .max = 16, .fallback = "hf0",
	  .help = "Device that keeps the home address, made when it is not there." },
	{ .name = "ignore", .kind = KEY_TEXTS, .offset = TOP(mn.ignored), .fallback = "{\"ipsec*\", \"docker*\", \"virbr*\"}",
	  .help = "Network interfaces that are no way out; * at the end stands for anything." },
	{ .name = "inside", .kind = KEY_ENUM, .offset = TOP(mn.inside), .names = inside_names, .name_n = MN_INSIDE_COUNT,
	  .fallback = "gateway",
	  .help = "What proves that the host is inside, where data needs no tunnel: the gateway deletes the CHILD_SA; or an "
		  "interface with the home address is enough, for gateways that are not reachable from inside; or nothing." },
	{ .name = "guard", .kind = KEY_BOOL, .offset = TOP(mn.guard), .fallback = "yes",
	  .help = "Outside, packets from the home address go through the tunnel or nowhere (rules 229 and 230)." },
	{ .name = "mark", .kind = KEY_U32, .offset = TOP(mn.mark), .max = UINT32_MAX, .fallback = "66",
	  .help = "Mark of charon's own packets (fwmark in strongswan.conf), which the guard lets pass; 0: none." },
	{ .name = "keep-ike", .kind = KEY_BOOL, .offset = TOP(mn.keep_ike), .fallback = "yes",
	  .help = "Keep the IKE_SA inside, so that going outside takes one exchange less." },
	{ .name = "open-timeout", .kind = KEY_U16, .offset = TOP(mn.open_timeout_ms), .min = 500, .max = 60000,
	  .fallback = "7000", .help = "When a gateway that has set up no tunnel is given up, in milliseconds." },
	{ .name = "backoff", .kind = KEY_U16, .offset = TOP(mn.backoff_ms), .min = 100, .max = 60000, .fallback = "1000",
	  .help = "Pause after all gateways failed, or one closed the tunnel, in milliseconds; then it doubles." },
	{ .name = "backoff-max", .kind = KEY_U16, .offset = TOP(mn.backoff_max_s), .min = 1, .max = 3600, .fallback = "60",
	  .help = "Longest pause, in seconds." },
	{ .name = "holdoff", .kind = KEY_U16, .offset = TOP(mn.holdoff_ms), .max = 60000, .fallback = "2000",
	  .help = "With inside = address, how long after a crossing the next one inwards is waited for, in milliseconds." },
};

static const struct conf_key connection_keys[] = {
	{ .name = "child", .kind = KEY_TEXT, .offset = CONNECTION(child), .max = 64,
	  .help = "Name of the CHILD_SA in it that carries the data." },
};

static const struct conf_section sections[] = {
	{ .keys = top_keys, .key_n = ARRAY_SIZE(top_keys), .help = "The helper itself." },
	{ .name = "connection", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = CONNECTION(name), .title_max = 64,
	  .size = sizeof(struct mn_connection), .array_offset = TOP(mn.connections), .keys = connection_keys,
	  .key_n = ARRAY_SIZE(connection_keys),
	  .help = "A connection of swanctl.conf to a VPN gateway; several are tried in their order." },
};
/* clang-format on */

static int complete(const char *path, void *conf, struct conf_error *e)
{
	struct mn_file *f = conf;

	(void)path; /* nothing secret is in it */
	if (f->mn.connection_n == 0)
		return conf_fail_at(e, NULL, NULL, "connection", "missing; at least one has to be given");
	if (!f->mn.device[0])
		return conf_fail_at(e, NULL, NULL, "device", "allowed: a name of at least one character");
	if (!f->daemon.instance[0])
		memcpy(f->daemon.instance, "mn", sizeof("mn"));
	return 0;
}

static void release(void *conf)
{
	mn_file_done(conf);
}

const struct conf_schema mn_schema = {
	.sections = sections, .section_n = ARRAY_SIZE(sections), .complete = complete, .release = release
};

int mn_file_load(const char *path, struct mn_file *ret, struct conf_error *ret_error)
{
	struct mn_file f = { 0 };
	int r = conf_load(&mn_schema, path, &f, ret_error);

	if (r == 0)
		*ret = f;
	return r;
}

void mn_file_done(struct mn_file *f)
{
	conf_free(&mn_schema, f);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <string.h>

#include "daemons/daemon.h"

enum { STATS_MAX = 64 };

json_t *json_address(struct in_addr a)
{
	char text[INET_ADDRSTRLEN] = "";

	if (a.s_addr != INADDR_ANY)
		(void)inet_ntop(AF_INET, &a, text, sizeof(text)); /* large enough */
	return json_string(text);
}

json_t *json_tunnel(const struct tunnel *t)
{
	return json_pack("{s:s, s:o, s:o, s:i, s:i}", "encapsulation", encap_names[t->encap], "local",
			 json_address(t->local), "remote", json_address(t->remote), "local_port", t->local_port,
			 "remote_port", t->remote_port);
}

json_int_t seconds_left(uint64_t expires_us, struct instant now)
{
	return expires_us == NEVER ? -1 : (json_int_t)(us_until(now, expires_us) / US_PER_S);
}

json_t *json_counters(struct daemon *d, uint32_t index)
{
	struct dp_counters c = { 0 };

	(void)dp_counters_get(d->dp, index, &c); /* unknown: zeros */
	return json_pack("{s:I, s:I, s:I, s:I}", "up_packets", (json_int_t)c.up_packets, "up_octets",
			 (json_int_t)c.up_bytes, "down_packets", (json_int_t)c.down_packets, "down_octets",
			 (json_int_t)c.down_bytes);
}

static void put(json_t *to, const char *name, uint64_t value)
{
	(void)json_object_set_new(to, name, json_integer((json_int_t)value)); /* without memory, it is missing */
}

json_t *daemon_counters(struct daemon *d, const char *const *names, const uint64_t *values, size_t n)
{
	json_t *signalling = json_object(), *kernel = json_object(), *own = json_object();
	uint64_t stats[STATS_MAX];
	const char *const *stat_names;
	size_t stat_n = d->dp ? dp_stats(d->dp, &stat_names, stats, STATS_MAX) : 0;

	for (size_t i = 0; i < n; i++)
		put(signalling, names[i], values[i]);
	for (size_t i = 0; i < stat_n; i++)
		put(kernel, stat_names[i], stats[i]);
	put(own, "send_errors", d->send_errors);
	put(own, "data_plane_errors", d->dp_errors);
	put(own, "store_errors", d->store_errors);
	put(own, "stray_tunnels", d->strays);
	put(own, "actions_dropped", d->actions.dropped);
	put(own, "watchers_dropped", control_dropped(d->control));
	return json_pack("{s:o, s:o, s:o}", "signalling", signalling, "kernel", kernel, "daemon", own);
}

json_t *daemon_counter_group(json_t *counters, const char *group, const char *const *names, const uint64_t *values,
			     size_t n)
{
	json_t *j = json_object();

	for (size_t i = 0; i < n; i++)
		(void)json_object_set_new(j, names[i], json_integer((json_int_t)values[i])); /* short without memory */
	(void)json_object_set_new(counters, group, j);                                       /* as above */
	return counters;
}

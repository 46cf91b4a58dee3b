/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "conf/daemon_conf.h"

static const char *const scope_names[SA_SCOPE_COUNT] = { "user", "domain", "node" };
static const char *const profile_names[MPA_PROFILE_COUNT] = { "leung00", "rfc5563" };
static const char *const udp_names[MPA_UDP_COUNT] = { "off", "offer", "force" };
static const char *const dhcp_names[MPA_DHCP_COUNT] = { "server", "relay", "anchor", "off" };
static const char *const nas_names[NAS_KIND_COUNT] = { "ethernet", "ppp", "vpn" };
static const char *const sequence_names[] = { "experimental", "nvse", "pmip-subtype", "non-skippable" };

#define TOP(member) offsetof(struct mpa_file, member)
#define AGENT(member) offsetof(struct mpa_home_agent, member)
#define NET(member) offsetof(struct mpa_network, member)
#define ASSOC(member) offsetof(struct mpa_association_file, member)
#define STATION(member) offsetof(struct mpa_station, member)
#define ACCESS(member) offsetof(struct mpa_access, member)
#define VPN(member) offsetof(struct mpa_vpn, member)
#define IDENTITY(member) offsetof(struct mpa_identity, member)
#define NAS(member) offsetof(struct nas_file, member)
#define AAA(member) offsetof(struct aaa_file, member)
#define NAMES(table) .names = (table), .name_n = ARRAY_SIZE(table)

/* clang-format off */
static const struct conf_key top_keys[] = {
	DAEMON_KEYS(mpa_file),
	{ .name = "care-of", .kind = KEY_ADDRESS, .offset = TOP(mpa.care_of),
	  .help = "Care-of address: our address where tunnels end." },
	{ .name = "gateway-mac", .kind = KEY_MAC, .offset = TOP(mpa.gateway_mac), .fallback = "00:00:5e:00:01:33",
	  .help = "MAC address that stands for the gateway and all hosts of home networks; the same at all agents." },
	{ .name = "server-id", .kind = KEY_ADDRESS, .offset = TOP(mpa.server_id), .optional = true,
	  .help = "DHCP server identifier, the same at all agents; default: the home gateway." },
	{ .name = "profile", .kind = KEY_ENUM, .offset = TOP(mpa.profile), NAMES(profile_names), .fallback = "leung00",
	  .help = "Whether requests say that we decapsulate ourselves (D bit): leung00 does, rfc5563 does not." },
	{ .name = "udp-tunnel", .kind = KEY_ENUM, .offset = TOP(mpa.udp), NAMES(udp_names), .fallback = "off",
	  .help = "Ask for tunnels through UDP (RFC 3519)." },
	{ .name = "dhcp", .kind = KEY_ENUM, .offset = TOP(mpa.dhcp), NAMES(dhcp_names), .fallback = "server",
	  .help = "Who answers the stations' DHCP: we, a server behind us, or a server behind the home agent." },
	{ .name = "dhcp-server", .kind = KEY_ADDRESS, .offset = TOP(mpa.dhcp_server), .optional = true,
	  .help = "The server, with dhcp = relay." },
	{ .name = "dhcp-subnet", .kind = KEY_PREFIX, .offset = TOP(mpa.dhcp_subnet), .optional = true,
	  .help = "Home subnet asked of it (RFC 3011), with dhcp = relay." },
	{ .name = "forward-broadcast", .kind = KEY_BOOL, .offset = TOP(mpa.forward_broadcast), .fallback = "no",
	  .help = "Tunnel the stations' link-local multicast and broadcast to the home agent." },
	{ .name = "sequence-form", .kind = KEY_ENUM, .offset = TOP(mpa.sequence.form), NAMES(sequence_names),
	  .fallback = "experimental", .help = "Extension that carries the proxy sequence number; as at the home agent." },
	{ .name = "sequence-subtype", .kind = KEY_U8, .offset = TOP(mpa.sequence.subtype), .min = 1, .max = 255,
	  .fallback = "1", .help = "Its sub-type." },
	{ .name = "sequence-vendor", .kind = KEY_U32, .offset = TOP(mpa.sequence.vendor), .max = UINT32_MAX,
	  .fallback = "32473", .help = "Its enterprise number, with nvse." },
	{ .name = "sequence-vendor-type", .kind = KEY_U16, .offset = TOP(mpa.sequence.vendor_type), .max = 65535,
	  .fallback = "1", .help = "Its vendor type, with nvse." },
	{ .name = "lifetime", .kind = KEY_U16, .offset = TOP(mpa.lifetime_s), .min = 5, .max = 65535, .fallback = "1800",
	  .help = "Lifetime asked for, in seconds." },
	{ .name = "retransmit", .kind = KEY_U16, .offset = TOP(mpa.retransmit_ms), .min = 100, .max = 60000,
	  .fallback = "1000", .help = "First repetition of an unanswered request, in milliseconds; then it doubles." },
	{ .name = "retransmit-max", .kind = KEY_U16, .offset = TOP(mpa.retransmit_max_s), .min = 1, .max = 3600,
	  .fallback = "32", .help = "Longest pause between repetitions, in seconds." },
	{ .name = "failover-after", .kind = KEY_U8, .offset = TOP(mpa.failover_after), .min = 1, .max = 100,
	  .fallback = "3", .help = "Unanswered requests before the secondary home agent is asked." },
	{ .name = "hold", .kind = KEY_U16, .offset = TOP(mpa.hold_s), .max = 65535, .fallback = "30",
	  .help = "How long the binding of a station that vanished is kept, in seconds." },
	{ .name = "holdoff", .kind = KEY_U16, .offset = TOP(mpa.holdoff_ms), .max = 10000, .fallback = "200",
	  .help = "After a revocation, how long packets alone do not attach the station again, in milliseconds." },
	{ .name = "max-subscribers", .kind = KEY_U32, .offset = TOP(mpa.max_subscribers), .min = 1, .max = 1000000,
	  .fallback = "4096", .help = "Stations at most." },
	{ .name = "radius-address", .kind = KEY_ADDRESS, .offset = TOP(mpa.relay.address), .optional = true,
	  .help = "Address of ours that AAA servers are asked from; default: that of the way to them." },
	{ .name = "radius-auth-port", .kind = KEY_U16, .offset = TOP(mpa.relay.auth_port), .min = 1, .max = 65535,
	  .fallback = "1812", .help = "Our UDP port for authentication." },
	{ .name = "radius-acct-port", .kind = KEY_U16, .offset = TOP(mpa.relay.acct_port), .min = 1, .max = 65535,
	  .fallback = "1813", .help = "Our UDP port for accounting." },
	{ .name = "radius-das-port", .kind = KEY_U16, .offset = TOP(mpa.relay.das_port), .max = 65535, .fallback = "0",
	  .help = "Our UDP port where AAA servers may end a session (Disconnect-Request, RFC 5176; 3799 is usual), proven as "
		  "the section of each says; 0: they may not." },
	{ .name = "radius-dead", .kind = KEY_U16, .offset = TOP(mpa.relay.dead_s), .max = 3600, .fallback = "30",
	  .help = "How long a silent AAA server is not asked first, in seconds." },
	{ .name = "radius-hold", .kind = KEY_U16, .offset = TOP(mpa.relay.hold_ms), .min = 500, .max = 10000, .fallback = "4000",
	  .help = "How long an Access-Accept waits for the registration, in milliseconds." },
	{ .name = "radius-key-algorithm", .kind = KEY_ENUM, .offset = TOP(mpa.aaa_mac), .names = mac_alg_names,
	  .name_n = MAC_ALG_COUNT, .fallback = "hmac-sha-256",
	  .help = "How messages are authenticated with keys that AAA servers bring." },
	{ .name = "radius-max", .kind = KEY_U32, .offset = TOP(mpa.relay.max_exchanges), .min = 1, .max = 65536,
	  .fallback = "4096", .help = "RADIUS requests under way at most." },
};

static const struct conf_key agent_keys[] = {
	{ .name = "address", .kind = KEY_ADDRESS, .offset = AGENT(address), .help = "Its address." },
	{ .name = "secondary", .kind = KEY_ADDRESS, .offset = AGENT(secondary), .optional = true,
	  .help = "Home agent to ask when it is silent." },
	{ .name = "via-foreign-agent", .kind = KEY_ADDRESS, .offset = AGENT(via_fa), .optional = true,
	  .help = "Foreign agent to register through; tunnels then end there." },
	{ .name = "subnets", .kind = KEY_PREFIXES, .offset = AGENT(subnets),
	  .help = "Stations with an address of these belong to it." },
};

static const struct conf_key network_keys[] = {
	{ .name = "home-agent", .kind = KEY_TEXT, .offset = NET(home_agent), .max = 32, .fallback = "",
	  .help = "Its home agent; needed where two of them use the same addresses." },
	{ .name = "prefix", .kind = KEY_PREFIX, .offset = NET(prefix), .help = "The home subnet." },
	{ .name = "gateway", .kind = KEY_ADDRESS, .offset = NET(gateway), .help = "Its default gateway." },
	{ .name = "dns", .kind = KEY_FOUR_ADDRESSES, .offset = NET(dns), .help = "Name servers told by DHCP." },
	{ .name = "domain", .kind = KEY_TEXT, .offset = NET(domain), .max = 128, .fallback = "",
	  .help = "Domain name told by DHCP." },
	{ .name = "lease", .kind = KEY_U32, .offset = NET(lease_s), .min = 60, .max = 31536000, .fallback = "3600",
	  .help = "DHCP lease time in seconds." },
};

static const struct conf_key association_keys[] = {
	{ .name = "scope", .kind = KEY_ENUM, .offset = ASSOC(a.scope), NAMES(scope_names), .fallback = "user",
	  .help = "For whom it signs: one user, all users of a realm, or this agent as such." },
	{ .name = "nai", .kind = KEY_STRING, .offset = ASSOC(a.nai), .optional = true, .help = "The user, with scope user." },
	{ .name = "realm", .kind = KEY_STRING, .offset = ASSOC(a.realm), .optional = true,
	  .help = "The realm, with scope domain." },
	{ .name = "home-agent", .kind = KEY_TEXT, .offset = ASSOC(a.home_agent), .max = 32, .fallback = "",
	  .help = "Home agent it is shared with; empty: all." },
	{ .name = "replay", .kind = KEY_ENUM, .offset = ASSOC(a.sa.replay), .names = replay_style_names,
	  .name_n = REPLAY_STYLE_COUNT, .fallback = "timestamp", .help = "How replays are recognised (RFC 5944 5.7)." },
	ASSOCIATION_KEYS(mpa_association_file),
};

static const struct conf_key station_keys[] = {
	{ .name = "mac", .kind = KEY_MAC, .offset = STATION(mac), .optional = true, .given = STATION(has_mac) + 1,
	  .help = "MAC address of the station." },
	{ .name = "client-id", .kind = KEY_OCTETS, .offset = STATION(client_id), .optional = true,
	  .help = "DHCP client identifier with its type octet." },
	{ .name = "host-name", .kind = KEY_STRING, .offset = STATION(host_name), .optional = true, .help = "DHCP host name." },
	{ .name = "fqdn", .kind = KEY_STRING, .offset = STATION(fqdn), .optional = true, .help = "DHCP client FQDN." },
	{ .name = "home-agent", .kind = KEY_TEXT, .offset = STATION(home_agent), .max = 32, .fallback = "",
	  .help = "Its home agent; empty: by address, else the first one." },
	{ .name = "home-address", .kind = KEY_ADDRESS, .offset = STATION(home_address), .optional = true,
	  .help = "Home address to ask for." },
};

static const struct conf_key access_keys[] = {
	{ .name = "trusted", .kind = KEY_BOOL, .offset = ACCESS(trusted), .fallback = "no",
	  .help = "Whoever is connected here is who it seems to be: stations are recognised by the table." },
	{ .name = "by-dhcp", .kind = KEY_BOOL, .offset = ACCESS(by_dhcp), .fallback = "yes",
	  .help = "A DHCP message attaches a station." },
	{ .name = "by-packet", .kind = KEY_BOOL, .offset = ACCESS(by_packet), .fallback = "yes",
	  .help = "A packet or ARP message attaches a station." },
	{ .name = "by-carrier", .kind = KEY_BOOL, .offset = ACCESS(by_carrier), .fallback = "yes",
	  .help = "The link coming up attaches the station of carrier-nai." },
	{ .name = "presence", .kind = KEY_U16, .offset = ACCESS(presence_s), .max = 65535, .fallback = "60",
	  .help = "A station not heard for so many seconds is asked by ARP whether it is there; after three questions it "
		  "counts as lost. 0: never. Only where trusted and by-packet, or hostapd, bring it back." },
	{ .name = "hostapd", .kind = KEY_STRING, .offset = ACCESS(hostapd), .optional = true,
	  .help = "The hostapd that authenticates at this port: its control socket, or the directory of them "
		  "(ctrl_interface). It is told to begin when an unknown station shows up." },
	{ .name = "carrier-nai", .kind = KEY_STRING, .offset = ACCESS(carrier_nai), .optional = true,
	  .help = "Who sits behind this port." },
	{ .name = "carrier-mac", .kind = KEY_MAC, .offset = ACCESS(carrier_mac), .optional = true,
	  .help = "Its MAC address. With hostapd it alone is enough: it is told to begin when the link comes up." },
};

static const struct conf_key vpn_keys[] = {
	{ .name = "mtu", .kind = KEY_U16, .offset = VPN(mtu), .min = 576, .max = 65535, .fallback = "1400",
	  .help = "Longest packet that goes into the device." },
	{ .name = "realm", .kind = KEY_STRING, .offset = VPN(realm), .optional = true,
	  .help = "Realm of users whose identity has none." },
	{ .name = "timeout", .kind = KEY_U16, .offset = VPN(timeout_ms), .min = 100, .max = 30000, .fallback = "4500",
	  .help = "A connecting client is refused when its registration takes longer, in milliseconds." },
	{ .name = "hold", .kind = KEY_U16, .offset = VPN(hold_s), .max = 65535, .fallback = "300",
	  .help = "How long the binding of a user whose VPN ended is kept, in seconds." },
	{ .name = "linger", .kind = KEY_U16, .offset = VPN(linger_ms), .max = 10000, .fallback = "300",
	  .help = "How long packets in flight of a user who moved on still pass, in milliseconds." },
	{ .name = "wait", .kind = KEY_U16, .offset = VPN(wait_ms), .max = 10000, .fallback = "100",
	  .help = "A CHILD_SA made again registers its user at the first packet, or after this, in milliseconds." },
	{ .name = "resume", .kind = KEY_U16, .offset = VPN(resume_s), .min = 1, .max = 3600, .fallback = "1",
	  .help = "First pause before data of a user served elsewhere registers it again, in seconds; then it doubles." },
};

static const struct conf_key identity_keys[] = {
	{ .name = "nai", .kind = KEY_STRING, .offset = IDENTITY(nai), .help = "The user it is." },
};

static const struct conf_key nas_keys[] = {
	{ .name = "address", .kind = KEY_PREFIX, .offset = NAS(nas.address),
	  .help = "Where it asks from; of several sections, the longest prefix counts." },
	{ .name = "kind", .kind = KEY_ENUM, .offset = NAS(kind), NAMES(nas_names), .fallback = "ethernet",
	  .help = "What it is: one of ppp or vpn gets the home address in the Access-Accept." },
	{ .name = "access", .kind = KEY_TEXT, .offset = NAS(nas.access), .max = 16, .fallback = "",
	  .help = "Port where its stations arrive; empty: it says so by Called-Station-Id or NAS-Port-Id. With kind = ppp, "
		  "\"ppp*\" stands for devices of one user each; NAS-Port-Id or NAS-Port tells which." },
	{ .name = "das-port", .kind = KEY_U16, .offset = NAS(nas.das_port), .max = 65535, .fallback = "0",
	  .help = "Its UDP port for Disconnect-Requests (RFC 5176; 3799 is usual), made with the same secret; 0: it is not "
		  "told when a session ends here." },
	{ .name = "message-authenticator", .kind = KEY_ENUM, .offset = NAS(proof), NAMES(proof_names),
	  .fallback = "require", .help = "Whether a request may lack it. One with EAP never may." },
	{ .name = "secret", .kind = KEY_STRING, .offset = NAS(source.key), .optional = true,
	  .help = "The shared secret, as \"hex:...\" or \"text:...\"; the file must then be readable by its owner only." },
	{ .name = "secret-file", .kind = KEY_STRING, .offset = NAS(source.key_file), .optional = true,
	  .help = "File with it in its first line, readable by its owner only." },
};

static const struct conf_key aaa_keys[] = {
	AAA_SERVER_KEYS,
	{ .name = "acct-port", .kind = KEY_U16, .offset = AAA(server.acct_port), .max = 65535, .fallback = "1813",
	  .help = "Its UDP port for accounting; 0: none, we answer the authenticators ourselves." },
};

static const struct conf_section sections[] = {
	{ .keys = top_keys, .key_n = ARRAY_SIZE(top_keys), .help = "The agent itself." },
	{ .name = "home-agent", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = AGENT(name), .title_max = 32,
	  .size = sizeof(struct mpa_home_agent), .array_offset = TOP(mpa.home_agents), .keys = agent_keys,
	  .key_n = ARRAY_SIZE(agent_keys), .help = "A home agent; the first is the default." },
	{ .name = "network", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = NET(name), .title_max = 32,
	  .size = sizeof(struct mpa_network), .array_offset = TOP(mpa.networks), .keys = network_keys,
	  .key_n = ARRAY_SIZE(network_keys), .help = "What a home network looks like to its stations." },
	{ .name = "association", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = ASSOC(a.name), .title_max = 32,
	  .size = sizeof(struct mpa_association_file), .array_offset = TOP(associations), .keys = association_keys,
	  .key_n = ARRAY_SIZE(association_keys), .help = "A mobility security association; the narrowest scope wins." },
	{ .name = "station", .title = "NAI", .title_kind = KEY_STRING, .title_offset = STATION(nai),
	  .size = sizeof(struct mpa_station), .array_offset = TOP(mpa.stations), .keys = station_keys,
	  .key_n = ARRAY_SIZE(station_keys), .help = "How the station of a user is recognised on trusted ports." },
	{ .name = "access", .title = "INTERFACE", .title_kind = KEY_TEXT, .title_offset = ACCESS(interface), .title_max = 16,
	  .size = sizeof(struct mpa_access), .array_offset = TOP(mpa.accesses), .keys = access_keys,
	  .key_n = ARRAY_SIZE(access_keys), .most = INTERFACES_MAX, .help = "A port where stations arrive." },
	{ .name = "vpn", .title = "INTERFACE", .title_kind = KEY_TEXT, .title_offset = VPN(interface), .title_max = 16,
	  .size = sizeof(struct mpa_vpn), .array_offset = TOP(mpa.vpns), .keys = vpn_keys, .key_n = ARRAY_SIZE(vpn_keys),
	  .help = "The layer-3 device where VPN users arrive: charon's TUN, or an xfrm interface." },
	{ .name = "identity", .title = "GLOB", .title_kind = KEY_STRING, .title_offset = IDENTITY(glob),
	  .size = sizeof(struct mpa_identity), .array_offset = TOP(mpa.naming.rows), .keys = identity_keys,
	  .key_n = ARRAY_SIZE(identity_keys),
	  .help = "VPN users whose IKE or EAP identity, or a subjectAltName, looks like this." },
	{ .name = "nas", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = NAS(nas.name), .title_max = 32,
	  .size = sizeof(struct nas_file), .array_offset = TOP(nases), .keys = nas_keys, .key_n = ARRAY_SIZE(nas_keys),
	  .help = "An authenticator that asks us by RADIUS: an access point, a switch, a PPP or VPN server." },
	{ .name = "aaa", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = AAA(server.name), .title_max = 32,
	  .size = sizeof(struct aaa_file), .array_offset = TOP(aaa), .keys = aaa_keys, .key_n = ARRAY_SIZE(aaa_keys),
	  .help = "An AAA server that is asked in turn; several are asked in their order." },
};

/* clang-format on */

static void take_realm(struct mpa_conf *c)
{
	c->naming.realm = c->vpn_n > 0 ? c->vpns[0].realm : NULL; /* stays its section's */
	for (char *p = c->naming.realm; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static int complete(const char *path, void *conf, struct conf_error *e);

static void release(void *conf)
{
	mpa_file_done(conf);
}

const struct conf_schema mpa_schema = {
	.sections = sections, .section_n = ARRAY_SIZE(sections), .complete = complete, .release = release
};

static bool is_agent(const struct mpa_conf *c, const char *name)
{
	for (size_t i = 0; i < c->home_agent_n; i++)
		if (strcmp(c->home_agents[i].name, name) == 0)
			return true;
	return !name[0];
}

static int fail_agent(const char *section, const char *title, const char *name, struct conf_error *e)
{
	return conf_fail_at(e, section, title, "home-agent", "there is no home-agent '%s'", name);
}

static int check_networks(const struct mpa_conf *c, struct conf_error *e)
{
	for (size_t i = 0; i < c->network_n; i++) {
		const struct mpa_network *n = &c->networks[i];

		if (!is_agent(c, n->home_agent))
			return fail_agent("network", n->name, n->home_agent, e);
		if (!prefix_contains(&n->prefix, n->gateway))
			return conf_fail_at(e, "network", n->name, "gateway",
					    "allowed: an address inside of the prefix");
	}
	return c->network_n > 0 ? 0 : conf_fail_at(e, NULL, NULL, "network", "missing; at least one has to be given");
}

static int take_association(const char *path, const struct mpa_conf *c, struct mpa_association_file *f,
			    struct conf_error *e)
{
	const struct mpa_association *a = &f->a;
	const char *missing = a->scope == SA_SCOPE_USER && !a->nai     ? "nai" :
			      a->scope == SA_SCOPE_DOMAIN && !a->realm ? "realm" :
									 NULL;

	if (missing)
		return conf_fail_at(e, "association", a->name, missing, "missing; scope %s needs it",
				    scope_names[a->scope]);
	if (!is_agent(c, a->home_agent))
		return fail_agent("association", a->name, a->home_agent, e);
	return association_key_load(path, a->name, &f->source, &f->a.sa, e);
}

static int check_station(const struct mpa_conf *c, const struct mpa_station *s, struct conf_error *e)
{
	if (!is_agent(c, s->home_agent))
		return fail_agent("station", s->nai, s->home_agent, e);
	if (s->has_mac || s->client_id_n > 0 || s->host_name || s->fqdn)
		return 0;
	return conf_fail_at(e, "station", s->nai, "mac", "allowed: at least one of mac, client-id, host-name, fqdn");
}

static bool has_user_devices(const struct mpa_file *f)
{
	for (size_t i = 0; i < f->nas_n; i++)
		if (relay_has_user_devices(&f->nases[i].nas))
			return true;
	return false;
}

static int check_top(const struct mpa_file *f, struct conf_error *e)
{
	const struct mpa_conf *c = &f->mpa;

	if (f->daemon.interface_n == 0)
		return conf_fail_at(e, NULL, NULL, "interfaces", "missing; at least one has to be given");
	if (c->access_n == 0 && c->vpn_n == 0 && !has_user_devices(f))
		return conf_fail_at(e, NULL, NULL, "access", "missing; at least one, or a vpn, has to be given");
	if (c->vpn_n > 1)
		return conf_fail_at(e, "vpn", c->vpns[1].interface, NULL, "allowed: one vpn section");
	if (c->dhcp == MPA_DHCP_RELAY && c->dhcp_server.s_addr == INADDR_ANY)
		return conf_fail_at(e, NULL, NULL, "dhcp-server", "missing; dhcp = relay needs it");
	if (c->dhcp == MPA_DHCP_RELAY && c->dhcp_subnet.addr.s_addr == INADDR_ANY)
		return conf_fail_at(e, NULL, NULL, "dhcp-subnet", "missing; dhcp = relay needs it");
	if ((c->station_n > 0 || c->vpn_n > 0) && c->home_agent_n == 0)
		return conf_fail_at(e, NULL, NULL, "home-agent", "missing; stations and VPN users need one");
	return 0;
}

/* Whom hostapd lets in is told by RADIUS. */
static int check_access(const struct mpa_file *f, const struct mpa_access *a, struct conf_error *e)
{
	if (!a->hostapd)
		return 0;
	if (a->trusted)
		return conf_fail_at(e, "access", a->interface, "trusted", "allowed: no, where hostapd authenticates");
	if (f->nas_n == 0)
		return conf_fail_at(e, "access", a->interface, "hostapd",
				    "a nas section is missing, which lets it ask us by RADIUS");
	return 0;
}

static int by_mac(const void *a, const void *b)
{
	const struct mpa_station *x = *(const struct mpa_station *const *)a;
	const struct mpa_station *y = *(const struct mpa_station *const *)b;

	return x->has_mac != y->has_mac ? x->has_mac - y->has_mac : memcmp(x->mac, y->mac, sizeof(x->mac));
}

/* Of two users with one MAC address, the second would never be recognised. */
static int check_macs(const struct mpa_conf *c, struct conf_error *e)
{
	auto_(freep) const struct mpa_station **v = calloc(c->station_n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < c->station_n; i++)
		v[i] = &c->stations[i];
	qsort(v, c->station_n, sizeof(*v), by_mac);
	for (size_t i = 1; i < c->station_n; i++)
		if (v[i]->has_mac && by_mac(&v[i - 1], &v[i]) == 0)
			return conf_fail_at(e, "station", v[i]->nai, "mac",
					    "station '%s' has the same; allowed: one station of an address",
					    v[i - 1]->nai);
	return 0;
}

static int complete(const char *path, void *conf, struct conf_error *e)
{
	struct mpa_file *f = conf;
	struct mpa_conf *c = &f->mpa;
	int r = check_top(f, e);

	if (r == 0)
		r = check_networks(c, e);
	for (size_t i = 0; r == 0 && i < f->association_n; i++)
		r = take_association(path, c, &f->associations[i], e);
	for (size_t i = 0; r == 0 && i < c->station_n; i++)
		r = check_station(c, &c->stations[i], e);
	for (size_t i = 0; r == 0 && i < c->access_n; i++)
		r = check_access(f, &c->accesses[i], e);
	if (r == 0)
		r = check_macs(c, e);
	if (r == 0)
		r = radius_complete(path, f, e);
	take_realm(c);
	if (!f->daemon.instance[0])
		memcpy(f->daemon.instance, "mpa", sizeof("mpa"));
	if (r < 0 || f->association_n == 0)
		return r;
	c->associations = calloc(f->association_n, sizeof(c->associations[0]));
	if (!c->associations)
		return -ENOMEM;
	for (size_t i = 0; i < f->association_n; i++)
		c->associations[i] = f->associations[i].a; /* texts stay with the file's own array */
	c->association_n = f->association_n;
	return 0;
}

int mpa_file_load(const char *path, struct mpa_file *ret, struct conf_error *ret_error)
{
	struct mpa_file f = { 0 };
	int r = conf_load(&mpa_schema, path, &f, ret_error);

	if (r == 0)
		*ret = f;
	return r;
}

void mpa_file_done(struct mpa_file *f)
{
	for (size_t i = 0; i < f->association_n; i++) {
		sa_wipe(&f->associations[i].a.sa);
		key_source_wipe(&f->associations[i].source);
	}
	for (size_t i = 0; i < f->mpa.association_n; i++)
		sa_wipe(&f->mpa.associations[i].sa);
	free(f->mpa.associations);
	f->mpa.associations = NULL;
	f->mpa.association_n = 0;
	radius_done(f);
	conf_free(&mpa_schema, f);
}

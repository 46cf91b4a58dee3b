/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole configuration files: what they fill, and the one sentence each mistake gets. */
#include <fcntl.h>
#include <sys/stat.h>

#include "conf/daemon_conf.h"
#include "tests/unit/test.h"

static char path[64], key_path[80];
static struct conf_error error;

static void write_file(const char *name, const char *content, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0); /* whatever the umask */
	close(fd);
}

static int setup(void **state)
{
	char directory[] = "/tmp/holdfast-conf-XXXXXX";

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/conf", directory);
	(void)snprintf(key_path, sizeof(key_path), "%s/key", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(key_path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

#define HA_TOP "address = \"10.0.0.1\"\ninterfaces = {\"eth0\", \"eth1\"}\n"
#define HA_NETWORK                                                                                                     \
	"network office {\n prefix = \"10.42.0.0/24\"\n gateway = \"10.42.0.1\"\n"                                     \
	" pools = {\"10.42.0.10-10.42.0.20\", \"10.42.0.30-10.42.0.30\"}\n}\n"
#define HA_ASSOCIATION                                                                                                 \
	"association staff {\n scope = domain\n realm = \"Example.COM\"\n spi = 1000\n key = \"hex:0102\"\n}\n"

static void fills_the_home_agent(void **state)
{
	struct ha_file f = { 0 };

	(void)state;
	write_file(path,
		   HA_TOP HA_NETWORK HA_ASSOCIATION
		   "user \"*@example.com\" { }\nuser \"bob@example.com\" { home-address = \"10.42.0.5\" proxy = no }\n"
		   "stale = silent\nmax-lifetime = 65535\n",
		   0600);
	if (ha_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(f.ha.address.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(f.daemon.interface_n, 2);
	assert_string_equal(f.daemon.interfaces[1], "eth1");
	assert_string_equal(f.daemon.instance, "ha");
	assert_string_equal(f.daemon.run_dir, "/run/holdfast");
	assert_int_equal(f.ha.stale, HA_STALE_SILENT);
	assert_int_equal(f.ha.max_lifetime_s, 65535);
	assert_int_equal(f.ha.udp_max_lifetime_s, 60); /* defaults */
	assert_int_equal(f.ha.max_bindings, 65536);
	assert_true(f.ha.pmip);
	assert_int_equal(f.ha.sequence.form, MIP_SEQUENCE_EXPERIMENTAL);
	assert_int_equal(f.ha.network_n, 1);
	assert_string_equal(f.ha.networks[0].name, "office");
	assert_int_equal(f.ha.networks[0].prefix.len, 24);
	assert_int_equal(f.ha.networks[0].pool_n, 2);
	assert_int_equal(f.ha.networks[0].pools[1].last.s_addr, ip("10.42.0.30").s_addr);
	assert_int_equal(f.ha.association_n, 1);
	assert_string_equal(f.ha.associations[0].realm, "example.com");
	assert_int_equal(f.ha.associations[0].sa.alg, MAC_HMAC_SHA_256);
	assert_int_equal(f.ha.associations[0].sa.tolerance_s, 7);
	assert_int_equal(f.ha.associations[0].sa.key_n, 2);
	assert_int_equal(f.ha.user_n, 2);
	assert_string_equal(f.ha.users[1].nai, "bob@example.com");
	assert_int_equal(f.ha.users[1].home_address.s_addr, ip("10.42.0.5").s_addr);
	assert_false(f.ha.users[1].proxy_allowed);
	ha_file_done(&f);
}

#define MPA_TOP "care-of = \"10.0.1.1\"\ninterfaces = {\"eth0\"}\n"
#define MPA_AGENT "home-agent main { address = \"10.0.0.1\" subnets = {\"10.42.0.0/24\"} }\n"
#define MPA_NETWORK "network office { prefix = \"10.42.0.0/24\" gateway = \"10.42.0.1\" dns = {\"10.0.0.53\"} }\n"
#define MPA_ACCESS "access eth1 { trusted = yes }\n"

static void fills_the_proxy_agent(void **state)
{
	struct mpa_file f = { 0 };

	(void)state;
	write_file(path,
		   MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS
		   "association node { scope = node spi = 2000 algorithm = hmac-md5 key = \"text:secret\" }\n"
		   "station \"alice@example.com\" { mac = \"02:00:00:00:00:01\" client-id = \"hex:01020304\" }\n",
		   0600);
	if (mpa_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(f.mpa.care_of.s_addr, ip("10.0.1.1").s_addr);
	assert_memory_equal(f.mpa.gateway_mac, "\x00\x00\x5e\x00\x01\x33", 6);
	assert_int_equal(f.mpa.home_agents[0].subnet_n, 1);
	assert_int_equal(f.mpa.networks[0].dns_n, 1);
	assert_int_equal(f.mpa.networks[0].dns[0].s_addr, ip("10.0.0.53").s_addr);
	assert_int_equal(f.mpa.networks[0].lease_s, 3600);
	assert_true(f.mpa.stations[0].has_mac);
	assert_int_equal(f.mpa.stations[0].client_id_n, 4);
	assert_string_equal(f.mpa.accesses[0].interface, "eth1");
	assert_true(f.mpa.accesses[0].trusted && f.mpa.accesses[0].by_dhcp);
	assert_int_equal(f.mpa.associations[0].sa.key_n, 6);
	mpa_file_done(&f);
}

#define PPP_NAS(kind, access)                                                                                          \
	"nas b { address = \"10.0.2.0/24\" kind = " kind " access = \"" access "\" secret = \"text:s\" }\n"
#define RADIUS_NAS "nas ap { address = \"10.0.2.0/24\" secret = \"text:0123456789abcdef\" }\n"
#define RADIUS_AAA "aaa main { address = \"10.0.0.9\" secret = \"hex:aabb\" }\n"

/* Each mistake is told with what it is about; nothing of the file is used. */
static const struct {
	bool mpa;
	const char *content, *want;
} mistakes[] = {
	{ false, "adress = \"10.0.0.1\"\n", ":1: adress: no such key; did you mean 'address'?" },
	{ false, HA_TOP "networks office { }\n", "did you mean 'network'?" },
	{ false, HA_TOP "max-lifetime = 4\n", ":3: max-lifetime: '4' is not valid; allowed: a number from 5 to 65535" },
	{ false, HA_TOP "stale = never\n", "allowed: deny, deny-65, silent" },
	{ false, HA_TOP "simultaneous-bindings = 5\n",
	  "simultaneous-bindings: '5' is not valid; allowed: a number from 1 to 4" },
	{ false, HA_TOP "gre = often\n", "gre: 'often' is not valid; allowed: " },
	{ false, "interfaces = {\"eth0\"}\n" HA_NETWORK, "address: missing" },
	{ false, "address = \"10.0.0.1\"\n" HA_NETWORK, "interfaces: missing" },
	{ false, HA_TOP, "network: missing" },
	{ false, HA_TOP "network a {\n", "/conf:" },
	{ false, HA_TOP "network a { prefix = \"10.42.0.0/24\" gateway = \"10.43.0.1\" }\n",
	  "network 'a': gateway: allowed: an address inside of the prefix" },
	{ false, HA_TOP HA_NETWORK "network b { prefix = \"10.42.0.128/25\" gateway = \"10.42.0.129\" }\n",
	  "overlaps that of network 'office'" },
	{ false,
	  HA_TOP "network a { prefix = \"10.42.0.0/24\" gateway = \"10.42.0.1\" pools = {\"10.42.0.9-10.42.1.9\"} }\n",
	  "ranges inside of the prefix" },
	{ false,
	  HA_TOP "network a { prefix = \"10.42.0.0/24\" gateway = \"10.42.0.1\" "
		 "pools = {\"10.42.0.9-10.42.0.20\", \"10.42.0.20-10.42.0.30\"} }\n",
	  "ranges that do not overlap" },
	{ false, HA_TOP HA_NETWORK "association a { scope = domain spi = 1000 key = \"hex:01\" }\n",
	  "association 'a': realm: missing" },
	{ false, HA_TOP HA_NETWORK "association a { scope = node spi = 1000 key = \"hex:01\" }\n", "nodes: missing" },
	{ false, HA_TOP HA_NETWORK "association a { nai = \"a@b\" spi = 255 key = \"hex:01\" }\n",
	  "spi: '255' is not valid" },
	{ false, HA_TOP HA_NETWORK "association a { nai = \"a@b\" spi = 256 key = \"0102\" }\n",
	  "/conf:8: association 'a': key: the key is not valid; allowed: \"hex:...\"" },
	{ false, HA_TOP HA_NETWORK "association a { nai = \"a@b\" spi = 256 }\n",
	  "/conf:8: association 'a': key: allowed: exactly one of key and key-file" },
	{ false, HA_TOP HA_NETWORK "user \"a@b\" { network = lab }\n", "there is no network 'lab'" },
	{ false, HA_TOP HA_NETWORK "user \"*@b\" { home-address = \"10.42.0.5\" }\n", "none for a whole realm" },
	{ false, HA_TOP HA_NETWORK "user \"a@b\" { home-address = \"10.42.0.1\" }\n", "not its gateway" },
	{ false, HA_TOP HA_NETWORK "user \"a@b\" { home-address = \"10.42.0.255\" }\n", "home-address" },
	{ false,
	  HA_TOP HA_NETWORK
	  "user \"a@b\" { home-address = \"10.42.0.5\" }\nuser \"c@b\" { home-address = \"10.42.0.5\" }\n",
	  "has the same; allowed: one user of an address" },
	{ false, HA_TOP HA_NETWORK "user \"a@Realm\" { }\nuser \"a@realm\" { }\n", "allowed: one of them" },
	{ false,
	  HA_TOP HA_NETWORK HA_ASSOCIATION
	  "association b { scope = domain realm = \"EXAMPLE.com\" spi = 1000 key = \"hex:03\" }\n",
	  "spi: association" },
	{ false,
	  HA_TOP HA_NETWORK "association a { scope = node nodes = {\"10.0.0.0/16\"} spi = 300 key = \"hex:01\" }\n"
			    "association b { scope = node nodes = {\"10.0.1.0/24\"} spi = 300 key = \"hex:02\" }\n",
	  "spi: association" },
	{ false, HA_TOP HA_NETWORK RADIUS_AAA "user \"a@b\" { }\n", "aaa 'main': no user has aaa-key = yes" },
	{ false, HA_TOP HA_NETWORK "user \"a@b\" { aaa-key = yes }\n",
	  "user 'a@b': aaa-key: there is no aaa section to ask" },
	{ false, HA_TOP HA_NETWORK "aaa main { address = \"10.0.0.9\" }\nuser \"a@b\" { aaa-key = yes }\n",
	  "aaa 'main': secret: allowed: exactly one of secret and secret-file" },
	{ false, HA_TOP HA_NETWORK RADIUS_AAA "user \"a@b\" { aaa-key = yes }\naaa-rate = 0\n",
	  "aaa-rate: '0' is not valid; allowed: a number from 1 to 10000" },
	{ false, HA_TOP HA_NETWORK "aaa b { address = \"10.0.0.9\" acct-port = 1813 secret = \"text:s\" }\n",
	  "acct-port: no such key" },
	/* Lines: of the key, of its section's end when it is missing. */
	{ false, HA_TOP "network a {\n prefix = \"10.42.0.0/24\"\n gateway = \"10.43.0.1\"\n pools = {}\n}\n",
	  "/conf:5: network 'a': gateway: allowed" },
	{ false, HA_TOP "network a {\n prefix = \"10.42.0.0/24\"\n\n}\n", "/conf:6: network 'a': gateway: missing" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK, "access: missing" },
	{ true, MPA_TOP MPA_NETWORK MPA_ACCESS "station \"a@b\" { fqdn = \"a.b\" }\n", "home-agent: missing" },
	{ true,
	  MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS
	  "station \"a@b\" { mac = \"02:00:00:00:00:01\" }\nstation \"b@b\" { mac = \"02:00:00:00:00:01\" }\n",
	  "mac: station" },
	{ true, MPA_TOP MPA_AGENT MPA_ACCESS, "network: missing" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS "dhcp = relay\n", "dhcp-server: missing" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS "dhcp = relay\ndhcp-server = \"10.9.0.2\"\n",
	  "dhcp-subnet: missing" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_NAS, "aaa: missing" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA, "nas: missing" },
	{ true,
	  MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA RADIUS_NAS
	  "nas b { address = \"10.0.2.0/24\" secret = \"text:s\" }\n",
	  "nas 'b': address: nas 'ap' has the same" },
	{ true,
	  MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA
	  "nas b { address = \"10.0.2.0/24\" access = eth9 secret = \"text:s\" }\n",
	  "there is no access or vpn 'eth9'" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA PPP_NAS("vpn", "ppp*"),
	  "allowed: a name; with kind = ppp" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA PPP_NAS("ppp", "*"),
	  "allowed: a name; with kind = ppp" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA PPP_NAS("ppp", "p*p0"),
	  "allowed: a name; with kind" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA PPP_NAS("ppp", "eth*"),
	  "'eth0' would be one of them; allowed: a name of users' devices only" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK "access acc0 { }\n" RADIUS_AAA PPP_NAS("ppp", "ac*"),
	  "'acc0' would be one of them" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK "vpn ipsec0 { }\n" RADIUS_AAA PPP_NAS("ppp", "ip*"),
	  "'ipsec0' would be one of them" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK RADIUS_AAA PPP_NAS("ppp", "l*"), "'lo' would be one of them" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK RADIUS_AAA RADIUS_NAS, "access: missing" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK "access eth1 { hostapd = \"/run/hostapd\" }\n",
	  "access 'eth1': hostapd: a nas section is missing" },
	{ true,
	  MPA_TOP MPA_AGENT MPA_NETWORK RADIUS_AAA RADIUS_NAS
	  "access eth1 { hostapd = \"/run/hostapd\" trusted = yes }\n",
	  "access 'eth1': trusted: allowed: no, where hostapd authenticates" },
	{ true,
	  MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA
	  "nas b { address = \"10.0.2.0/24\" kind = vpn secret = \"text:s\" }\n",
	  "nas 'b': access: missing; the users of a PPP or VPN server arrive somewhere" },
	{ true,
	  MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA "nas b { address = \"10.0.2.1\" secret = \"text:s\" }\n",
	  "allowed: a prefix without host bits such as \"10.42.0.0/24\", or \"10.42.0.7/32\"" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_AAA "nas b { address = \"10.0.2.0/24\" }\n",
	  "nas 'b': secret: allowed: exactly one of secret and secret-file" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_NAS "aaa b { address = \"10.0.0.9\" secret = \"s\" }\n",
	  "aaa 'b': secret: the secret is not valid; allowed: \"hex:...\"" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_NAS RADIUS_AAA "radius-acct-port = 1812\n",
	  "radius-acct-port: allowed: another one" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_NAS RADIUS_AAA "radius-das-port = 1813\n",
	  "radius-das-port: allowed: another one" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS "station \"a@b\" { }\n",
	  "at least one of mac, client-id, host-name, fqdn" },
	{ true, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS "station \"a@b\" { fqdn = \"a.b\" home-agent = other }\n",
	  "there is no home-agent 'other'" },
};

static void one_sentence_per_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct ha_file h = { 0 };
		struct mpa_file m = { 0 };
		int r;

		write_file(path, mistakes[i].content, 0600);
		r = mistakes[i].mpa ? mpa_file_load(path, &m, &error) : ha_file_load(path, &h, &error);
		assert_int_equal(r, -EINVAL);
		if (!strstr(error.text, mistakes[i].want) || !strstr(error.text, path))
			fail_msg("row %zu: wanted '%s', got '%s'", i, mistakes[i].want, error.text);
		assert_int_equal(h.ha.network_n + m.mpa.network_n, 0);
	}
}

/* Not the same: one SPI for two users, or for agents at different addresses. */
static void one_spi_for_different_senders(void **state)
{
	struct ha_file f = { 0 };

	(void)state;
	write_file(path,
		   HA_TOP HA_NETWORK
		   "association a { nai = \"a@b\" spi = 300 key = \"hex:01\" }\n"
		   "association b { nai = \"A@b\" spi = 300 key = \"hex:02\" }\n"
		   "association c { scope = domain realm = b spi = 300 key = \"hex:03\" }\n"
		   "association d { scope = node nodes = {\"10.0.1.0/24\"} spi = 300 key = \"hex:04\" }\n"
		   "association e { scope = node nodes = {\"10.0.2.0/24\"} spi = 300 key = \"hex:05\" }\n",
		   0600);
	if (ha_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(f.ha.association_n, 5);
	ha_file_done(&f);
}

static void a_missing_file_is_told(void **state)
{
	char directory[64];
	struct ha_file f = { 0 };

	(void)state;
	(void)unlink(path);
	assert_int_equal(ha_file_load(path, &f, &error), -ENOENT);
	assert_non_null(strstr(error.text, "No such file"));
	(void)snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	assert_int_equal(ha_file_load(directory, &f, &error), -EISDIR);
	assert_non_null(strstr(error.text, directory));
}

/* A key that others may read is refused, wherever it lies, and never printed. */
static void keys_are_private(void **state)
{
	struct ha_file f = { 0 };
	char content[512];

	(void)state;
	write_file(path, HA_TOP HA_NETWORK HA_ASSOCIATION, 0644);
	assert_int_equal(ha_file_load(path, &f, &error), -EINVAL);
	assert_non_null(strstr(error.text, "mode 0600"));
	assert_null(strstr(error.text, "0102"));

	(void)snprintf(content, sizeof(content),
		       HA_TOP HA_NETWORK "association a { nai = \"a@b\" spi = 256 key-file = \"%s\" }\n", key_path);
	write_file(path, content, 0644); /* without keys in it, all may read it */
	assert_int_equal(ha_file_load(path, &f, &error), -EINVAL);
	assert_non_null(strstr(error.text, key_path));
	write_file(key_path, "hex:0a0b0c\n", 0640);
	assert_int_equal(ha_file_load(path, &f, &error), -EINVAL);
	assert_non_null(strstr(error.text, "mode 0600"));
	write_file(key_path, "hex:0a0b0c\n", 0600);
	if (ha_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(f.ha.associations[0].sa.key_n, 3);
	assert_memory_equal(f.ha.associations[0].sa.key, "\x0a\x0b\x0c", 3);
	ha_file_done(&f);
}

static void fills_the_keys_from_aaa(void **state)
{
	struct ha_file f = { 0 };

	(void)state;
	write_file(path,
		   HA_TOP HA_NETWORK RADIUS_AAA
		   "aaa spare { address = \"10.0.0.10\" auth-port = 1645 tries = 5 message-authenticator = allow "
		   "secret = \"text:s\" }\naaa-key-algorithm = hmac-md5\naaa-key-lifetime = 60\n"
		   "user \"*@example.com\" { aaa-key = yes }\nuser \"a@example.com\" { }\n",
		   0600);
	if (ha_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(f.ha.aaa.server_n, 2);
	assert_string_equal(f.ha.aaa.servers[0].name, "main");
	assert_int_equal(f.ha.aaa.servers[0].address.s_addr, ip("10.0.0.9").s_addr);
	assert_int_equal(f.ha.aaa.servers[0].auth_port, 1812);
	assert_int_equal(f.ha.aaa.servers[0].secret.n, 2);
	assert_false(f.ha.aaa.servers[0].unproven);
	assert_int_equal(f.ha.aaa.servers[1].auth_port, 1645);
	assert_true(f.ha.aaa.servers[1].unproven);
	assert_int_equal(f.ha.aaa.mac, MAC_HMAC_MD5);
	assert_int_equal(f.ha.aaa.key_life_s, 60);
	assert_int_equal(f.ha.aaa.rate, 500);
	assert_int_equal(f.ha.aaa.dead_s, 30);
	assert_true(f.ha.users[0].aaa_key);
	assert_false(f.ha.users[1].aaa_key);
	ha_file_done(&f);
	assert_null(f.ha.aaa.servers);
}

static void fills_the_radius_relay(void **state)
{
	struct mpa_file f = { 0 };

	(void)state;
	write_file(path,
		   MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS RADIUS_NAS
		   "nas ppp { address = \"10.0.3.1/32\" kind = ppp access = eth1 message-authenticator = allow "
		   "secret = \"hex:00\" }\n" RADIUS_AAA "aaa spare { address = \"10.0.0.10\" acct-port = 0 tries = 5 "
		   "secret = \"text:s\" }\nradius-hold = 500\n",
		   0600);
	if (mpa_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(f.mpa.relay.auth_port, 1812);
	assert_int_equal(f.mpa.relay.acct_port, 1813);
	assert_int_equal(f.mpa.relay.hold_ms, 500);
	assert_int_equal(f.mpa.relay.max_exchanges, 4096);
	assert_int_equal(f.mpa.aaa_mac, MAC_HMAC_SHA_256);
	assert_int_equal(f.mpa.relay.nas_n, 2);
	assert_string_equal(f.mpa.relay.nases[0].name, "ap");
	assert_int_equal(f.mpa.relay.nases[0].secret.n, 16);
	assert_memory_equal(f.mpa.relay.nases[0].secret.octets, "0123456789abcdef", 16);
	assert_false(f.mpa.relay.nases[0].unproven || f.mpa.relay.nases[0].gives_address);
	assert_true(f.mpa.relay.nases[1].unproven && f.mpa.relay.nases[1].gives_address);
	assert_string_equal(f.mpa.relay.nases[1].access, "eth1");
	assert_int_equal(f.mpa.relay.server_n, 2);
	assert_int_equal(f.mpa.relay.servers[0].secret.n, 2);
	assert_int_equal(f.mpa.relay.servers[0].tries, 3);
	assert_int_equal(f.mpa.relay.servers[1].acct_port, 0);
	mpa_file_done(&f);
	write_file(path, MPA_TOP MPA_AGENT MPA_NETWORK MPA_ACCESS, 0600);
	assert_int_equal(mpa_file_load(path, &f, &error), 0);
	assert_int_equal(f.mpa.relay.auth_port, 0); /* nobody would ask */
	mpa_file_done(&f);
	write_file(path, MPA_TOP MPA_AGENT MPA_NETWORK RADIUS_AAA PPP_NAS("ppp", "ppp*"), 0600); /* nothing but PPP */
	if (mpa_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_true(relay_has_user_devices(&f.mpa.relay.nases[0]));
	mpa_file_done(&f);
	write_file(path,
		   MPA_TOP MPA_AGENT MPA_NETWORK RADIUS_AAA RADIUS_NAS "access eth1 { hostapd = \"/run/hostapd\" }\n",
		   0600);
	if (mpa_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(f.mpa.accesses[0].hostapd, "/run/hostapd");
	mpa_file_done(&f);
}

static void fills_the_mobile_node(void **state)
{
	struct mn_file f = { 0 };

	(void)state;
	write_file(
		path,
		"user = \"alice@example.com\"\ninside = address\nguard = no\nconnection \"gw1\" { child = \"net\" }\n"
		"connection gw2 { child = all }\n",
		0644);
	if (mn_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(f.mn.user, "alice@example.com");
	assert_int_equal(f.mn.inside, MN_INSIDE_ADDRESS);
	assert_int_equal(f.mn.connection_n, 2);
	assert_string_equal(f.mn.connections[1].name, "gw2");
	assert_string_equal(f.mn.connections[1].child, "all");
	assert_string_equal(f.daemon.instance, "mn"); /* defaults from here on */
	assert_string_equal(f.mn.device, "hf0");
	assert_int_equal(f.mn.ignored_n, 3);
	assert_string_equal(f.mn.ignored[0], "ipsec*");
	assert_false(f.mn.guard);
	assert_true(f.mn.keep_ike);
	assert_int_equal(f.mn.mark, 0x42);
	assert_int_equal(f.mn.open_timeout_ms, 7000);
	mn_file_done(&f);
}

static void mistakes_of_the_mobile_node(void **state)
{
	static const struct {
		const char *content, *want;
	} rows_of_mn[] = {
		{ "user = a\n", "connection: missing" },
		{ "connection gw1 { child = net }\n", "user: missing" },
		{ "user = \"\"\nconnection gw1 { child = net }\n", ":1: user: '' is not valid" },
		{ "user = a\ndevice = \"\"\nconnection gw1 { child = net }\n", ":2: device: allowed: a name" },
		{ "user = a\nconnection gw1 { }\n", "connection 'gw1': child: missing" },
		{ "user = a\ninside = maybe\n", "allowed: gateway, address, never" },
		{ "user = a\nconection gw1 { child = net }\n", "did you mean 'connection'?" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows_of_mn); i++) {
		struct mn_file f = { 0 };

		write_file(path, rows_of_mn[i].content, 0600);
		assert_int_equal(mn_file_load(path, &f, &error), -EINVAL);
		if (!strstr(error.text, rows_of_mn[i].want))
			fail_msg("%s: wanted: %s", error.text, rows_of_mn[i].want);
	}
}

/* @n interfaces of the key @key, and @networks. */
static void write_many(const char *key, unsigned n, unsigned networks)
{
	static char content[8192];
	FILE *f = fmemopen(content, sizeof(content), "w");

	assert_non_null(f);
	(void)fprintf(f, "address = \"10.0.0.1\"\ninterfaces = {\"eth0\"}\n%s = {", key);
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(f, "%s\"eth%u\"", i > 0 ? ", " : "", i);
	(void)fprintf(f, "}\n");
	for (unsigned i = 0; i < networks; i++)
		(void)fprintf(f, "network n%u { prefix = \"10.%u.0.0/24\" gateway = \"10.%u.0.1\" }\n", i, i, i);
	assert_int_equal(fclose(f), 0);
	write_file(path, content, 0600);
}

/* What is past the limit would be left out without a word. */
static void no_more_than_are_served(void **state)
{
	static const struct {
		const char *key;
		unsigned n, networks;
		const char *want; /* NULL: it is fine */
	} rows_of_many[] = {
		{ "interfaces", INTERFACES_MAX, NETWORKS_MAX, NULL },
		{ "interfaces", INTERFACES_MAX + 1, 1, ":3: interfaces: too many; allowed: at most 64" },
		{ "fast-interfaces", INTERFACES_MAX, 1, NULL },
		{ "fast-interfaces", INTERFACES_MAX + 1, 1, ":3: fast-interfaces: too many; allowed: at most 64" },
		{ "interfaces", 1, NETWORKS_MAX + 1, ": network: too many; allowed: at most 64" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows_of_many); i++) {
		struct ha_file f = { 0 };
		const char *want = rows_of_many[i].want;

		write_many(rows_of_many[i].key, rows_of_many[i].n, rows_of_many[i].networks);
		assert_int_equal(ha_file_load(path, &f, &error), want ? -EINVAL : 0);
		if (want && !strstr(error.text, want))
			fail_msg("%s: wanted: %s", error.text, want);
		ha_file_done(&f);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fills_the_home_agent),          TEST(fills_the_proxy_agent),
		TEST(fills_the_radius_relay),        TEST(fills_the_mobile_node),
		TEST(mistakes_of_the_mobile_node),   TEST(one_sentence_per_mistake),
		TEST(a_missing_file_is_told),        TEST(keys_are_private),
		TEST(one_spi_for_different_senders), TEST(fills_the_keys_from_aaa),
		TEST(no_more_than_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RADIUS for test_tshark_radius.py. Without arguments: one packet of each kind as our builders make it, "NAME HEX" per line,
 * responses right behind what they answer. With "read": each line "SECRET AUTHENTICATOR PACKET" is told as we read it;
 * SECRET and the authenticator of the request are in hexadecimal digits, "-" when the packet is a request. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/util.h"
#include "core/radius_auth.h"

static const struct span secret = { (const uint8_t *)"testing123", 10 };
static const uint8_t asked[RADIUS_AUTHENTICATOR_OCTETS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static uint8_t last[RADIUS_AUTHENTICATOR_OCTETS]; /* of the request before */

static struct in_addr ip(const char *text)
{
	struct in_addr a = { 0 };

	(void)inet_pton(AF_INET, text, &a); /* literals of this file */
	return a;
}

static void put_text(struct wr *w, uint8_t type, const char *s)
{
	radius_put(w, type, (struct span){ (const uint8_t *)s, strlen(s) });
}

static void put_station(struct wr *w)
{
	put_text(w, RADIUS_USER_NAME, "anonymous@example.com");
	radius_put_ip4(w, RADIUS_NAS_IP_ADDRESS, ip("10.0.1.9"));
	put_text(w, RADIUS_CALLED_STATION_ID, "02-00-00-00-01-00:office");
	put_text(w, RADIUS_CALLING_STATION_ID, "02-00-00-00-00-01");
	radius_put_u32(w, RADIUS_NAS_PORT_TYPE, 15);
}

static void access_request(struct wr *w)
{
	static const uint8_t identity[] = "\2\1\0\x1a\1anonymous@example.com";

	radius_put_proof(w);
	put_station(w);
	radius_put_u32(w, RADIUS_SERVICE_TYPE, 2);
	radius_put_eap(w, (struct span){ identity, sizeof(identity) - 1 });
	put_text(w, RADIUS_PROXY_STATE, "state of a proxy");
}

static void challenge(struct wr *w)
{
	uint8_t eap[600] = { 1, 2, 600 >> 8, 600 & 0xff, 21 };

	radius_put_proof(w);
	radius_put_eap(w, (struct span){ eap, sizeof(eap) });
}

static void let_in(struct wr *w)
{
	uint8_t salted[64];
	int n = radius_salt((struct span){ asked, 16 }, 0x8001, secret, last, salted);

	radius_put_proof(w);
	put_text(w, RADIUS_USER_NAME, "alice@example.com");
	radius_put_ip4(w, RADIUS_FRAMED_IP_ADDRESS, ip("10.42.0.20"));
	radius_put_u32(w, RADIUS_SESSION_TIMEOUT, 3600);
	radius_put_wimax(w, RADIUS_WIMAX_HHA_IP, (struct span){ (const uint8_t *)"\x0a\0\0\1", 4 });
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_SPI, (struct span){ (const uint8_t *)"\0\0\3\xe8", 4 });
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_KEY, (struct span){ salted, n < 0 ? 0 : (size_t)n });
	radius_put_eap(w, (struct span){ (const uint8_t *)"\3\2\0\4", 4 });
}

/* The password "open sesame", as a NAS whose secret is "hop" hid it with our authenticator (RFC 2865 5.2, computed with
 * Python's hashlib), on its way to us. */
static void password(struct wr *w)
{
	static const uint8_t hidden[16] = { 0x48, 0xb0, 0x63, 0x9d, 0xa9, 0x68, 0x28, 0x4f,
					    0xad, 0x71, 0x25, 0xd7, 0x35, 0xf5, 0xe5, 0x4d };
	const struct radius_hop from = { { (const uint8_t *)"hop", 3 }, asked }, to = { secret, asked };
	uint8_t covered[sizeof(hidden)];

	radius_put_proof(w);
	put_text(w, RADIUS_USER_NAME, "bob@example.com");
	if (radius_password((struct span){ hidden, sizeof(hidden) }, &from, &to, covered) == 0)
		radius_put(w, RADIUS_USER_PASSWORD, (struct span){ covered, sizeof(covered) });
}

static void reject(struct wr *w)
{
	radius_put_proof(w);
	put_text(w, RADIUS_REPLY_MESSAGE, "no address is free");
}

static void stop(struct wr *w)
{
	radius_put_u32(w, RADIUS_ACCT_STATUS_TYPE, RADIUS_ACCT_STOP);
	put_text(w, RADIUS_ACCT_SESSION_ID, "0123456789ABCDEF");
	put_station(w);
	radius_put_u32(w, RADIUS_ACCT_TERMINATE_CAUSE, 2);
}

static void nothing(struct wr *w)
{
	(void)w;
}

static void disconnect(struct wr *w)
{
	radius_put_proof(w);
	put_text(w, RADIUS_USER_NAME, "alice@example.com");
	put_text(w, RADIUS_ACCT_SESSION_ID, "0123456789ABCDEF");
	radius_put_u32(w, RADIUS_EVENT_TIMESTAMP, 1700000000);
}

static void refusal(struct wr *w)
{
	radius_put_proof(w);
	radius_put_u32(w, RADIUS_ERROR_CAUSE, 503);
}

static void print_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		printf("%02x", s.p[i]);
}

static int emit(void)
{
	static const struct {
		const char *name;
		uint8_t code;
		void (*put)(struct wr *w);
	} rows[] = {
		{ "request", RADIUS_ACCESS_REQUEST, access_request },
		{ "challenge", RADIUS_ACCESS_CHALLENGE, challenge },
		{ "request-again", RADIUS_ACCESS_REQUEST, access_request },
		{ "accept", RADIUS_ACCESS_ACCEPT, let_in },
		{ "password", RADIUS_ACCESS_REQUEST, password },
		{ "reject", RADIUS_ACCESS_REJECT, reject },
		{ "stop", RADIUS_ACCOUNTING_REQUEST, stop },
		{ "stopped", RADIUS_ACCOUNTING_RESPONSE, nothing },
		{ "disconnect", RADIUS_DISCONNECT_REQUEST, disconnect },
		{ "disconnected", RADIUS_DISCONNECT_ACK, nothing },
		{ "coa", RADIUS_COA_REQUEST, disconnect },
		{ "coa-refused", RADIUS_COA_NAK, refusal },
	};
	uint8_t buf[RADIUS_PACKET_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wr w = wr_init(buf, sizeof(buf));
		bool is_request = i % 2 == 0;

		radius_begin(&w, rows[i].code, (uint8_t)(i / 2 + 1));
		rows[i].put(&w);
		if (is_request ? radius_sign_request(&w, secret, rows[i].code == RADIUS_ACCESS_REQUEST ? asked : NULL) :
				 radius_sign_response(&w, secret, last))
			return 1;
		if (is_request)
			memcpy(last, buf + RADIUS_AUTHENTICATOR_AT, sizeof(last));
		printf("%s ", rows[i].name);
		print_hex((struct span){ buf, wr_len(&w) });
		putchar('\n');
	}
	return 0;
}

static size_t unhex(const char *hex, uint8_t *ret, size_t cap)
{
	size_t n = 0;
	unsigned octet;

	while (n < cap && sscanf(hex + 2 * n, "%2x", &octet) == 1)
		ret[n++] = (uint8_t)octet;
	return n;
}

static void tell(const char *name, struct span value)
{
	printf(" %s=", name);
	print_hex(value);
}

static void tell_key(const struct radius *p, uint8_t type, struct span their_secret, const uint8_t *authenticator)
{
	uint8_t value[RADIUS_VALUE_MAX], plain[RADIUS_VALUE_MAX];
	int n = radius_find_wimax(p, type, value, sizeof(value));

	n = n > 0 ? radius_unsalt((struct span){ value, (size_t)n }, their_secret, authenticator, plain) : n;
	if (n > 0)
		tell("key", (struct span){ plain, (size_t)n });
}

static void tell_packet(struct span packet, struct span their_secret, const uint8_t *authenticator)
{
	static const char *const proofs[] = {
		[RADIUS_PROOF_RIGHT] = "right", [RADIUS_PROOF_WRONG] = "wrong", [RADIUS_PROOF_ABSENT] = "absent"
	};
	uint8_t eap[RADIUS_PACKET_MAX], mac[6], v[RADIUS_VALUE_MAX];
	struct radius_at at = { 0 };
	struct radius p;
	int n;

	if (radius_parse(packet.p, packet.n, &p) < 0) {
		puts("bad");
		return;
	}
	printf("code=%s id=%u proof=%s", radius_code_name(p.code), p.id,
	       proofs[radius_check_message(&p, their_secret, authenticator)]);
	printf(" authenticator=%s", (authenticator ? radius_check_response(&p, their_secret, authenticator) :
						     radius_check_request(&p, their_secret)) ?
					    "right" :
					    "wrong");
	if (radius_find(&p, RADIUS_CALLING_STATION_ID, &at) && radius_mac(at.value, mac))
		tell("mac", (struct span){ mac, sizeof(mac) });
	n = radius_eap(&p, eap, sizeof(eap));
	if (n > 0)
		tell("eap", (struct span){ eap, (size_t)n });
	n = radius_find_wimax(&p, RADIUS_WIMAX_MN_HHA_SPI, v, sizeof(v));
	if (n > 0)
		tell("spi", (struct span){ v, (size_t)n });
	if (authenticator)
		tell_key(&p, RADIUS_WIMAX_MN_HHA_KEY, their_secret, authenticator);
	for (at = (struct radius_at){ 0 }; radius_next(&p, &at);) {
		printf(" %u=", at.type);
		print_hex(at.value);
	}
	putchar('\n');
}

static int read_all(void)
{
	static char line[3 * RADIUS_PACKET_MAX], secret_hex[256], authenticator_hex[64],
		packet_hex[2 * RADIUS_PACKET_MAX + 1];

	while (fgets(line, sizeof(line), stdin)) {
		uint8_t packet[RADIUS_PACKET_MAX], their_secret[128], authenticator[RADIUS_AUTHENTICATOR_OCTETS];

		if (sscanf(line, "%255s %63s %8192s", secret_hex, authenticator_hex, packet_hex) != 3)
			return 1;
		tell_packet((struct span){ packet, unhex(packet_hex, packet, sizeof(packet)) },
			    (struct span){ their_secret, unhex(secret_hex, their_secret, sizeof(their_secret)) },
			    unhex(authenticator_hex, authenticator, sizeof(authenticator)) == sizeof(authenticator) ?
				    authenticator :
				    NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "read") == 0 ? read_all() : emit();
}

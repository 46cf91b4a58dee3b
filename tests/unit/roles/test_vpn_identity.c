/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A-14, A-15: whose NAI is registered for what IKE_AUTH proved. */
#include "roles/mpa/vpn_identity.h"

#include "tests/unit/test.h"

enum { GARBAGE = 0xdb };

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X241 X50 X50 X50 X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static struct mpa_identity rows[] = {
	{ (char *)"*@contractor.test", (char *)"guest@example.com" },
	{ (char *)"192.0.2.*", (char *)"printer@example.com" },
	{ (char *)"C=DE, O=Example, CN=Legacy \\*", (char *)"legacy" },
	{ (char *)"root", (char *)"" },
	{ (char *)"long", (char *)X241 "@example.com!" },
};

static const struct {
	const char *name;
	enum identity_type type;
	const char *id, *eap;
	struct identity names[3];
	const char *want; /* NULL: -ENOENT with `why` */
	const char *why;
} cases[] = {
	{ "e-mail", IDENTITY_EMAIL, "alice@example.com", "", { { 0 } }, "alice@example.com", NULL },
	{ "charon compares without case",
	  IDENTITY_EMAIL,
	  "Alice@Example.COM",
	  "",
	  { { 0 } },
	  "alice@example.com",
	  NULL },
	{ "FQDN gets the realm",
	  IDENTITY_FQDN,
	  "laptop7.example.com",
	  "",
	  { { 0 } },
	  "laptop7.example.com@example.com",
	  NULL },
	{ "one word is an FQDN as well", IDENTITY_FQDN, "bob", "", { { 0 } }, "bob@example.com", NULL },
	{ "EAP identity", IDENTITY_IPV4, "10.1.2.3", "carol@example.com", { { 0 } }, "carol@example.com", NULL },
	{ "EAP identity gets the realm", IDENTITY_IPV4, "10.1.2.3", "carol", { { 0 } }, "carol@example.com", NULL },
	{ "an EAP server may tell case", IDENTITY_IPV4, "10.1.2.3", "Carol", { { 0 } }, "Carol@example.com", NULL },
	{ "with EAP, IDi proves nothing",
	  IDENTITY_EMAIL,
	  "alice@example.com",
	  "carol",
	  { { 0 } },
	  "carol@example.com",
	  NULL },
	{ "with EAP, no row may look at IDi",
	  IDENTITY_EMAIL,
	  "x@contractor.test",
	  "carol",
	  { { 0 } },
	  "carol@example.com",
	  NULL },
	{ "row by IDi", IDENTITY_EMAIL, "dave@Contractor.test", "", { { 0 } }, "guest@example.com", NULL },
	{ "row by EAP identity",
	  IDENTITY_IPV4,
	  "10.1.2.3",
	  "dave@contractor.test",
	  { { 0 } },
	  "guest@example.com",
	  NULL },
	{ "row by subjectAltName",
	  IDENTITY_DN,
	  "CN=dave",
	  "",
	  { { IDENTITY_EMAIL, "d@example.com" }, { IDENTITY_EMAIL, "dave@contractor.test" } },
	  "guest@example.com",
	  NULL },
	{ "row by address", IDENTITY_IPV4, "192.0.2.77", "", { { 0 } }, "printer@example.com", NULL },
	{ "row by DN, and no realm is added",
	  IDENTITY_DN,
	  "C=DE, O=Example, CN=Legacy *",
	  "",
	  { { 0 } },
	  "legacy",
	  NULL },
	{ "an escaped star is no wildcard",
	  IDENTITY_DN,
	  "C=DE, O=Example, CN=Legacy box",
	  "",
	  { { 0 } },
	  NULL,
	  "blank" },
	{ "address without a row", IDENTITY_IPV4, "10.1.2.3", "", { { 0 } }, NULL, "type" },
	{ "key id without a row", IDENTITY_KEY_ID, "alice@example.com", "", { { 0 } }, NULL, "type" },
	{ "unknown type", IDENTITY_OTHER, "alice@example.com", "", { { 0 } }, NULL, "type" },
	{ "an alternative name does not help an address",
	  IDENTITY_IPV4,
	  "10.1.2.3",
	  "",
	  { { IDENTITY_EMAIL, "alice@example.com" } },
	  NULL,
	  "type" },

	{ "DN: e-mail before FQDN and CN",
	  IDENTITY_DN,
	  "C=DE, CN=Alice",
	  "",
	  { { IDENTITY_FQDN, "a.example.com" }, { IDENTITY_EMAIL, "alice@example.com" }, { IDENTITY_EMAIL, "b@x" } },
	  "alice@example.com",
	  NULL },
	{ "DN: FQDN before CN",
	  IDENTITY_DN,
	  "C=DE, CN=Alice",
	  "",
	  { { IDENTITY_IPV4, "10.0.0.1" }, { IDENTITY_FQDN, "A.example.com" } },
	  "a.example.com@example.com",
	  NULL },
	{ "DN: CN", IDENTITY_DN, "C=DE, O=Example, CN=Alice", "", { { 0 } }, "alice@example.com", NULL },
	{ "DN: CN of the form of a NAI",
	  IDENTITY_DN,
	  "CN=alice@example.org, C=DE",
	  "",
	  { { 0 } },
	  "alice@example.org",
	  NULL },
	{ "DN: attribute names know no case", IDENTITY_DN, "c=DE,cn=alice", "", { { 0 } }, "alice@example.com", NULL },
	{ "DN: the last CN is the most specific",
	  IDENTITY_DN,
	  "DC=com, CN=Users, CN=alice",
	  "",
	  { { 0 } },
	  "alice@example.com",
	  NULL },
	{ "DN: an escaped comma hides no CN",
	  IDENTITY_DN,
	  "O=Evil\\, CN=root, CN=mallory",
	  "",
	  { { 0 } },
	  "mallory@example.com",
	  NULL },
	{ "DN: an escaped comma behind CN",
	  IDENTITY_DN,
	  "CN=mallory, O=Evil\\, CN=alice",
	  "",
	  { { 0 } },
	  "mallory@example.com",
	  NULL },
	{ "DN: comma as two digits",
	  IDENTITY_DN,
	  "CN=mallory, O=Evil\\2c CN=alice",
	  "",
	  { { 0 } },
	  "mallory@example.com",
	  NULL },
	{ "DN: quoted comma",
	  IDENTITY_DN,
	  "CN=mallory, O=\"Evil, CN=alice\"",
	  "",
	  { { 0 } },
	  "mallory@example.com",
	  NULL },
	{ "DN: quote in quotes",
	  IDENTITY_DN,
	  "CN=mallory, O=\"Ev\\\"il, CN=alice\"",
	  "",
	  { { 0 } },
	  "mallory@example.com",
	  NULL },
	{ "DN: quoted CN", IDENTITY_DN, "CN=\"alice\", C=DE", "", { { 0 } }, "alice@example.com", NULL },
	{ "DN: escaped octets", IDENTITY_DN, "CN=\\61lic\\65", "", { { 0 } }, "alice@example.com", NULL },
	{ "DN: escaped NUL", IDENTITY_DN, "CN=alice\\00.evil", "", { { 0 } }, NULL, "character" },
	{ "DN: quoted CN with comma", IDENTITY_DN, "CN=\"Smith, Alice\", C=DE", "", { { 0 } }, NULL, "blank" },
	{ "DN: value that looks like an attribute",
	  IDENTITY_DN,
	  "O=CN=alice, CN=bob",
	  "",
	  { { 0 } },
	  "bob@example.com",
	  NULL },
	{ "DN: OCN is not CN", IDENTITY_DN, "OCN=alice", "", { { 0 } }, NULL, "neither" },
	{ "DN: no CN", IDENTITY_DN, "C=DE, O=Example", "", { { 0 } }, NULL, "neither" },
	{ "DN: empty CN", IDENTITY_DN, "C=DE, CN=", "", { { 0 } }, NULL, "empty" },
	{ "DN: open quote", IDENTITY_DN, "CN=\"alice", "", { { 0 } }, NULL, "read" },
	{ "DN: text behind the quote", IDENTITY_DN, "CN=\"alice\"x", "", { { 0 } }, NULL, "read" },
	{ "DN: backslash at the end", IDENTITY_DN, "CN=alice\\", "", { { 0 } }, NULL, "read" },
	{ "DN: comma at the end", IDENTITY_DN, "CN=alice,", "", { { 0 } }, NULL, "read" },
	{ "DN: no attribute", IDENTITY_DN, "CN=alice, bob", "", { { 0 } }, NULL, "read" },
	{ "DN: empty", IDENTITY_DN, "", "", { { 0 } }, NULL, "read" },
	{ "DN: what charon prints for a bad one",
	  IDENTITY_DN,
	  "(invalid ID_DER_ASN1_DN)",
	  "",
	  { { 0 } },
	  NULL,
	  "read" },
	{ "DN: and for one too long",
	  IDENTITY_DN,
	  "C=DE, CN=(invalid ID_DER_ASN1_DN)",
	  "",
	  { { 0 } },
	  NULL,
	  "character" },

	{ "253 octets", IDENTITY_FQDN, X241, "", { { 0 } }, X241 "@example.com", NULL },
	{ "254 with the realm", IDENTITY_FQDN, X241 "x", "", { { 0 } }, NULL, "long" },
	{ "254 alone", IDENTITY_EMAIL, X241 "@example.comx", "", { { 0 } }, NULL, "long" },
	{ "254 in a CN", IDENTITY_DN, "CN=" X241 "xxxxxxxxxxxxx", "", { { 0 } }, NULL, "long" },
	{ "254 in another attribute",
	  IDENTITY_DN,
	  "O=" X241 "xxxxxxxxxxxxx, CN=alice",
	  "",
	  { { 0 } },
	  "alice@example.com",
	  NULL },
	{ "254 in a row", IDENTITY_FQDN, "long", "", { { 0 } }, NULL, "long" },
	{ "row without a name", IDENTITY_FQDN, "root", "", { { 0 } }, NULL, "empty" },
	{ "empty FQDN", IDENTITY_FQDN, "", "", { { 0 } }, NULL, "empty" },
	{ "blank", IDENTITY_FQDN, "ali ce", "", { { 0 } }, NULL, "blank" },
	{ "newline", IDENTITY_EMAIL, "alice\n@example.com", "", { { 0 } }, NULL, "character" },
	{ "delete", IDENTITY_EMAIL, "alice\x7f@example.com", "", { { 0 } }, NULL, "character" },
	{ "beyond ASCII", IDENTITY_EMAIL, "\xc3\xa4@example.com", "", { { 0 } }, NULL, "character" },
	{ "what charon could not print", IDENTITY_EMAIL, "al??ce@example.com", "", { { 0 } }, NULL, "character" },
	{ "what charon takes for a pattern", IDENTITY_EMAIL, "*lice@example.com", "", { { 0 } }, NULL, "character" },
	{ "and as EAP identity", IDENTITY_IPV4, "10.1.2.3", "*rol@example.com", { { 0 } }, NULL, "character" },
	{ "domain of another system", IDENTITY_IPV4, "10.1.2.3", "EXAMPLE\\carol", { { 0 } }, NULL, "character" },
	{ "anonymous", IDENTITY_IPV4, "10.1.2.3", "@example.com", { { 0 } }, NULL, "form" },
	{ "no realm behind the sign", IDENTITY_EMAIL, "alice@", "", { { 0 } }, NULL, "form" },
	{ "two signs", IDENTITY_EMAIL, "alice@a@b", "", { { 0 } }, NULL, "form" },
};

static int map(size_t row, const char *realm, char *ret_nai, const char **ret_why)
{
	const struct mpa_naming how = { .rows = rows, .row_n = ARRAY_SIZE(rows), .realm = (char *)realm };
	struct charon_event e = { .type = CHARON_ACQUIRE,
				  .id = { cases[row].type, cases[row].id },
				  .eap = cases[row].eap };

	memcpy(e.names, cases[row].names, sizeof(cases[row].names));
	while (e.name_n < ARRAY_SIZE(cases[row].names) && e.names[e.name_n].text)
		e.name_n++;
	return vpn_nai(&how, &e, ret_nai, ret_why);
}

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char nai[MIP_NAI_MAX + 1], untouched[sizeof(nai)];
		const char *why = NULL;
		int r;

		memset(nai, GARBAGE, sizeof(nai));
		memset(untouched, GARBAGE, sizeof(untouched));
		r = map(i, "example.com", nai, &why);
		if (cases[i].want) {
			if (r != 0 || strcmp(nai, cases[i].want) != 0 || why)
				fail_msg("%s: %d, %.*s, %s", cases[i].name, r, r == 0 ? MIP_NAI_MAX : 0, nai, why);
			continue;
		}
		if (r != -ENOENT || memcmp(nai, untouched, sizeof(nai)) != 0 || !why || !strstr(why, cases[i].why))
			fail_msg("%s: %d, %s", cases[i].name, r, why);
	}
}

static void without_a_realm_names_stay_short(void **state)
{
	char nai[MIP_NAI_MAX + 1];
	const char *why;

	(void)state;
	assert_string_equal(cases[3].id, "bob");
	assert_int_equal(map(3, NULL, nai, &why), 0);
	assert_string_equal(nai, "bob");
}

/* The first row wins, and no row, no realm: nothing is read that is not there. */
static void rows_have_an_order(void **state)
{
	struct mpa_identity two[] = { { (char *)"a*", (char *)"first@x" }, { (char *)"al*", (char *)"second@x" } };
	const struct charon_event e = { .id = { IDENTITY_FQDN, "alice" }, .eap = "" };
	char nai[MIP_NAI_MAX + 1];
	const char *why;

	(void)state;
	assert_int_equal(vpn_nai(&(struct mpa_naming){ .rows = two, .row_n = 2 }, &e, nai, &why), 0);
	assert_string_equal(nai, "first@x");
	assert_int_equal(vpn_nai(&(struct mpa_naming){ 0 }, &e, nai, &why), 0);
	assert_string_equal(nai, "alice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(without_a_realm_names_stay_short),
		cmocka_unit_test(rows_have_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

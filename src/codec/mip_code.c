/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/mip_msg.h"

static const struct {
	uint8_t code;
	const char *name;
} codes[] = {
	{ 0, "accepted" },
	{ 1, "accepted, no simultaneous bindings" },
	{ 64, "foreign agent: unspecified" },
	{ 65, "foreign agent: administratively prohibited" },
	{ 66, "foreign agent: no resources" },
	{ 67, "foreign agent: mobile node failed authentication" },
	{ 68, "foreign agent: home agent failed authentication" },
	{ 69, "foreign agent: lifetime too long" },
	{ 70, "foreign agent: malformed request" },
	{ 71, "foreign agent: malformed reply" },
	{ 72, "foreign agent: encapsulation unavailable" },
	{ 74, "foreign agent: reverse tunnel unavailable" },
	{ 75, "foreign agent: reverse tunnel mandatory" },
	{ 76, "foreign agent: mobile node too distant" },
	{ 77, "foreign agent: invalid care-of address" },
	{ 78, "foreign agent: registration timed out" },
	{ 79, "foreign agent: delivery style unsupported" },
	{ 80, "foreign agent: home network unreachable" },
	{ 81, "foreign agent: home agent host unreachable" },
	{ 82, "foreign agent: home agent port unreachable" },
	{ 88, "foreign agent: home agent unreachable" },
	{ 90, "foreign agent: non-zero home agent required" },
	{ 96, "foreign agent: non-zero home address required" },
	{ 97, "foreign agent: NAI missing in reply" },
	{ 98, "foreign agent: home agent missing in reply" },
	{ 99, "foreign agent: home address missing in reply" },
	{ 100, "foreign agent: unsupported vendor extension of the mobile node" },
	{ 101, "foreign agent: unsupported vendor extension of the home agent" },
	{ 128, "unspecified" },
	{ 129, "administratively prohibited" },
	{ 130, "insufficient resources" },
	{ 131, "mobile node failed authentication" },
	{ 132, "foreign agent failed authentication" },
	{ 133, "identification mismatch" },
	{ 134, "malformed request" },
	{ 135, "too many bindings" },
	{ 136, "unknown home agent address" },
	{ 137, "reverse tunnel unavailable" },
	{ 138, "reverse tunnel mandatory" },
	{ 139, "encapsulation unavailable" },
	{ 140, "unsupported vendor extension from the mobile node" },
	{ 141, "unsupported vendor extension from the foreign agent" },
	{ 142, "UDP encapsulation unavailable" },
	{ 143, "register with another home agent" },
	{ 144, "mobile node failed AAA authentication" },
	{ 149, "proxy registration unsupported" },
	{ 150, "proxy registration disallowed" },
	{ 151, "service authorization failed" },
	{ 194, "foreign agent: home agent field is the foreign agent's address" },
};

bool mip_code_is_from_ha(uint8_t code)
{
	return code == MIP_CODE_ACCEPTED || code == MIP_CODE_ACCEPTED_NO_SIMULTANEOUS || (code >= 128 && code <= 192);
}

const char *mip_code_name(uint8_t code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "unknown";
}

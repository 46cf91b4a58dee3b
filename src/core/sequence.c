/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/sequence.h"

/* Serial number comparison: @a is @b or at most 2^31 - 1 steps after it. */
static bool at_least(uint32_t a, uint32_t b)
{
	return a - b < UINT32_C(0x80000000);
}

/* L-48, X-04 */
bool sequence_acceptable(uint32_t entry, uint32_t request, bool from_current)
{
	return request == 0 || entry == 0 || from_current || at_least(request, entry);
}

/* L-49 */
uint32_t sequence_next(uint32_t entry, uint32_t request)
{
	uint32_t later = entry;

	if (request != 0 && (entry == 0 || at_least(request, entry)))
		later = request;
	return later == UINT32_MAX ? 1 : later + 1;
}

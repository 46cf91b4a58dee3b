/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy sequence number of draft-leung-mip4-proxy-mode-00 7.1: it tells the newest agent from a stale one.
 * Numbers are compared as 32-bit serial numbers; 0 means "I know none" and is never issued. */
#ifndef HF_CORE_SEQUENCE_H
#define HF_CORE_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * sequence_acceptable() - may a request with this number move or refresh the entry? (L-48, X-04)
 * @entry: number last issued for the entry, 0 = none yet.
 * @request: number in the request, 0 = none.
 * @from_current: the request comes from the care-of address that holds the entry. It may lag, because the reply that
 *                carried the newer number can have been lost; the caller has checked its Identification already.
 */
bool sequence_acceptable(uint32_t entry, uint32_t request, bool from_current);

/* The number to issue: one after the later of both, skipping 0 (L-49); so a restart adopts the agent's number (G-06). */
uint32_t sequence_next(uint32_t entry, uint32_t request);

#endif

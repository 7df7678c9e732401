/* SPDX-License-Identifier: Apache-2.0 */
/* Data and instruction cache maintenance by address; each ends with its barrier. */
#pragma once

#include "ptwr/base.h"

/* Bytes of the smallest data cache line. */
uint64_t cache_line_size(void);
/* Bytes that one DC ZVA zeroes. */
uint64_t cache_zero_block(void);

/* Clean to the point of coherency (DC CVAC): an observer with its caches off sees it. */
void cache_clean_range(const void *start, uint64_t size);
/* Clean and invalidate to the point of coherency (DC CIVAC). */
void cache_flush_range(const void *start, uint64_t size);
/* IC IALLUIS: no CPU fetches what was there before. */
void icache_invalidate_all(void);
/* FEAT_S2FWB: stage 2 forces write-back, whatever stage 1 says. */
bool cache_has_fwb(void);

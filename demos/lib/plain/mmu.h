/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 1 for guests that want caches: virtual equals physical, 1 GiB blocks, 4 KiB granule. */
#pragma once

#include "common/types.h"

#define MMU_VALID    BIT64(0)
#define MMU_TABLE    BIT64(1) /* also set in a page */
#define MMU_DEVICE   (UINT64_C(1) << 2)
#define MMU_AP_EL0   BIT64(6)
#define MMU_AP_RO    BIT64(7)
#define MMU_SHARED   (UINT64_C(3) << 8)
#define MMU_AF       BIT64(10)
#define MMU_PXN      BIT64(53)
#define MMU_UXN      BIT64(54)
#define MMU_BLOCK_IO (MMU_VALID | MMU_DEVICE | MMU_AF | MMU_PXN | MMU_UXN)
#define MMU_BLOCK    (MMU_VALID | MMU_SHARED | MMU_AF)

/* Device memory below 1 GiB, the second GiB cached; the MMU and the caches are on when it returns.
 */
void mmu_enable(void);

/* Only for guests that make tables of their own: all that was written with the MMU off is seen. */
void mmu_drop_stale_lines(void);

/* The same on a further CPU, which uses what the first one has set up. */
void mmu_join(void);

/* The level-1 table: entry n maps the n-th GiB of the 512. */
uint64_t *mmu_root(void);

/* Makes the CPU see what was written to the tables. */
void mmu_flush(void);

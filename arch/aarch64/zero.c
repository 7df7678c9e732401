/* SPDX-License-Identifier: Apache-2.0 */
#include <arch/sysreg.h>

#include "core/mem.h"
#include "core/string.h"

#define DCZID_DZP BIT64(4) /* DC ZVA is prohibited */

static inline uint64_t zero_block(uint64_t at, uint64_t block)
{
    __asm__ volatile("dc zva, %0" ::"r"(at) : "memory");
    return at + block;
}

void mem_zero(pa_t base, uint64_t size)
{
    uint64_t id = read_sysreg(dczid_el0);
    uint64_t block = UINT64_C(4) << (id & 0xf);
    uint64_t at = (base.raw + block - 1) & ~(block - 1);
    uint64_t end = (base.raw + size) & ~(block - 1);

    if ((id & DCZID_DZP) != 0 || at >= end) {
        memset((void *)(uintptr_t)base.raw, 0, size);
        return;
    }
    memset((void *)(uintptr_t)base.raw, 0, at - base.raw);
    /* Most of the time before the first guest starts is spent here. */
    while (end - at >= 8 * block) {
        at = zero_block(zero_block(at, block), block);
        at = zero_block(zero_block(at, block), block);
        at = zero_block(zero_block(at, block), block);
        at = zero_block(zero_block(at, block), block);
    }
    while (at < end)
        at = zero_block(at, block);
    memset((void *)(uintptr_t)end, 0, base.raw + size - end);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <arch/cache.h>

#include <arch/barrier.h>
#include <arch/sysreg.h>

/* CTR_EL0.DminLine: log2 of words in the smallest data cache line. */
uint64_t cache_line_size(void) { return UINT64_C(4) << ((read_sysreg(ctr_el0) >> 16) & 0xf); }

/* DCZID_EL0.BS: log2 of words. */
uint64_t cache_zero_block(void) { return UINT64_C(4) << (read_sysreg(dczid_el0) & 0xf); }

static inline uint64_t clean_line(uint64_t at, uint64_t line)
{
    __asm__ volatile("dc cvac, %0" ::"r"(at) : "memory");
    return at + line;
}

void cache_clean_range(const void *start, uint64_t size)
{
    uint64_t line = cache_line_size();
    uint64_t end = (uint64_t)(uintptr_t)start + size;
    uint64_t p = (uint64_t)(uintptr_t)start & ~(line - 1);

    /* Images are large. */
    while (p + 4 * line <= end)
        p = clean_line(clean_line(clean_line(clean_line(p, line), line), line), line);
    while (p < end)
        p = clean_line(p, line);
    dsb_sy();
}

void cache_flush_range(const void *start, uint64_t size)
{
    uint64_t line = cache_line_size();
    uint64_t end = (uint64_t)(uintptr_t)start + size;

    for (uint64_t p = (uint64_t)(uintptr_t)start & ~(line - 1); p < end; p += line)
        __asm__ volatile("dc civac, %0" ::"r"(p) : "memory");
    dsb_sy();
}

void icache_invalidate_all(void)
{
    dsb_ish();
    __asm__ volatile("ic ialluis" ::: "memory");
    dsb_ish();
    isb();
}

bool cache_has_fwb(void) { return ((read_sysreg(id_aa64mmfr2_el1) >> 40) & 0xf) != 0; }

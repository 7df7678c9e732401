/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at all of its RAM, as many MiB as its command line says: zero where nothing was loaded, and
 * each page of its own.
 */
#include "check.h"
#include "plain/dtb.h"
#include "plain/mmu.h"

#define STEP UINT64_C(0x10000)

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    while (*text >= '0' && *text <= '9')
        value = value * 10 + (uint64_t)(*text++ - '0');
    return value;
}

void guest_main(uint64_t dtb)
{
    uint64_t size = number(dtb_bootargs(dtb)) << 20;
    uint64_t first = RAM_BASE + 0x400000; /* behind image and device tree */
    uint64_t end = RAM_BASE + size;
    uint64_t dirty = 0, wrong = 0;

    mmu_enable();
    for (uint64_t gib = 2; gib << 30 < end; gib++)
        mmu_root()[gib] = gib << 30 | MMU_BLOCK;
    mmu_flush();
    for (uint64_t at = first; at < end; at += STEP)
        dirty += mmio_read64(at + STEP - 8) != 0;
    check_equal("zero at start", dirty, 0);
    for (uint64_t at = first; at < end; at += STEP)
        mmio_write64(at, at);
    for (uint64_t at = first; at < end; at += STEP)
        wrong += mmio_read64(at) != at;
    check_equal("each place keeps what was written", wrong, 0);
    check_end();
}

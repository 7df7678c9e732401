/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page-table loops of ../direct/tables.c without a hypervisor: the same entries in a level-3
 * table that the MMU uses, by plain stores that nobody checks.
 */
#include "common/print.h"
#include "plain/guest.h"
#include "plain/mmu.h"
#include "plain/timer.h"

#define ENTRIES 512u
#define ROUNDS  64u
#define VA      (UINT64_C(2) << 30) /* entry 2 of the level-1 table, which is free */

static uint64_t level2[ENTRIES] __attribute__((aligned(4096)));
static uint64_t level3[ENTRIES] __attribute__((aligned(4096)));
static uint64_t entries[ENTRIES];

static void walk(void) { __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(VA) : "memory"); }

static void by_stores(unsigned int count, bool map)
{
    for (unsigned int i = 0; i < count; i++)
        __asm__ volatile("str %x1, [%0]" ::"r"(&level3[i]), "rZ"(map ? entries[i] : 0) : "memory");
}

static uint64_t change(unsigned int count, bool map)
{
    uint64_t start = timer_now();

    by_stores(count, map);
    if (map) {
        dsb_ishst();
        isb();
    } else {
        mmu_flush();
    }
    walk();
    return timer_now() - start;
}

void guest_main(uint64_t dtb)
{
    uint64_t map = 0, unmap = 0;

    (void)dtb;
    mmu_enable();
    for (uint64_t i = 0; i < ENTRIES; i++)
        entries[i] = (RAM_BASE + i * PAGE_SIZE) | MMU_BLOCK | MMU_TABLE | MMU_PXN | MMU_UXN;
    level2[0] = (uintptr_t)level3 | MMU_VALID | MMU_TABLE;
    mmu_root()[2] = (uintptr_t)level2 | MMU_VALID | MMU_TABLE;
    mmu_flush();
    for (unsigned int round = 0; round < ROUNDS; round++) {
        map += change(ENTRIES, true);
        unmap += change(ENTRIES, false);
    }
    print("bench: frequency %lu\n", timer_frequency());
    print("bench: stores_map %u %lu\n", ROUNDS * ENTRIES, map);
    print("bench: stores_unmap %u %lu\n", ROUNDS * ENTRIES, unmap);
    print("bench: end\n");
}

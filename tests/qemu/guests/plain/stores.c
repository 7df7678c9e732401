/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of tests/qemu/guests/common/stores.h on ordinary pages: what the machine itself does.
 */
#include "../common/stores.h"

#include "plain/guest.h"
#include "plain/mmu.h"

static uint64_t level2[512] __attribute__((aligned(4096)));
static uint64_t level3[512] __attribute__((aligned(4096)));
static uint64_t pages[STORES_WORDS] __attribute__((aligned(4096)));

void guest_exception(struct exception *e)
{
    uint64_t next = stores_exception(e->x, e->esr, e->far);

    if (next == 0)
        next = e->elr; /* for ever: the test notices */
    e->elr = next;
}

void stores_before(void) {}

void stores_after(void) {}

void stores_restore(uint64_t va, uint64_t value) { *(volatile uint64_t *)(uintptr_t)va = value; }

void (*stores_code(uint32_t first, uint32_t second))(void)
{
    static uint32_t code[2] __attribute__((aligned(64)));

    code[0] = first;
    code[1] = second;
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(code) : "memory");
    return (void (*)(void))(uintptr_t)code;
}

void guest_main(uint64_t dtb)
{
    (void)dtb;
    mmu_enable();
    for (uint64_t i = 0; i < STORES_WORDS; i++)
        pages[i] = stores_word(i);
    for (uint64_t i = 0; i < STORES_PAGES; i++)
        level3[i] = ((uintptr_t)pages + i * PAGE_SIZE) | MMU_BLOCK | MMU_TABLE | MMU_PXN | MMU_UXN;
    level2[0] = (uintptr_t)level3 | MMU_VALID | MMU_TABLE;
    mmu_root()[2] = (uintptr_t)level2 | MMU_VALID | MMU_TABLE;
    mmu_flush();
    stores_run();
}

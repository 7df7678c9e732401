/* SPDX-License-Identifier: Apache-2.0 */
#include "plain/mmu.h"

#include "plain/guest.h"

#define MAIR_RUN  UINT64_C(0x04ff)     /* 0: Normal write-back; 1: Device-nGnRE */
#define TCR_RUN   UINT64_C(0x00803519) /* TTBR0 only: 39 bits, write-back, inner shareable */
#define SCTLR_M   BIT64(0)
#define SCTLR_C   BIT64(2)
#define SCTLR_I   BIT64(12)
#define SCTLR_WXN BIT64(19)

static uint64_t root[512] __attribute__((aligned(4096)));

uint64_t *mmu_root(void) { return root; }

void mmu_flush(void)
{
    dsb_ishst();
    __asm__ volatile("tlbi vmalle1is" ::: "memory");
    dsb_ish();
    isb();
}

/*
 * All that was written so far bypassed the caches, which may still hold what the boot loader left
 * in them.
 */
void mmu_drop_stale_lines(void)
{
    uint64_t line = UINT64_C(4) << ((read_sysreg(ctr_el0) >> 16) & 0xf);

    for (uint64_t at = (uintptr_t)guest_start & ~(line - 1); at < (uintptr_t)guest_end; at += line)
        __asm__ volatile("dc ivac, %0" ::"r"(at) : "memory");
    dsb_sy();
}

void mmu_enable(void)
{
    root[0] = MMU_BLOCK_IO;
    root[1] = BIT64(30) | MMU_BLOCK;
    dsb_sy();
    mmu_drop_stale_lines();
    mmu_join();
}

void mmu_join(void)
{
    uint64_t range = read_sysreg(id_aa64mmfr0_el1) & 0xf;

    write_sysreg(MAIR_RUN, mair_el1);
    /* 48 bits at most: more needs another descriptor format. */
    write_sysreg(TCR_RUN | (range < 5 ? range : 5) << 32, tcr_el1);
    write_sysreg((uintptr_t)root, ttbr0_el1);
    isb();
    mmu_flush();
    write_sysreg((read_sysreg(sctlr_el1) | SCTLR_M | SCTLR_C | SCTLR_I) & ~SCTLR_WXN, sctlr_el1);
    isb();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads, stores, fetches and table walks where nothing is: each is a synchronous external abort at
 * EL1, with the syndrome that hardware would give.
 */
#include "check.h"
#include "plain/mmu.h"

#define NOWHERE      UINT64_C(0x0a000000) /* of virt's devices: the host has one there */
#define ESR_IL       BIT64(25)
#define ESR_OF(ec)   ((uint64_t)(ec) << 26 | ESR_IL)
#define LOAD_ABORT   (ESR_OF(EC_DABT_SAME) | FSC_EXTERNAL)
#define STORE_ABORT  (LOAD_ABORT | ESR_WNR)
#define FETCH_ABORT  (ESR_OF(EC_IABT_SAME) | FSC_EXTERNAL)
#define ESR_REPORTED (~GENMASK64(24, 14)) /* instruction syndromes are EL2's only */

static volatile unsigned int count;
static volatile uint64_t esr, far, elr;

void guest_exception(struct exception *e)
{
    count++;
    esr = e->esr;
    far = e->far;
    elr = e->elr;
    /* A fetch that failed was a call: back to the caller. */
    e->elr = ESR_EC(e->esr) == EC_IABT_SAME ? e->x[30] : e->elr + 4;
}

static void expect(const char *what, uint64_t address, uint64_t wanted)
{
    check_equal(what, count, 1);
    check_equal("... its syndrome", esr & ESR_REPORTED, wanted);
    check_equal("... its address", far, address);
    count = 0;
    esr = far = elr = 0;
}

static void fetch(uint64_t address) { __asm__ volatile("blr %0" ::"r"(address) : "x30", "memory"); }

/* Every kind of access to one address. */
static void try_all(uint64_t address)
{
    uint64_t kept;

    print("at 0x%lx\n", address);
    __asm__ volatile("mov %0, #0x77\n ldr %0, [%1]" : "=&r"(kept) : "r"(address) : "memory");
    expect("load", address, LOAD_ABORT);
    check_equal("... its register is kept", kept, 0x77);
    (void)mmio_read8(address + 1);
    expect("load of a byte", address + 1, LOAD_ABORT);
    mmio_write32(address, 1);
    expect("store", address, STORE_ABORT);
    mmio_write8(address + 3, 1);
    expect("store of a byte", address + 3, STORE_ABORT);
    /* These come without an instruction syndrome. */
    __asm__ volatile("ldp x2, x3, [%0]" ::"r"(address) : "x2", "x3", "memory");
    expect("load of a pair", address, LOAD_ABORT);
    __asm__ volatile("stp xzr, xzr, [%0]" ::"r"(address) : "memory");
    expect("store of a pair", address, STORE_ABORT);
    fetch(address);
    expect("fetch", address, FETCH_ABORT);
}

/* Accesses to an emulated device that it cannot answer. */
static void devices(void)
{
    __asm__ volatile("ldp w2, w3, [%0]" ::"r"(GICD_BASE) : "x2", "x3", "memory");
    expect("pair from the distributor", GICD_BASE, LOAD_ABORT);
    fetch(GICD_BASE);
    expect("fetch from the distributor", GICD_BASE, FETCH_ABORT);
    fetch(UART_BASE);
    expect("fetch from the UART", UART_BASE, FETCH_ABORT);
    (void)mmio_read32(GICD_BASE);
    (void)mmio_read32(UART_BASE + 0x18);
    check_equal("distributor and UART answer words", count, 0);
}

/* Level-1 entries of ours; `virtual` is what entry n translates. */
static void walks(void)
{
    uint64_t *root = mmu_root();
    uint64_t address = UINT64_C(5) << 30;
    static uint64_t level2[512] __attribute__((aligned(4096)));

    mmu_enable();
    /* The level-2 table is nowhere, then the level-3 table, in RAM's GiB and far above. */
    root[5] = NOWHERE | MMU_TABLE | MMU_VALID;
    mmu_flush();
    (void)mmio_read32(address + 0x18);
    expect("walk, level 2, load", address + 0x18, ESR_OF(EC_DABT_SAME) | FSC_EXTERNAL_WALK(2));
    mmio_write32(address + 0x18, 0);
    expect("walk, level 2, store", address + 0x18,
           ESR_OF(EC_DABT_SAME) | ESR_WNR | FSC_EXTERNAL_WALK(2));
    fetch(address + 0x40);
    expect("walk, level 2, fetch", address + 0x40, ESR_OF(EC_IABT_SAME) | FSC_EXTERNAL_WALK(2));

    root[5] = BIT64(35) | MMU_TABLE | MMU_VALID;
    mmu_flush();
    (void)mmio_read32(address);
    expect("walk, level 2 above all RAM", address, ESR_OF(EC_DABT_SAME) | FSC_EXTERNAL_WALK(2));

    level2[3] = NOWHERE | MMU_TABLE | MMU_VALID;
    root[5] = (uintptr_t)level2 | MMU_TABLE | MMU_VALID;
    mmu_flush();
    address += 3 << 21;
    (void)mmio_read32(address);
    expect("walk, level 3, load", address, ESR_OF(EC_DABT_SAME) | FSC_EXTERNAL_WALK(3));
    level2[3] = BIT64(35) | MMU_TABLE | MMU_VALID;
    mmu_flush();
    (void)mmio_read32(address);
    expect("walk, level 3 above all RAM", address, ESR_OF(EC_DABT_SAME) | FSC_EXTERNAL_WALK(3));

    /* What the walk finds is not there. FAR is virtual. */
    level2[4] = NOWHERE | MMU_BLOCK_IO;
    mmu_flush();
    address += 1 << 21;
    (void)mmio_read32(address + 0x10);
    expect("mapped to nothing, load", address + 0x10, LOAD_ABORT);
    mmio_write32(address + 0x10, 0);
    expect("mapped to nothing, store", address + 0x10, STORE_ABORT);
}

void guest_main(uint64_t dtb)
{
    (void)dtb;
    try_all(0);
    try_all(NOWHERE);
    try_all(0x09010000);            /* the host's RTC */
    try_all(0x40800000);            /* behind our RAM: the host has RAM there */
    try_all(0x7ffffff8);            /* the end of the host's */
    try_all(UINT64_C(0x800000000)); /* the top half of the guest's addresses */
    try_all(UINT64_C(0xffffffff8)); /* their end */
    devices();
    walks();
    check_end();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does to Latch what a guest can think of: hypercalls with wild arguments, wild descriptors in live
 * tables, wild registers, invalidations left out. It spares only itself: what it needs to go on
 * running. That it comes to its end, and its neighbour too, is the test.
 */
#include "common/print.h"
#include "common/string.h"
#include "direct/counters.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/user.h"

#define CALLS     2000
#define STORES    4000
#define REGISTERS 1000
#define REUSES    200
#define SCRATCH   8

static struct rig rig;
static uint64_t *scratch[SCRATCH];
static uint64_t buffer[128] __attribute__((aligned(16)));

/* xorshift64: the same in each run. */
static uint64_t random64(void)
{
    static uint64_t state = UINT64_C(0x2545f4914f6cdd1d);

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t n) { return (random64() >> 11) % n; }

static uint64_t *any_table(void)
{
    uint64_t *const table[] = {rig.level0, rig.level1, rig.level2, rig.level3};

    return table[below(4)];
}

/* Frames: of others, of nobody, of ours that may be spoiled. */
static uint64_t any_mfn(void)
{
    switch (below(8)) {
    case 0:
        return foreign_mfn((unsigned int)below(64));
    case 1:
        return 0x40080; /* the hypervisor */
    case 2:
        return random64() >> below(64);
    case 3:
        return start_info->gicd >> PAGE_SHIFT;
    case 4:
        return pfn_to_mfn(start_info->m2p_pages + below(2));
    case 5:
        return virt_to_mfn(any_table());
    default:
        return virt_to_mfn(scratch[below(SCRATCH)]);
    }
}

/* Pointers that are good, odd, read-only, a table's, a device's, nobody's or none at all. */
static uint64_t any_pointer(void)
{
    switch (below(12)) {
    case 0:
        return 0;
    case 1:
        return va_of(buffer) + below(sizeof(buffer));
    case 2:
        return va_of(any_table()) + below(PAGE_SIZE);
    case 3:
        return M2P_BASE + below(PAGE_SIZE);
    case 4:
        return RIG_PAGE_VA(below(512)) + below(PAGE_SIZE);
    case 5:
        return random64();
    case 6:
        return UINT64_MAX - below(64);
    case 7:
        return (UINT64_C(1) << 48) - below(64);
    case 8:
        return va_of(scratch[below(SCRATCH)]) + PAGE_SIZE - below(64);
    case 9:
        return LINEAR_BASE - below(64);
    default:
        return va_of(buffer);
    }
}

static uint64_t any_number(void)
{
    switch (below(6)) {
    case 0:
        return random64();
    case 1:
        return UINT64_MAX - below(4);
    case 2:
        return UINT64_C(1) << below(64);
    case 3:
        return DOMID_SELF;
    default:
        return below(20);
    }
}

static uint64_t any_descriptor(void)
{
    static const uint64_t shapes[] = {PAGE_PRIVATE,   PAGE_USER,
                                      PAGE_USER_RO,   PAGE_USER_TEXT,
                                      PAGE_DEVICE,    ENTRY_VALID | ENTRY_TABLE,
                                      PAGE_KERNEL_RO, PAGE_PRIVATE & ~ENTRY_TABLE};
    uint64_t value;

    if (below(8) == 0)
        return random64();
    value = any_mfn() << PAGE_SHIFT | shapes[below(ARRAY_SIZE(shapes))];
    if (below(2) == 0)
        value |= start_info->walk;
    while (below(3) == 0)
        value ^= BIT64(below(64));
    return value;
}

static void fill_buffer(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(buffer); i += 2) {
        switch (below(4)) {
        case 0: /* a request for a live table */
            buffer[i] = virt_to_machine(&any_table()[below(512)]) | (below(4) == 0 ? below(8) : 0);
            buffer[i + 1] = any_descriptor();
            break;
        case 1: /* .. for a frame of others */
            buffer[i] = foreign_mfn((unsigned int)below(64)) << PAGE_SHIFT | below(512) << 3;
            buffer[i + 1] = random64();
            break;
        case 2: /* an operation */
            buffer[i] = below(20);
            buffer[i + 1] = any_mfn();
            break;
        default:
            buffer[i] = any_mfn();
            buffer[i + 1] = any_pointer();
            break;
        }
    }
}

/* --- Hypercalls ------------------------------------------------------------------------------- */

/* A list of mmuext_op's that would not take the ground from under our own feet. */
static void tame_operations(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(buffer); i++) {
        if ((uint32_t)buffer[i] == MMUEXT_NEW_BASEPTR)
            buffer[i] = random64() << 32 | 99;
    }
}

static uint64_t spare_va(void)
{
    static const uint64_t bases[] = {M2P_BASE, DEVICE_BASE, KERNEL_BASE, UINT64_C(1) << 48,
                                     UINT64_C(1) << 63};

    return below(2) == 0 ? RIG_PAGE_VA(below(1024))
                         : bases[below(ARRAY_SIZE(bases))] + below(1 << 20);
}

static void call_once(void)
{
    static const uint64_t numbers[] = {
        __HYPERVISOR_mmu_update,        __HYPERVISOR_memory_op, __HYPERVISOR_update_va_mapping,
        __HYPERVISOR_xen_version,       __HYPERVISOR_vm_assist, __HYPERVISOR_vcpu_op,
        __HYPERVISOR_mmuext_op,         __HYPERVISOR_latch_op,  __HYPERVISOR_console_io,
        __HYPERVISOR_update_va_mapping, __HYPERVISOR_sched_op};
    uint64_t number = below(12) == 0 ? any_number() : numbers[below(ARRAY_SIZE(numbers))];
    uint64_t domid = below(4) == 0 ? any_number() : DOMID_SELF;

    fill_buffer();
    switch (number) {
    case __HYPERVISOR_mmu_update:
        (void)hypercall(number, any_pointer(), any_number(), any_pointer(), domid);
        break;
    case __HYPERVISOR_mmuext_op:
        tame_operations();
        (void)hypercall(number, below(2) == 0 ? va_of(buffer) : random64(), any_number(),
                        any_pointer(), domid);
        break;
    case __HYPERVISOR_update_va_mapping:
        (void)hypercall(number, spare_va(), any_descriptor(), any_number(), 0);
        break;
    case __HYPERVISOR_vm_assist:
        (void)hypercall(number, VMASST_CMD_enable, any_number(), 0, 0);
        (void)hypercall(number, 2 + below(100), any_number(), 0, 0);
        break;
    case __HYPERVISOR_console_io: /* nobody wants to read megabytes of it */
        (void)hypercall(number, below(3) + 1, any_number(), any_pointer(), 0);
        break;
    case __HYPERVISOR_sched_op: /* neither sleep nor end */
        (void)hypercall(number, below(2) == 0 ? SCHEDOP_yield : 3 + below(100), any_pointer(), 0,
                        0);
        break;
    case __HYPERVISOR_memory_op:
        (void)hypercall(number, any_number(), any_pointer(), 0, 0);
        break;
    default:
        (void)hypercall(number, any_number(), any_pointer(), any_number(), any_pointer());
        break;
    }
}

static void hostile_calls(void)
{
    for (unsigned int i = 0; i < CALLS; i++)
        call_once();
}

/* --- Descriptors in live tables ----------------------------------------------------------------
 */

static void store_once(void)
{
    uint64_t *entry = &any_table()[below(512)];
    uint64_t value = any_descriptor();
    uint64_t unused;

    /* Our own way to the text and to the tables stays. */
    if (entry == &rig.level0[0] || entry == &rig.level1[1] || (*entry & ENTRY_EL0) != 0)
        return;
    (void)try_store((uint8_t *)entry + (below(16) == 0 ? below(8) : 0), value);
    switch (below(8)) {
    case 0:
        (void)try_load((void *)RIG_PAGE_VA(below(512)), &unused);
        break;
    case 1:
        (void)try_load((void *)(RIG_VA + below(UINT64_C(1) << 40)), &unused);
        break;
    case 2:
        tlbi_all();
        break;
    case 3:
        (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, RIG_PAGE_VA(below(512)));
        break;
    default:
        break;
    }
}

static void try_el0(void)
{
    struct user user;

    (void)user_call(&user, RIG_TEXT, below(2) == 0 ? user_load : user_jump, RIG_PAGE_VA(below(512)),
                    0, 0);
}

static void hostile_entries(void)
{
    for (unsigned int i = 0; i < STORES; i++) {
        store_once();
        if (i % 64 == 0)
            try_el0();
    }
}

/* --- Registers -------------------------------------------------------------------------------- */

#define WRITER(name, reg)                                                                          \
    static uint64_t name(uint64_t value, uint64_t unused)                                          \
    {                                                                                              \
        uint64_t old = read_sysreg(reg);                                                           \
                                                                                                   \
        (void)unused;                                                                              \
        write_sysreg(value, reg);                                                                  \
        isb();                                                                                     \
        write_sysreg(old, reg);                                                                    \
        isb();                                                                                     \
        return 0;                                                                                  \
    }
WRITER(write_sctlr, sctlr_el1)
WRITER(write_tcr, tcr_el1)
WRITER(write_mair, mair_el1)
WRITER(write_ttbr0, ttbr0_el1)
WRITER(write_ttbr1, ttbr1_el1)

#define SCTLR_OURS (BIT64(19) | BIT64(1)) /* WXN: our text is writable; A */
#define TCR_OURS                                                                                   \
    (BIT64(23) | BIT64(14) | BIT64(15) | BIT64(30) | BIT64(31)) /* EPD1; TGn ends us               \
                                                                 */

static void register_once(void)
{
    uint64_t flips = BIT64(below(64)) | (below(2) == 0 ? BIT64(below(64)) : 0);

    switch (below(5)) {
    case 0:
        (void)try_call(write_sctlr, read_sysreg(sctlr_el1) ^ (flips & ~SCTLR_OURS), 0);
        break;
    case 1:
        (void)try_call(write_tcr, read_sysreg(tcr_el1) ^ (flips & ~TCR_OURS), 0);
        break;
    case 2:
        (void)try_call(write_mair, below(2) == 0 ? random64() : LATCH_MAIR ^ flips, 0);
        break;
    case 3:
        (void)try_call(write_ttbr0, any_mfn() << PAGE_SHIFT ^ start_info->walk ^ flips, 0);
        break;
    default: /* never a root of ours, which would do */
        (void)try_call(write_ttbr1, foreign_mfn(0) << PAGE_SHIFT ^ start_info->walk ^ flips, 0);
        break;
    }
}

static void hostile_registers(void)
{
    for (unsigned int i = 0; i < REGISTERS; i++)
        register_once();
}

/* --- Invalidations left out ---------------------------------------------------------------------
 */

/* The table goes back to be data while a walk cache may still know it. */
static void hostile_stale(void)
{
    for (unsigned int i = 0; i < REUSES; i++) {
        unsigned int index = 400 + i % 8;
        uint64_t va = RIG_PAGE_VA(5) + ((uint64_t)index << 21);
        uint64_t *table = rig_table(rig.page[1]);
        uint64_t value;

        entry_write(&rig.level2[index], entry_table(table));
        tables_written();
        if (!try_load((void *)va, &value) || value != RIG_MARK(1)) {
            print("hostile: FAILED: the new table is not there\n");
            guest_crash();
        }
        entry_write(&rig.level2[index], 0);
        for (unsigned int j = 0; j < 512; j++)
            table[j] = foreign_mfn(j % 8) << PAGE_SHIFT | PAGE_PRIVATE;
        for (unsigned int j = 0; j < 16; j++) {
            if (try_load((void *)(va + j * PAGE_SIZE), &value) && value != RIG_MARK(1)) {
                print("hostile: FAILED: another's frame is mapped: 0x%lx\n", value);
                guest_crash();
            }
        }
        page_free(table);
    }
}

/* Long enough for the neighbour to have its turns meanwhile; "short" is for slow machines. */
static void run(const char *name, void (*fn)(void))
{
    uint64_t end = timer_now() + timer_ms(guest_option("short") ? 3 : 500);
    struct latch_counters before, after;

    if (!guest_option(name))
        return;
    counters_read(&before);
    do {
        fn();
    } while (timer_now() < end);
    counters_read(&after);
    print("hostile: %s: survived, refused=%lu\n", name, after.refused - before.refused);
}

void guest_main(void)
{
    (void)assist_set(true);
    rig_make(&rig);
    for (size_t i = 0; i < SCRATCH; i++)
        scratch[i] = page_alloc();
    run("stale", hostile_stale);
    run("registers", hostile_registers);
    run("calls", hostile_calls);
    run("entries", hostile_entries);
    print("hostile: done\n");
}

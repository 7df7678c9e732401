/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are refused as a whole: hypercalls, and registers that give descriptors meaning. */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"
#include "direct/rig.h"

static struct rig rig;

static void expect_error(int64_t result, int64_t error, const char *what)
{
    expect_equal((uint64_t)result, (uint64_t)-error, what);
}

static int64_t update(uint64_t ptr, uint64_t value)
{
    struct mmu_update request = {.ptr = ptr, .val = value};

    return hyp_mmu_update(&request, 1, NULL);
}

/* --- Pins ------------------------------------------------------------------------------------- */

static void pin_of_others(void)
{
    expect_error(hyp_mmuext(MMUEXT_PIN_L1_TABLE, foreign_mfn(0)), LATCH_EPERM, "pin");
    expect_refused(LATCH_RULE_OWNER);
}

static void pin_other_level(void)
{
    expect_error(hyp_mmuext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(rig.level3)), LATCH_EBUSY, "pin");
    expect_refused(LATCH_RULE_TYPE);
}

static void pin_twice(void)
{
    expect_error(hyp_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(rig.level0)), LATCH_EINVAL, "pin");
    expect_refused(LATCH_RULE_TYPE);
}

/* Nothing of a tree that was refused stays a table: its pages can be written at once. */
static void pin_bad_tree(void)
{
    uint64_t *level2 = table_alloc(), *good = table_alloc(), *bad = table_alloc();

    good[1] = entry_page(rig.page[1], PAGE_PRIVATE);
    bad[511] = foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE;
    level2[3] = entry_table(good);
    level2[4] = entry_table(bad);
    expect_error(hyp_mmuext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(level2)), LATCH_EINVAL, "pin");
    expect_refused(LATCH_RULE_OWNER);
    measure_start();
    level2[4] = 1;
    good[1] = 1;
    bad[511] = 1;
    measure_stop();
    page_free(level2);
    page_free(good);
    page_free(bad);
}

static void unpin_not_pinned(void)
{
    expect_error(hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(rig.level3)), LATCH_EINVAL, "unpin");
    expect_error(hyp_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(rig.page[0])), LATCH_EINVAL, "unpin");
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
}

/* --- Updates ---------------------------------------------------------------------------------- */

static void update_of_others(void)
{
    expect_error(update(foreign_mfn(0) << PAGE_SHIFT, 0), LATCH_EPERM, "mmu_update");
}

static void update_of_m2p(void)
{
    expect_error(update(pfn_to_mfn(start_info->m2p_pages) << PAGE_SHIFT, 0), LATCH_EPERM,
                 "mmu_update");
}

static void update_with_walk(void)
{
    expect(update(virt_to_machine(&rig.level3[9]) | start_info->walk, 0) < 0, "mmu_update");
}

static void update_unaligned(void)
{
    expect_error(update(virt_to_machine(&rig.level3[9]) | 4, 0), LATCH_EINVAL, "mmu_update");
}

static void update_unknown_kind(void)
{
    expect(update(virt_to_machine(&rig.level3[9]) | 3, 0) < 0, "mmu_update");
}

/* The first of three is done, and counted; the third is not looked at. */
static void update_partly(void)
{
    struct mmu_update requests[3] = {
        {virt_to_machine(&rig.level3[10]), entry_page(rig.page[1], PAGE_PRIVATE)},
        {virt_to_machine(&rig.level3[11]), foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE},
        {virt_to_machine(&rig.level3[12]), entry_page(rig.page[1], PAGE_PRIVATE)},
    };
    unsigned int done = 77;

    expect_error(hyp_mmu_update(requests, 3, &done), LATCH_EINVAL, "mmu_update");
    expect_equal(done, 1, "requests done");
    expect_equal(rig.level3[10], requests[0].val, "the first entry");
    expect_equal(rig.level3[11] | rig.level3[12], 0, "the other entries");
    expect_refused(LATCH_RULE_OWNER);
}

/* A call that takes longer than Latch keeps interrupts waiting: it goes on where it was. */
static void update_many(void)
{
    static struct mmu_update many[2000];
    uint64_t *page = page_alloc();
    unsigned int done = 77;
    bool interrupted = false;

    for (unsigned int i = 0; i < ARRAY_SIZE(many); i++) {
        uint64_t *entry = &rig.level3[16 + i % 480];

        many[i].ptr = virt_to_machine(entry);
        many[i].val = entry_page(i % 2 == 0 ? rig.page[1] : page, PAGE_PRIVATE);
    }
    interrupt_init();
    timer_every(50);
    interrupts_on();
    for (unsigned int i = 0; i < 1000 && !interrupted; i++) {
        uint64_t ticks = timer_ticks;

        expect_equal((uint64_t)hyp_mmu_update(many, ARRAY_SIZE(many), &done), 0, "mmu_update");
        expect_equal(done, ARRAY_SIZE(many), "requests done");
        /* One that was pending before is taken before the call. */
        interrupted = timer_ticks > ticks + 1;
    }
    interrupts_off();
    timer_every(0);
    /* QEMU's GICv2 overlooks a line that rises again before the end of the interrupt. */
    expect(interrupted || start_info->gic_version == 2, "no interrupt came during a call");
    for (unsigned int i = 0; i < ARRAY_SIZE(many); i++) {
        uint64_t last = i + 480 < ARRAY_SIZE(many) ? 0 : many[i].val;

        expect(last == 0 || rig.level3[16 + i % 480] == last, "an entry");
    }
    for (unsigned int i = 0; i < 480; i++)
        many[i] = (struct mmu_update){virt_to_machine(&rig.level3[16 + i]), 0};
    expect_equal((uint64_t)hyp_mmu_update(many, 480, NULL), 0, "mmu_update");
    page_free(page);
}

/* x0 to x4 and x16 are a hypercall's, all else is the guest's. */
static void registers_kept(void)
{
    uint64_t changed;

    __asm__ volatile("mov x5, #5\n mov x6, #6\n mov x7, #7\n mov x8, #8\n mov x9, #9\n"
                     "mov x10, #10\n mov x11, #11\n mov x12, #12\n mov x13, #13\n"
                     "mov x14, #14\n mov x15, #15\n mov x17, #17\n"
                     "mov x0, #0\n mov x1, #0\n mov x16, #17\n"
                     "hvc #0xea1\n"
                     "add x0, x5, x6\n add x0, x0, x7\n add x0, x0, x8\n add x0, x0, x9\n"
                     "add x0, x0, x10\n add x0, x0, x11\n add x0, x0, x12\n add x0, x0, x13\n"
                     "add x0, x0, x14\n add x0, x0, x15\n add %0, x0, x17"
                     : "=r"(changed)
                     :
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                       "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    expect_equal(changed, 127, "the sum of x5 to x15 and x17");
}

/* An ordinary frame of the domain is just written, as in Xen. */
static void update_plain(void)
{
    expect_equal((uint64_t)update(virt_to_machine(&rig.page[0][2]), ~UINT64_C(0)), 0, "mmu_update");
    expect_equal(rig.page[0][2], ~UINT64_C(0), "the word");
}

/* PRESERVE_AD keeps the access flag that the entry has. */
static void update_preserving(void)
{
    uint64_t value = entry_page(rig.page[1], PAGE_PRIVATE);
    uint64_t ptr = virt_to_machine(&rig.level3[13]);

    expect_equal((uint64_t)update(ptr, value & ~ENTRY_AF), 0, "mmu_update");
    expect_equal((uint64_t)update(ptr | MMU_PT_UPDATE_PRESERVE_AD, value | ENTRY_RO), 0,
                 "mmu_update");
    expect_equal(rig.level3[13], (value | ENTRY_RO) & ~ENTRY_AF, "the entry");
    expect_equal((uint64_t)update(ptr, value), 0, "mmu_update");
    expect_equal((uint64_t)update(ptr | MMU_PT_UPDATE_PRESERVE_AD, (value | ENTRY_RO) & ~ENTRY_AF),
                 0, "mmu_update");
    expect_equal(rig.level3[13], value | ENTRY_RO, "the entry");
}

static void va_without_table(void)
{
    expect(hyp_update_va_mapping((void *)(RIG_VA + (UINT64_C(1) << 35)), 0, UVMF_NONE) < 0,
           "update_va_mapping without a table");
    expect(hyp_update_va_mapping((void *)(UINT64_C(1) << 52), 0, UVMF_NONE) < 0,
           "update_va_mapping of no address");
}

static void va_bad_entry(void)
{
    expect_error(hyp_update_va_mapping((void *)RIG_PAGE_VA(9),
                                       foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE, UVMF_NONE),
                 LATCH_EINVAL, "update_va_mapping");
    expect_refused(LATCH_RULE_OWNER);
}

static void foreign_domain(void)
{
    struct mmu_update request = {.ptr = virt_to_machine(&rig.level3[9]), .val = 0};
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_ALL};

    for (uint64_t domid = 0; domid < 3; domid++) {
        expect(hypercall(__HYPERVISOR_mmu_update, va_of(&request), 1, 0, domid) < 0, "mmu_update");
        expect(hypercall(__HYPERVISOR_mmuext_op, va_of(&op), 1, 0, domid) < 0, "mmuext_op");
    }
}

static void unknown_calls(void)
{
    for (uint64_t number = 0; number < 80; number++) {
        switch (number) {
        case __HYPERVISOR_mmu_update:
        case __HYPERVISOR_memory_op:
        case __HYPERVISOR_update_va_mapping:
        case __HYPERVISOR_xen_version:
        case __HYPERVISOR_console_io:
        case __HYPERVISOR_vm_assist:
        case __HYPERVISOR_vcpu_op:
        case __HYPERVISOR_mmuext_op:
        case __HYPERVISOR_sched_op:
        case __HYPERVISOR_latch_op:
            break;
        default:
            expect_error(hypercall(number, 0, 0, 0, 0), LATCH_ENOSYS, "an unknown call");
        }
    }
    expect_error(hypercall(UINT64_MAX, 0, 0, 0, 0), LATCH_ENOSYS, "the last call");
}

/* EL2 writes no result where the guest could not: a table, the m2p, nothing, another's. */
static void results_elsewhere(void)
{
    struct latch_counters *table = (struct latch_counters *)(void *)rig.level3;
    void *nowhere = (void *)(RIG_VA + (UINT64_C(1) << 35));

    expect_error(hyp_latch_op(LATCH_OP_counters, table, sizeof(*table)), LATCH_EFAULT,
                 "counters into a table");
    expect_error(hyp_latch_op(LATCH_OP_counters, (void *)M2P_BASE, sizeof(*table)), LATCH_EFAULT,
                 "counters into the m2p");
    expect_error(hyp_latch_op(LATCH_OP_counters, nowhere, sizeof(*table)), LATCH_EFAULT,
                 "counters to nowhere");
    expect_error(hyp_latch_op(LATCH_OP_counters, (void *)(UINT64_C(1) << 52), sizeof(*table)),
                 LATCH_EFAULT, "counters to no address");
    expect_error(hyp_console_io(CONSOLEIO_write, 8, nowhere), LATCH_EFAULT, "text from nowhere");
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void give_away_mapped(void)
{
    uint64_t mfn[3] = {virt_to_mfn(rig.page[0]), virt_to_mfn(rig.level3), foreign_mfn(0)};
    int64_t before = hyp_memory_op(XENMEM_current_reservation, NULL);

    for (unsigned int i = 0; i < 3; i++) {
        struct xen_memory_reservation r = {
            .extent_start = va_of(&mfn[i]), .nr_extents = 1, .domid = DOMID_SELF};

        expect(hyp_memory_op(XENMEM_decrease_reservation, &r) <= 0, "given away");
    }
    expect_equal((uint64_t)hyp_memory_op(XENMEM_current_reservation, NULL), (uint64_t)before,
                 "frames of this domain");
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
}

static void take_too_much(void)
{
    uint64_t mfn[2] = {1, 1};
    struct xen_memory_reservation r = {
        .extent_start = va_of(mfn), .nr_extents = 2, .domid = DOMID_SELF};

    expect(hyp_memory_op(XENMEM_increase_reservation, &r) <= 0, "more than the reservation");
    r.extent_order = 1;
    expect(hyp_memory_op(XENMEM_increase_reservation, &r) <= 0, "an extent of two frames");
    r.extent_order = 0;
    r.nr_extents = UINT64_MAX / 8 + 2;
    expect(hyp_memory_op(XENMEM_decrease_reservation, &r) <= 0, "a list that wraps");
}

/* --- Counts ----------------------------------------------------------------------------------- */

/* A frame has room for 16383 writable mappings; one is the linear map's. */
static void count_writers(void)
{
    uint64_t *table[32];
    unsigned int linked = 0;

    for (unsigned int i = 0; i < 32; i++) {
        table[i] = table_alloc();
        for (unsigned int j = 0; j < 512; j++)
            table[i][j] = entry_page(rig.page[1], PAGE_PRIVATE);
        if (update(virt_to_machine(&rig.level2[300 + i]), entry_table(table[i])) == 0)
            linked++;
    }
    expect_equal(linked, 31, "tables of 512 writable mappings");
    expect_refused(LATCH_RULE_COUNT);
    for (unsigned int i = 0; i < 32; i++)
        expect_equal((uint64_t)update(virt_to_machine(&rig.level2[300 + i]), 0), 0, "unlinking");
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    for (unsigned int i = 0; i < 32; i++)
        page_free(table[i]);
}

/* A table has room for 65535 references. */
static void count_references(void)
{
    uint64_t *table = rig_table(rig.page[1]);
    uint64_t *level2[129];
    unsigned int linked = 0;

    for (unsigned int i = 0; i < 129; i++) {
        level2[i] = table_alloc();
        for (unsigned int j = 0; j < 512; j++)
            level2[i][j] = entry_table(table);
        if (update(virt_to_machine(&rig.level1[200 + i]), entry_table(level2[i])) == 0)
            linked++;
    }
    expect_equal(linked, 127, "tables of 512 links");
    expect_refused(LATCH_RULE_COUNT);
    expect_equal(peek((UINT64_C(326) << 30) + RIG_PAGE_VA(5) - RIG_VA), RIG_MARK(1),
                 "the word through the last");
    for (unsigned int i = 0; i < 129; i++)
        expect_equal((uint64_t)update(virt_to_machine(&rig.level1[200 + i]), 0), 0, "unlinking");
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    for (unsigned int i = 0; i < 129; i++)
        page_free(level2[i]);
    page_free(table);
}

/* --- Registers ---------------------------------------------------------------------------------
 */

#define WRITER(name, reg)                                                                          \
    static uint64_t name(uint64_t value, uint64_t unused)                                          \
    {                                                                                              \
        (void)unused;                                                                              \
        write_sysreg(value, reg);                                                                  \
        isb();                                                                                     \
        return 0;                                                                                  \
    }

WRITER(write_sctlr, sctlr_el1)
WRITER(write_tcr, tcr_el1)
WRITER(write_mair, mair_el1)
WRITER(write_ttbr0, ttbr0_el1)
WRITER(write_ttbr1, ttbr1_el1)

/* The write is an undefined instruction, and nothing changed. */
static void refuse_write(uint64_t (*write)(uint64_t, uint64_t), uint64_t value,
                         enum latch_rule rule)
{
    uint64_t regs[] = {read_sysreg(sctlr_el1), read_sysreg(tcr_el1), read_sysreg(mair_el1),
                       read_sysreg(ttbr0_el1), read_sysreg(ttbr1_el1)};

    expect(try_call(write, value, 0).faulted != 0, "the write was performed");
    expect_equal(ESR_EC(try_fault.esr), EC_UNKNOWN, "the exception class");
    expect_refused(rule);
    expect_equal(read_sysreg(sctlr_el1), regs[0], "SCTLR_EL1");
    expect_equal(read_sysreg(tcr_el1), regs[1], "TCR_EL1");
    expect_equal(read_sysreg(mair_el1), regs[2], "MAIR_EL1");
    expect_equal(read_sysreg(ttbr0_el1), regs[3], "TTBR0_EL1");
    expect_equal(read_sysreg(ttbr1_el1), regs[4], "TTBR1_EL1");
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
}

static void sctlr_bit(unsigned int bit)
{
    refuse_write(write_sctlr, read_sysreg(sctlr_el1) ^ BIT64(bit), LATCH_RULE_REGIME);
}
static void sctlr_m(void) { sctlr_bit(0); }
static void sctlr_c(void) { sctlr_bit(2); }
static void sctlr_ee(void) { sctlr_bit(25); }

static void tcr_bit(unsigned int bit)
{
    refuse_write(write_tcr, read_sysreg(tcr_el1) ^ BIT64(bit), LATCH_RULE_REGIME);
}
static void tcr_t0sz(void) { tcr_bit(0); }
static void tcr_t1sz(void) { tcr_bit(16); }
static void tcr_irgn0(void) { tcr_bit(8); }
static void tcr_orgn1(void) { tcr_bit(26); }
static void tcr_sh1(void) { tcr_bit(28); }
static void tcr_ips(void) { tcr_bit(32); }
static void tcr_hpd0(void) { tcr_bit(41); }
static void tcr_ds(void) { tcr_bit(59); }
/* Stops the domain. */
static void tcr_granule(void)
{
    (void)try_call(write_tcr, read_sysreg(tcr_el1) ^ BIT64(14), 0);
    expect(false, "the domain goes on");
}

/* Hardware updates of tables are asked for in vain. */
static void tcr_hardware_updates(void)
{
    expect(try_call(write_tcr, read_sysreg(tcr_el1) | BIT64(39) | BIT64(40), 0).faulted == 0,
           "the write faulted");
    expect_equal(read_sysreg(tcr_el1) >> 39 & 3, 0, "TCR_EL1.HA, HD");
}

static void mair_device(void)
{
    refuse_write(write_mair, LATCH_MAIR & ~UINT64_C(0xff), LATCH_RULE_REGIME);
}
static void mair_normal(void) { refuse_write(write_mair, LATCH_MAIR | 0xff00, LATCH_RULE_REGIME); }

static void ttbr0_data_window(void)
{
    refuse_write(write_ttbr0, virt_to_machine(rig.level0), LATCH_RULE_WINDOW);
}
static void ttbr1_data_window(void)
{
    refuse_write(write_ttbr1, read_sysreg(ttbr1_el1) & ~start_info->walk, LATCH_RULE_WINDOW);
}
static void ttbr0_unaligned(void)
{
    refuse_write(write_ttbr0, space_ttbr(&rig.space) | 0x800, LATCH_RULE_WINDOW);
}
static void ttbr0_other_level(void)
{
    refuse_write(write_ttbr0, virt_to_machine(rig.level3) | start_info->walk, LATCH_RULE_TYPE);
}
static void ttbr0_of_others(void)
{
    refuse_write(write_ttbr0, foreign_mfn(0) << PAGE_SHIFT | start_info->walk, LATCH_RULE_OWNER);
}
static void ttbr0_garbage(void)
{
    memset(rig.page[2], 0xff, PAGE_SIZE);
    refuse_write(write_ttbr0, virt_to_machine(rig.page[2]) | start_info->walk, LATCH_RULE_RESERVED);
    rig.page[2][0] = 0; /* it is no table */
}
static void ttbr1_garbage(void)
{
    memset(rig.page[2], 0xff, PAGE_SIZE);
    refuse_write(write_ttbr1, virt_to_machine(rig.page[2]) | start_info->walk, LATCH_RULE_RESERVED);
}
static void new_base_garbage(void)
{
    memset(rig.page[2], 0xff, PAGE_SIZE);
    expect(hyp_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(rig.page[2])) < 0, "new_baseptr");
    expect_refused(LATCH_RULE_RESERVED);
    expect(hyp_mmuext(MMUEXT_NEW_BASEPTR, foreign_mfn(0)) < 0, "new_baseptr");
    expect(hyp_mmuext(MMUEXT_NEW_BASEPTR, 0) < 0, "new_baseptr of none");
    expect(hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, foreign_mfn(0)) < 0, "new_user_baseptr");
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
}

#define LIST(CASE)                                                                                 \
    CASE(pin_of_others)                                                                            \
    CASE(pin_other_level)                                                                          \
    CASE(pin_twice)                                                                                \
    CASE(pin_bad_tree)                                                                             \
    CASE(unpin_not_pinned)                                                                         \
    CASE(update_of_others)                                                                         \
    CASE(update_of_m2p)                                                                            \
    CASE(update_with_walk)                                                                         \
    CASE(update_unaligned)                                                                         \
    CASE(update_unknown_kind)                                                                      \
    CASE(update_partly)                                                                            \
    CASE(update_many)                                                                              \
    CASE(registers_kept)                                                                           \
    CASE(update_plain)                                                                             \
    CASE(update_preserving)                                                                        \
    CASE(va_without_table)                                                                         \
    CASE(va_bad_entry)                                                                             \
    CASE(foreign_domain)                                                                           \
    CASE(unknown_calls)                                                                            \
    CASE(results_elsewhere)                                                                        \
    CASE(give_away_mapped)                                                                         \
    CASE(take_too_much)                                                                            \
    CASE(count_writers)                                                                            \
    CASE(count_references)                                                                         \
    CASE(sctlr_m)                                                                                  \
    CASE(sctlr_c)                                                                                  \
    CASE(sctlr_ee)                                                                                 \
    CASE(tcr_t0sz)                                                                                 \
    CASE(tcr_t1sz)                                                                                 \
    CASE(tcr_irgn0)                                                                                \
    CASE(tcr_orgn1)                                                                                \
    CASE(tcr_sh1)                                                                                  \
    CASE(tcr_ips)                                                                                  \
    CASE(tcr_hpd0)                                                                                 \
    CASE(tcr_ds)                                                                                   \
    CASE(tcr_hardware_updates)                                                                     \
    CASE(mair_device)                                                                              \
    CASE(mair_normal)                                                                              \
    CASE(ttbr0_data_window)                                                                        \
    CASE(ttbr1_data_window)                                                                        \
    CASE(ttbr0_unaligned)                                                                          \
    CASE(ttbr0_other_level)                                                                        \
    CASE(ttbr0_of_others)                                                                          \
    CASE(ttbr0_garbage)                                                                            \
    CASE(ttbr1_garbage)                                                                            \
    CASE(new_base_garbage)

LIST(RIG_CASE)
RIG_CASE(tcr_granule)

static const struct test_case cases[] = {
    LIST(RIG_CASE_ENTRY){"tcr_granule", case_tcr_granule, true}};

void guest_main(void)
{
    (void)assist_set(true);
    cases_run(cases, ARRAY_SIZE(cases));
}

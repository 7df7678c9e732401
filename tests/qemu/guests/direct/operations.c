/* SPDX-License-Identifier: Apache-2.0 */
/* What mmuext_op, update_va_mapping and mmu_update can be asked for, one case each. */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/counters.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"

#define NOWHERE UINT64_C(0x7f0000000000)

static struct rig rig;
static uint64_t mask __attribute__((aligned(8)));
static struct latch_counters before;

static void expect_error(int64_t result, int64_t error, const char *what)
{
    expect_equal((uint64_t)result, (uint64_t)-error, what);
}

static int64_t update(uint64_t ptr, uint64_t value)
{
    struct mmu_update request = {.ptr = ptr, .val = value};

    return hyp_mmu_update(&request, 1, NULL);
}

static int64_t operation(uint32_t cmd, uint64_t arg1, uint64_t arg2)
{
    struct mmuext_op op = {.cmd = cmd, .arg1 = arg1, .arg2 = arg2};

    return hyp_mmuext_op(&op, 1, NULL);
}

/* What was invalidated since the last call. */
static void expect_flushes(uint64_t all, uint64_t by_va)
{
    struct latch_counters now;

    counters_read(&now);
    expect_equal(now.tlbi_all - before.tlbi_all, all, "flushes of everything");
    expect_equal(now.tlbi_va - before.tlbi_va, by_va, "flushes by address");
    before = now;
}

/* Entry 5 of the rig's table maps page n, and the TLB knows it. */
static void set_page(unsigned int n)
{
    expect_equal(
        (uint64_t)update(virt_to_machine(&rig.level3[5]), entry_page(rig.page[n], PAGE_PRIVATE)), 0,
        "mmu_update");
    tlbi_all();
    expect_equal(peek(RIG_PAGE_VA(5)), RIG_MARK(n), "the word");
    counters_read(&before);
}

/* --- mmuext_op -------------------------------------------------------------------------------- */

/* Xen's L1 is level 3, its L4 level 0: each can be pinned, and is a table as long as it is. */
static void pin_each_level(void)
{
    static const uint32_t cmd[] = {MMUEXT_PIN_L4_TABLE, MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L2_TABLE,
                                   MMUEXT_PIN_L1_TABLE};

    for (unsigned int level = 0; level < 4; level++) {
        uint64_t *table = table_alloc();
        struct latch_counters now;

        expect_equal((uint64_t)operation(cmd[level], virt_to_mfn(table), 0), 0, "pin");
        expect_error(update(virt_to_machine(table), ENTRY_VALID | BIT64(47)), LATCH_EINVAL,
                     "an entry of a pinned table");
        counters_read(&before);
        expect_equal((uint64_t)operation(MMUEXT_UNPIN_TABLE, virt_to_mfn(table), 0), 0, "unpin");
        counters_read(&now);
        expect_equal(now.demoted - before.demoted, 1, "tables that ceased to be");
        expect_error(operation(MMUEXT_UNPIN_TABLE, virt_to_mfn(table), 0), LATCH_EINVAL, "unpin");
        table[0] = 1;
        expect_equal((uint64_t)update(virt_to_machine(table), ~UINT64_C(0)), 0, "a plain store");
        page_free(table);
    }
}

static void flush_everywhere(void)
{
    static const uint32_t all[] = {MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_TLB_FLUSH_ALL};
    static const uint32_t page[] = {MMUEXT_INVLPG_LOCAL, MMUEXT_INVLPG_ALL};

    counters_read(&before);
    for (unsigned int i = 0; i < 2; i++) {
        expect_equal((uint64_t)operation(all[i], 0, 0), 0, "tlb_flush");
        expect_flushes(1, 0);
        expect_equal((uint64_t)operation(page[i], RIG_VA, 0), 0, "invlpg");
        expect_flushes(0, 1);
    }
}

/* The mask is the guest's, for any number of vCPUs: what has no bit there is not flushed. */
static void flush_multi(void)
{
    mask = 1;
    counters_read(&before);
    expect_equal((uint64_t)operation(MMUEXT_TLB_FLUSH_MULTI, 0, va_of(&mask)), 0, "tlb_flush");
    expect_flushes(1, 0);
    expect_equal((uint64_t)operation(MMUEXT_INVLPG_MULTI, RIG_VA, va_of(&mask)), 0, "invlpg");
    expect_flushes(0, 1);
    mask = UINT64_C(0xff00) << 40;
    expect_equal((uint64_t)operation(MMUEXT_TLB_FLUSH_MULTI, 0, va_of(&mask)), 0, "tlb_flush");
    expect_equal((uint64_t)operation(MMUEXT_INVLPG_MULTI, RIG_VA, va_of(&mask)), 0, "invlpg");
    expect_flushes(0, 0);
    expect_error(operation(MMUEXT_TLB_FLUSH_MULTI, 0, NOWHERE), LATCH_EFAULT, "mask nowhere");
    expect_error(operation(MMUEXT_INVLPG_MULTI, 0, 0), LATCH_EFAULT, "no mask");
    expect_error(operation(MMUEXT_INVLPG_MULTI, 0, va_of(&mask) + 4), LATCH_EINVAL, "odd mask");
    expect_flushes(0, 0);
}

static void operations_of_others(void)
{
    expect_error(operation(MMUEXT_FLUSH_CACHE, 0, 0), LATCH_EINVAL, "flush_cache");
    expect_error(operation(MMUEXT_SET_LDT, RIG_VA, 1), LATCH_ENOSYS, "set_ldt");
    expect_error(operation(14, 0, 0), LATCH_ENOSYS, "14");
    expect_error(operation(16, 0, 0), LATCH_ENOSYS, "16");
    expect_error(operation(UINT32_MAX, 0, 0), LATCH_ENOSYS, "the last");
}

/* Whoever is not DOMID_SELF: another that there is, by its number, and one that there is not. */
static void other_domains(void)
{
    struct mmu_update request = {.ptr = virt_to_machine(&rig.level3[9])};
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_ALL};
    static const struct {
        uint64_t domid;
        int64_t error;
    } whom[] = {{0, LATCH_EPERM},
                {7, LATCH_ESRCH},
                {0x7ff1, LATCH_ESRCH},
                {0x7ff2, LATCH_ESRCH},
                {0xffffffff, LATCH_ESRCH}};

    counters_read(&before);
    for (unsigned int i = 0; i < ARRAY_SIZE(whom); i++) {
        expect_error(hypercall(__HYPERVISOR_mmu_update, va_of(&request), 1, 0, whom[i].domid),
                     whom[i].error, "mmu_update");
        expect_error(hypercall(__HYPERVISOR_mmuext_op, va_of(&op), 1, 0, whom[i].domid),
                     whom[i].error, "mmuext_op");
    }
    expect_flushes(0, 0);
}

/* Three of five are done, and that is said; the rest is not looked at. */
static void operations_partly(void)
{
    struct mmuext_op ops[5] = {
        {.cmd = MMUEXT_INVLPG_ALL, .arg1 = RIG_VA},
        {.cmd = MMUEXT_TLB_FLUSH_ALL},
        {.cmd = MMUEXT_INVLPG_LOCAL},
        {.cmd = MMUEXT_SET_LDT},
        {.cmd = MMUEXT_TLB_FLUSH_ALL},
    };
    unsigned int done = 77;

    counters_read(&before);
    expect_error(hyp_mmuext_op(ops, 5, &done), LATCH_ENOSYS, "mmuext_op");
    expect_equal(done, 3, "operations done");
    expect_flushes(1, 2);
}

/* Where the count could not be told, nothing is begun. */
static void done_nowhere(void)
{
    struct mmu_update request = {virt_to_machine(&rig.level3[9]),
                                 entry_page(rig.page[1], PAGE_PRIVATE)};
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_ALL};
    const uint64_t where[] = {NOWHERE, va_of(rig.level3), M2P_BASE, UINT64_C(1) << 52,
                              LINEAR_BASE - 2};

    counters_read(&before);
    for (unsigned int i = 0; i < ARRAY_SIZE(where); i++) {
        unsigned int *done = (unsigned int *)(uintptr_t)where[i];

        expect_error(hyp_mmu_update(&request, 1, done), LATCH_EFAULT, "mmu_update");
        expect_error(hyp_mmuext_op(&op, 1, done), LATCH_EFAULT, "mmuext_op");
    }
    expect_flushes(0, 0);
    expect_equal(rig.level3[9], 0, "the entry");
}

/* --- update_va_mapping ------------------------------------------------------------------------ */

/* Each way to flush makes the new page be seen, though the guest itself invalidates nothing. */
static void va_flushes(void)
{
    const struct {
        uint64_t flags;
        uint64_t all, by_va;
    } way[] = {
        {UVMF_TLB_FLUSH | UVMF_LOCAL, 1, 0},
        {UVMF_TLB_FLUSH | UVMF_ALL, 1, 0},
        {UVMF_TLB_FLUSH | UVMF_MULTI(&mask), 1, 0},
        {UVMF_INVLPG | UVMF_LOCAL, 0, 1},
        {UVMF_INVLPG | UVMF_ALL, 0, 1},
        {UVMF_INVLPG | UVMF_MULTI(&mask), 0, 1},
    };

    mask = ~UINT64_C(0);
    for (unsigned int i = 0; i < ARRAY_SIZE(way); i++) {
        set_page(0);
        /* Read-only, so that it is no break-before-make of Latch's that does it. */
        expect_equal((uint64_t)hyp_update_va_mapping(
                         (void *)RIG_PAGE_VA(5), entry_page(rig.page[0], PAGE_PRIVATE | ENTRY_RO),
                         way[i].flags),
                     0, "update_va_mapping");
        expect_flushes(way[i].all, way[i].by_va);
        expect(!try_store((void *)RIG_PAGE_VA(5), 0), "a store through the old permission");
    }
    set_page(0);
    mask = 0;
    expect_equal((uint64_t)hyp_update_va_mapping((void *)RIG_PAGE_VA(5),
                                                 entry_page(rig.page[0], PAGE_PRIVATE | ENTRY_RO),
                                                 UVMF_TLB_FLUSH | UVMF_MULTI(&mask)),
                 0, "update_va_mapping");
    expect_equal((uint64_t)hyp_update_va_mapping((void *)RIG_PAGE_VA(5),
                                                 entry_page(rig.page[0], PAGE_PRIVATE), UVMF_NONE),
                 0, "update_va_mapping");
    expect_flushes(0, 0);
}

/* What is wrong with the flags is found before the entry is touched. */
static void va_bad_flags(void)
{
    const struct {
        uint64_t flags;
        int64_t error;
    } bad[] = {
        {3, LATCH_EINVAL},
        {UVMF_ALL, LATCH_EINVAL},
        {UVMF_NONE | va_of(&mask), LATCH_EINVAL},
        {UVMF_INVLPG | (va_of(&mask) + 4), LATCH_EINVAL},
        {UVMF_INVLPG | NOWHERE, LATCH_EFAULT},
        {UVMF_TLB_FLUSH | UINT64_C(1) << 52, LATCH_EFAULT},
    };

    set_page(0);
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
        expect_error(hyp_update_va_mapping((void *)RIG_PAGE_VA(5), 0, bad[i].flags), bad[i].error,
                     "update_va_mapping");
    expect_flushes(0, 0);
    expect_equal(rig.level3[5], entry_page(rig.page[0], PAGE_PRIVATE), "the entry");
}

/* --- MMU_MACHPHYS_UPDATE ---------------------------------------------------------------------- */

static int64_t set_pfn(uint64_t mfn, uint64_t pfn)
{
    return update(mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, pfn);
}

static void machphys(void)
{
    uint64_t a = virt_to_mfn(rig.page[0]), b = virt_to_mfn(rig.page[1]);
    uint64_t pfn_a = mfn_to_pfn(a), pfn_b = mfn_to_pfn(b);

    expect_equal((uint64_t)set_pfn(a, pfn_b), 0, "machphys");
    expect_equal((uint64_t)set_pfn(b, LATCH_M2P_NONE), 0, "machphys");
    expect_equal(mfn_to_pfn(a), pfn_b, "the first frame's pfn");
    expect_equal(mfn_to_pfn(b), LATCH_M2P_NONE, "the second frame's pfn");
    expect_equal((uint64_t)set_pfn(a, pfn_a), 0, "machphys");
    expect_equal((uint64_t)set_pfn(b, pfn_b), 0, "machphys");
    expect_equal(mfn_to_pfn(a), pfn_a, "the first frame's pfn");
    expect_equal(mfn_to_pfn(b), pfn_b, "the second frame's pfn");
    /* A table is a frame as well. */
    expect_equal((uint64_t)set_pfn(virt_to_mfn(rig.level3), virt_to_pfn(rig.level3)), 0,
                 "machphys of a table");
}

static void machphys_refused(void)
{
    uint64_t mfn = virt_to_mfn(rig.page[0]), pfn = mfn_to_pfn(mfn);
    uint64_t m2p = pfn_to_mfn(start_info->m2p_pages);
    uint64_t pfn_m2p = mfn_to_pfn(m2p);

    expect_error(set_pfn(foreign_mfn(0), 1), LATCH_EPERM, "another's frame");
    expect_equal(mfn_to_pfn(foreign_mfn(0)), LATCH_M2P_NONE, "another's pfn");
    expect_error(set_pfn(m2p, 1), LATCH_EPERM, "a frame of the m2p");
    expect_equal(mfn_to_pfn(m2p), pfn_m2p, "its pfn");
    expect_error(set_pfn(start_info->gicd >> PAGE_SHIFT, 1), LATCH_EPERM, "a device");
    expect_error(set_pfn(0, 1), LATCH_EPERM, "no memory");
    expect_error(set_pfn(mfn | start_info->walk >> PAGE_SHIFT, 1), LATCH_EINVAL, "with WALK");
    expect_error(set_pfn(mfn, start_info->nr_pages), LATCH_EINVAL, "no pfn");
    expect_error(set_pfn(mfn, LATCH_M2P_NONE - 1), LATCH_EINVAL, "no pfn");
    expect_equal(mfn_to_pfn(mfn), pfn, "its pfn");
}

#define LIST(CASE)                                                                                 \
    CASE(pin_each_level)                                                                           \
    CASE(flush_everywhere)                                                                         \
    CASE(flush_multi)                                                                              \
    CASE(operations_of_others)                                                                     \
    CASE(other_domains)                                                                            \
    CASE(operations_partly)                                                                        \
    CASE(done_nowhere)                                                                             \
    CASE(va_flushes)                                                                               \
    CASE(va_bad_flags)                                                                             \
    CASE(machphys)                                                                                 \
    CASE(machphys_refused)

LIST(RIG_CASE)

static const struct test_case cases[] = {LIST(RIG_CASE_ENTRY)};

void guest_main(void)
{
    (void)assist_set(true);
    cases_run(cases, ARRAY_SIZE(cases));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reconnects an open table. Each case stores to a live table (policy "open" detaches it), then
 * does one thing that needs it, and looks whether the new entry took effect. What Latch counted
 * meanwhile is printed; the expectations are with whoever started the guest.
 */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/user.h"

#define NEW    5 /* the entry that a case fills in */
#define NEW_VA RIG_PAGE_VA(NEW)

static struct rig rig;

/* From here on, page 1 ought to be at NEW_VA. */
static void open_with(uint64_t attributes)
{
    measure_start();
    entry_write(&rig.level3[NEW], entry_page(rig.page[1], attributes));
}

static void open_table(void) { open_with(PAGE_PRIVATE); }

/* Measured up to here; now let a walk show that the entry is what it should be. */
static void check_mapping(void)
{
    uint64_t value = 0;

    measure_stop();
    expect(try_load((const void *)NEW_VA, &value), "the new mapping is not there");
    expect_equal(value, RIG_MARK(1), "the word behind the new mapping");
}

/* --- Walks ---------------------------------------------------------------------------------- */

static void walk_load(void)
{
    open_table();
    expect_equal(peek(NEW_VA), RIG_MARK(1), "the word loaded");
    measure_stop();
}

static void walk_store(void)
{
    open_table();
    poke(NEW_VA, 77);
    measure_stop();
    expect_equal(rig.page[1][0], 77, "the word stored");
}

static void walk_fetch(void)
{
    uint32_t *code = (uint32_t *)(void *)rig.page[1];
    struct try_result result;

    code[0] = 0x52800540; /* mov w0, #42 */
    code[1] = 0xd65f03c0; /* ret */
    sync_instructions(code, 8);
    open_with(PAGE_PRIVATE_TEXT);
    result = try_call((uint64_t(*)(uint64_t, uint64_t))NEW_VA, 0, 0);
    measure_stop();
    expect(result.faulted == 0, "the call faulted");
    expect_equal(result.value, 42, "the value returned");
}

static void walk_load_el0(void)
{
    struct user user;

    open_with(PAGE_USER);
    expect(user_call(&user, RIG_TEXT, user_load, NEW_VA, 0, 0), "EL0 faulted");
    measure_stop();
    expect_equal(user.x[0], RIG_MARK(1), "the word loaded");
}

static void walk_store_el0(void)
{
    struct user user;

    open_with(PAGE_USER);
    expect(user_call(&user, RIG_TEXT, user_store, NEW_VA, 78, 0), "EL0 faulted");
    measure_stop();
    expect_equal(rig.page[1][0], 78, "the word stored");
}

static void walk_fetch_el0(void)
{
    struct user user;

    user_install(rig.page[1]);
    open_with(PAGE_USER_TEXT);
    expect(
        user_call(&user, RIG_TEXT, user_jump, NEW_VA + (uint64_t)(user_answer - user_text), 0, 0),
        "EL0 faulted");
    measure_stop();
    expect_equal(user.x[0], 42, "the value returned");
}

static void walk_at(void)
{
    uint64_t par;

    open_table();
    __asm__ volatile("at s1e1r, %0" ::"r"(NEW_VA) : "memory");
    isb();
    par = read_sysreg(par_el1);
    measure_stop();
    expect_equal(par & 1, 0, "PAR_EL1.F");
    expect_equal(par & ENTRY_ADDRESS, virt_to_machine(rig.page[1]), "PAR_EL1.PA");
}

/* The walk ends at an invalid entry of the table: the guest's fault, but not before the table is
 * back. */
static void walk_to_nothing(void)
{
    uint64_t value;

    open_table();
    expect(!try_load((const void *)RIG_PAGE_VA(9), &value), "a load of nothing succeeded");
    expect_equal(ESR_FSC(try_fault.esr), FSC_TRANSLATION(3), "the fault status");
    check_mapping();
}

static void walk_removed(void)
{
    uint64_t value;

    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word before");
    measure_start();
    entry_write(&rig.level3[0], 0);
    tlbi_page(RIG_VA);
    expect(!try_load((const void *)RIG_VA, &value), "the mapping is still there");
    measure_stop();
}

static void walk_level2(void)
{
    uint64_t *table = rig_table(rig.page[2]);

    measure_start();
    entry_write(&rig.level2[7], entry_table(table));
    expect_equal(peek(NEW_VA + (UINT64_C(7) << 21)), RIG_MARK(2), "the word loaded");
    measure_stop();
}

static void walk_level1(void)
{
    uint64_t *level2 = table_alloc();

    entry_write(&level2[0], entry_table(rig_table(rig.page[2])));
    measure_start();
    entry_write(&rig.level1[9], entry_table(level2));
    expect_equal(peek((UINT64_C(9) << 30) + NEW * PAGE_SIZE), RIG_MARK(2), "the word loaded");
    measure_stop();
}

static void walk_level0(void)
{
    uint64_t *level1 = table_alloc();
    uint64_t *level2 = table_alloc();

    entry_write(&level2[0], entry_table(rig_table(rig.page[2])));
    entry_write(&level1[0], entry_table(level2));
    measure_start();
    entry_write(&rig.level0[3], entry_table(level1));
    expect_equal(peek((UINT64_C(3) << 39) + NEW * PAGE_SIZE), RIG_MARK(2), "the word loaded");
    measure_stop();
}

/* A table of the kernel's half, which no TTBR0_EL1 reaches. */
static void walk_kernel(void)
{
    uint64_t va = KERNEL_BASE + NEW * PAGE_SIZE;
    volatile uint64_t *entry = kernel_entry(va);

    page_protect((void *)((uint64_t)entry & ~(PAGE_SIZE - 1)), true);
    measure_start();
    *entry = entry_page(rig.page[1], PAGE_KERNEL);
    tables_written();
    expect_equal(peek(va), RIG_MARK(1), "the word loaded");
    measure_stop();
    kernel_map(va, 0);
}

/* --- Slots ---------------------------------------------------------------------------------- */

#define MANY 17 /* one more than there can be slots */

/* Each store wants a table of its own open; all of them must have come back in the end. */
static void slots(void)
{
    uint64_t *table[MANY];

    for (unsigned int i = 0; i < MANY; i++) {
        table[i] = rig_table(rig.page[2]);
        entry_write(&rig.level2[100 + i], entry_table(table[i]));
    }
    expect_equal(peek(NEW_VA + (UINT64_C(100) << 21)), RIG_MARK(2), "the word before");
    measure_start();
    for (unsigned int i = 0; i < MANY; i++)
        entry_write(&table[i][6], entry_page(rig.page[3], PAGE_PRIVATE));
    measure_stop();
    for (unsigned int i = 0; i < MANY; i++)
        expect_equal(peek(RIG_PAGE_VA(6) + ((uint64_t)(100 + i) << 21)), RIG_MARK(3), "a word");
}

/* Of four tables in two slots the first two are taken, in their order; the last two are open. */
static void slots_order(void)
{
    uint64_t *table[4];

    for (unsigned int i = 0; i < 4; i++) {
        table[i] = rig_table(rig.page[2]);
        entry_write(&rig.level2[100 + i], entry_table(table[i]));
    }
    expect_equal(peek(NEW_VA + (UINT64_C(100) << 21)), RIG_MARK(2), "the word before");
    measure_start();
    for (unsigned int i = 0; i < 4; i++)
        entry_write(&table[i][6], entry_page(rig.page[3], PAGE_PRIVATE));
    /* Open tables take more stores without a trap. */
    entry_write(&table[3][7], 2);
    entry_write(&table[2][7], 2);
    measure_stop();
}

/* --- Hypercalls ----------------------------------------------------------------------------- */

static void hypercall_mmu_update(void)
{
    uint64_t *other = space_entry(&rig.space, RIG_TEXT, 3);
    struct mmu_update update = {.ptr = virt_to_machine(&other[1]), .val = 0};

    open_table();
    expect_equal((uint64_t)hyp_mmu_update(&update, 1, NULL), 0, "mmu_update");
    check_mapping();
}

static void hypercall_update_va(void)
{
    open_table();
    expect_equal((uint64_t)hyp_update_va_mapping((void *)(RIG_TEXT + PAGE_SIZE), 0, UVMF_NONE), 0,
                 "update_va_mapping");
    check_mapping();
}

static void hypercall_mmuext(void)
{
    open_table();
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_INVLPG_LOCAL, RIG_TEXT), 0, "mmuext_op");
    check_mapping();
}

/* Those that do not look at tables leave an open one alone. */
static void hypercall_version(void)
{
    open_table();
    expect_equal((uint64_t)hyp_xen_version(XENVER_version, NULL), 3U << 16, "xen_version");
    check_mapping();
}

/* --- The regime's registers ------------------------------------------------------------------ */

static void regime_ttbr0(void)
{
    static struct space other;

    space_create(&other, 2);
    space_pin(&other);
    open_table();
    space_load(&other);
    measure_stop();
    space_load(&rig.space);
    check_mapping();
    space_destroy(&other, NULL);
}

/* Another ASID and the same base make no table reachable that was not. */
static void regime_ttbr0_asid(void)
{
    open_table();
    write_sysreg(space_ttbr(&rig.space) ^ UINT64_C(7) << 48, ttbr0_el1);
    isb();
    check_mapping();
}

static void regime_ttbr1(void)
{
    open_table();
    write_sysreg(read_sysreg(ttbr1_el1), ttbr1_el1);
    isb();
    check_mapping();
}

static void regime_tcr(void)
{
    open_table();
    write_sysreg(read_sysreg(tcr_el1), tcr_el1);
    isb();
    check_mapping();
}

static void regime_sctlr(void)
{
    open_table();
    write_sysreg(read_sysreg(sctlr_el1), sctlr_el1);
    isb();
    check_mapping();
}

static void regime_mair(void)
{
    open_table();
    write_sysreg(read_sysreg(mair_el1), mair_el1);
    isb();
    check_mapping();
}

static void regime_new_user_base(void)
{
    static struct space other;

    space_create(&other, 2);
    space_pin(&other);
    open_table();
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(other.root)), 0,
                 "new_user_baseptr");
    measure_stop();
    expect_equal(read_sysreg(ttbr0_el1) & ENTRY_ADDRESS & ~start_info->walk,
                 virt_to_machine(other.root), "TTBR0_EL1");
    space_load(&rig.space);
    check_mapping();
    space_destroy(&other, NULL);
}

/* --- The rest ------------------------------------------------------------------------------- */

/* The linear map can write to the tables, so the assist stays on; the tables come back first. */
static void assist_disable(void)
{
    open_table();
    expect(assist_set(false) == -LATCH_EBUSY, "the assist was turned off under writers");
    check_mapping();
    expect(assist_set(true) == 0, "the assist is on");
}

/*
 * The level-2 table wants page 2 as a table. Page 2 has an EL0-writable mapping, which was taken
 * away in the other open table, but that is not known before it is looked at.
 */
static void conflict(void)
{
    entry_write(&rig.level3[3], entry_page(rig.page[2], PAGE_USER));
    tables_written();
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word before");
    memset(rig.page[2], 0, PAGE_SIZE);
    rig.page[2][NEW] = entry_page(rig.page[1], PAGE_PRIVATE);
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    measure_start();
    entry_write(&rig.level3[3], 0);
    entry_write(&rig.level2[8], entry_table(rig.page[2]));
    expect_equal(peek(NEW_VA + (UINT64_C(8) << 21)), RIG_MARK(1), "the word loaded");
    measure_stop();
    entry_write(&rig.level2[8], 0);
}

/* A second entry for a table that is open: the new way leads to the same, judged, table. */
static void reference(void)
{
    measure_start();
    entry_write(&rig.level3[NEW], entry_page(rig.page[1], PAGE_PRIVATE));
    entry_write(&rig.level2[9], entry_table(rig.level3));
    expect_equal(peek(NEW_VA + (UINT64_C(9) << 21)), RIG_MARK(1), "the word loaded");
    measure_stop();
    entry_write(&rig.level2[9], 0);
    tlbi_all();
}

static void memory_op(void)
{
    int64_t frames = hyp_memory_op(XENMEM_current_reservation, NULL);

    open_table();
    expect_equal((uint64_t)hyp_memory_op(XENMEM_current_reservation, NULL), (uint64_t)frames,
                 "current_reservation");
    measure_stop();
    expect_equal((uint64_t)frames, start_info->nr_pages, "frames of this domain");
    check_mapping();
}

/* A page is given away and another one taken. */
static void memory_balloon(void)
{
    void *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page);
    struct xen_memory_reservation reservation = {
        .extent_start = va_of(&mfn), .nr_extents = 1, .domid = DOMID_SELF};

    expect_equal((uint64_t)hyp_update_va_mapping(page, 0, UVMF_INVLPG), 0, "unmapping the page");
    open_table();
    expect_equal((uint64_t)hyp_memory_op(XENMEM_decrease_reservation, &reservation), 1,
                 "decrease_reservation");
    check_mapping();
    expect_equal((uint64_t)hyp_memory_op(XENMEM_current_reservation, NULL),
                 start_info->nr_pages - 1, "frames of this domain");
    expect_equal((uint64_t)hyp_memory_op(XENMEM_increase_reservation, &reservation), 1,
                 "increase_reservation");
    ((uint64_t *)(uintptr_t)start_info->mfn_list)[virt_to_pfn(page)] = mfn;
    expect_equal(
        (uint64_t)hyp_update_va_mapping(page, mfn << PAGE_SHIFT | PAGE_KERNEL, UVMF_INVLPG), 0,
        "mapping the new page");
    for (unsigned int i = 0; i < 512; i++)
        expect_equal(((const uint64_t *)page)[i], 0, "a word of the new page");
    page_free(page);
}

static void life_cpu_on(void)
{
    open_table();
    expect((uint32_t)psci_call(PSCI_CPU_ON, 0, 0, 0) == (uint32_t)-4, "CPU_ON: not already on");
    check_mapping();
}

static void life_cpu_off(void)
{
    open_table();
    expect((uint32_t)psci_call(PSCI_CPU_OFF, 0, 0, 0) == (uint32_t)-3, "CPU_OFF: not denied");
    check_mapping();
}

/* PSCI calls that change nothing leave an open table alone. */
static void life_version(void)
{
    open_table();
    expect_equal((uint64_t)psci_call(PSCI_VERSION, 0, 0, 0), 0x10001, "PSCI_VERSION");
    check_mapping();
}

/* The buffer of the hypercall is mapped by the open table. */
static void el2_walk(void)
{
    static const char text[] = "written through an open table\n";

    memcpy(rig.page[1], text, sizeof(text));
    open_table();
    expect_equal((uint64_t)hyp_console_io(CONSOLEIO_write, sizeof(text) - 1, (const char *)NEW_VA),
                 sizeof(text) - 1, "console_io");
    measure_stop();
}

/* Two words by an exclusive store, which no policy emulates: the table is opened. */
static void store_pair_exclusive(uint64_t va, uint64_t value)
{
    uint64_t old[2];
    uint32_t failed;

    __asm__ volatile("1: ldxp %0, %1, [%3]\n\t"
                     "stxp %w2, %4, %4, [%3]\n\t"
                     "cbnz %w2, 1b"
                     : "=&r"(old[0]), "=&r"(old[1]), "=&r"(failed)
                     : "r"(va), "r"(value)
                     : "memory");
}

/*
 * Policy "emulate": a store whose instruction lies behind an open table. The processor still knows
 * the instruction's translation, Latch has to walk to read it. The exclusive store opens the table.
 */
static void el2_fetch(void)
{
    uint32_t *text = (uint32_t *)(void *)rig.page[1];
    uint64_t *other = space_entry(&rig.space, RIG_TEXT, 3);
    uint64_t (*code)(uint64_t, uint64_t) = (uint64_t(*)(uint64_t, uint64_t))NEW_VA;

    text[0] = 0xf8000401; /* str x1, [x0], #0: ESR_EL2 does not describe it */
    text[1] = 0xd65f03c0; /* ret */
    sync_instructions(text, 8);
    entry_write(&rig.level3[NEW], entry_page(rig.page[1], PAGE_PRIVATE_TEXT));
    tables_written();
    (void)try_call(code, va_of(&rig.page[0][2]), 1);
    expect_equal(rig.page[0][2], 1, "the word stored");
    measure_start();
    store_pair_exclusive(va_of(&rig.level3[100]), 2);
    expect(try_call(code, va_of(&other[100]), 4).faulted == 0, "the store faulted");
    measure_stop();
    expect_equal(other[100], 4, "the entry stored");
    expect_equal(rig.level3[101], 2, "the entry of the open table");
}

/* --- With another domain on the CPU ---------------------------------------------------------- */

static void spin_ms(uint64_t ms)
{
    uint64_t end = timer_now() + timer_ms(ms);

    while (timer_now() < end)
        ;
}

/* The time slice ends while the table is open. What is left to do is done when it is needed. */
static void preempt(void)
{
    open_table();
    spin_ms(40);
    expect_equal(peek(NEW_VA), RIG_MARK(1), "the word loaded");
    measure_stop();
}

static void block(void)
{
    interrupt_init();
    timer_every(15000);
    open_table();
    expect_equal((uint64_t)hyp_sched_op(SCHEDOP_block, NULL), 0, "sched_op block");
    interrupts_off();
    expect_equal(peek(NEW_VA), RIG_MARK(1), "the word loaded");
    measure_stop();
    timer_every(0);
    expect(timer_ticks != 0, "no interrupt came");
}

static void block_by_wfi(void)
{
    interrupt_init();
    timer_every(15000);
    open_table();
    wfi();
    expect_equal(peek(NEW_VA), RIG_MARK(1), "the word loaded");
    measure_stop();
    timer_every(0);
}

/* --- The end of the domain while a table is open --------------------------------------------- */

static void life_suspend(void)
{
    interrupt_init();
    timer_every(15000);
    open_table();
    expect_equal((uint64_t)psci_call(PSCI_CPU_SUSPEND, 0, 0, 0), 0, "CPU_SUSPEND");
    measure_stop();
    timer_every(0);
    check_mapping();
}

static void life_system_off(void)
{
    open_table();
    (void)psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

static void life_system_reset(void)
{
    open_table();
    (void)psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static void life_shutdown(void)
{
    open_table();
    guest_shutdown(SHUTDOWN_poweroff);
}

static void life_reboot(void)
{
    open_table();
    guest_shutdown(SHUTDOWN_reboot);
}

/* --- Each in a space of its own --------------------------------------------------------------- */

RIG_CASE(walk_load)
RIG_CASE(walk_store)
RIG_CASE(walk_fetch)
RIG_CASE(walk_load_el0)
RIG_CASE(walk_store_el0)
RIG_CASE(walk_fetch_el0)
RIG_CASE(walk_at)
RIG_CASE(walk_to_nothing)
RIG_CASE(walk_removed)
RIG_CASE(walk_level2)
RIG_CASE(walk_level1)
RIG_CASE(walk_level0)
RIG_CASE(walk_kernel)
RIG_CASE(slots)
RIG_CASE(slots_order)
RIG_CASE(hypercall_mmu_update)
RIG_CASE(hypercall_update_va)
RIG_CASE(hypercall_mmuext)
RIG_CASE(hypercall_version)
RIG_CASE(regime_ttbr0)
RIG_CASE(regime_ttbr0_asid)
RIG_CASE(regime_ttbr1)
RIG_CASE(regime_tcr)
RIG_CASE(regime_sctlr)
RIG_CASE(regime_mair)
RIG_CASE(regime_new_user_base)
RIG_CASE(assist_disable)
RIG_CASE(conflict)
RIG_CASE(reference)
RIG_CASE(memory_op)
RIG_CASE(memory_balloon)
RIG_CASE(life_cpu_on)
RIG_CASE(life_cpu_off)
RIG_CASE(life_version)
RIG_CASE(el2_walk)
RIG_CASE(el2_fetch)
RIG_CASE(preempt)
RIG_CASE(block)
RIG_CASE(block_by_wfi)
RIG_CASE(life_suspend)
RIG_CASE(life_system_off)
RIG_CASE(life_system_reset)
RIG_CASE(life_shutdown)
RIG_CASE(life_reboot)

static const struct test_case cases[] = {
    {"walk-load", case_walk_load, false},
    {"walk-store", case_walk_store, false},
    {"walk-fetch", case_walk_fetch, false},
    {"walk-load-el0", case_walk_load_el0, false},
    {"walk-store-el0", case_walk_store_el0, false},
    {"walk-fetch-el0", case_walk_fetch_el0, false},
    {"walk-at", case_walk_at, false},
    {"walk-to-nothing", case_walk_to_nothing, false},
    {"walk-removed", case_walk_removed, false},
    {"walk-level2", case_walk_level2, false},
    {"walk-level1", case_walk_level1, false},
    {"walk-level0", case_walk_level0, false},
    {"walk-kernel", case_walk_kernel, false},
    {"slots", case_slots, false},
    {"slots-order", case_slots_order, true},
    {"hypercall-mmu-update", case_hypercall_mmu_update, false},
    {"hypercall-update-va", case_hypercall_update_va, false},
    {"hypercall-mmuext", case_hypercall_mmuext, false},
    {"hypercall-version", case_hypercall_version, false},
    {"regime-ttbr0", case_regime_ttbr0, false},
    {"regime-ttbr0-asid", case_regime_ttbr0_asid, false},
    {"regime-ttbr1", case_regime_ttbr1, false},
    {"regime-tcr", case_regime_tcr, false},
    {"regime-sctlr", case_regime_sctlr, false},
    {"regime-mair", case_regime_mair, false},
    {"regime-new-user-base", case_regime_new_user_base, false},
    {"assist-disable", case_assist_disable, false},
    {"conflict", case_conflict, false},
    {"reference", case_reference, false},
    {"memory-op", case_memory_op, false},
    {"memory-balloon", case_memory_balloon, false},
    {"life-cpu-on", case_life_cpu_on, false},
    {"life-cpu-off", case_life_cpu_off, false},
    {"life-version", case_life_version, false},
    {"el2-walk", case_el2_walk, false},
    {"el2-fetch", case_el2_fetch, true},
    {"preempt", case_preempt, true},
    {"block", case_block, true},
    {"block-by-wfi", case_block_by_wfi, true},
    {"life-suspend", case_life_suspend, true},
    {"life-system-off", case_life_system_off, true},
    {"life-system-reset", case_life_system_reset, true},
    {"life-shutdown", case_life_shutdown, true},
    {"life-reboot", case_life_reboot, true},
};

void guest_main(void)
{
    (void)assist_set(true);
    cases_run(cases, ARRAY_SIZE(cases));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every hypercall with every argument wrong in turn: all others are as they should be, and this one
 * takes each value of a list. Each answer has to be one that docs/abi.md has for that call, and
 * afterwards the guest's tables, memory and frames are what they were. One case for each call.
 */
#include "common/print.h"
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"

#define ARGUMENTS 4
#define ERROR(e)  BIT64(LATCH_##e)
#define DONE      BIT64(0) /* no error */

/* In the table of calls: the list's and the answer's address, which are not known yet. */
#define LIST   UINT64_C(0x11570000)
#define RESULT UINT64_C(0xa5e30000)

static struct rig rig;
static uint64_t *list;   /* a page of requests, with nothing mapped behind it */
static uint64_t *result; /* where answers go */

struct call {
    const char *name;
    uint64_t number;
    uint64_t good[ARGUMENTS];
    uint64_t allowed[ARGUMENTS]; /* what may be answered if this argument is wrong; 0: not one */
};

static const struct call *current;

/* Addresses and numbers that are somebody else's, nobody's, or not what they should be. */
static unsigned int wrong_values(uint64_t *value)
{
    uint64_t foreign = foreign_mfn(8) << PAGE_SHIFT; /* as a VA, one that is not mapped */
    uint64_t walk = start_info->walk;
    const uint64_t values[] = {
        0,
        1,
        2,
        7,
        0x7ff1,
        UINT32_MAX,
        UINT64_C(1) << 31,
        UINT64_C(1) << 32,
        UINT64_C(1) << 47,
        UINT64_C(1) << 48,
        UINT64_C(1) << 52,
        UINT64_C(1) << 63,
        UINT64_MAX,
        UINT64_MAX - 7,
        UINT64_C(0xffff000000000000),
        va_of(list) + 4,             /* misaligned */
        va_of(list) + PAGE_SIZE - 8, /* into the page that is not mapped */
        va_of(list) + PAGE_SIZE - 1, /* the same, odd */
        va_of(list) + PAGE_SIZE,     /* that page */
        va_of(rig.level3),           /* a page table */
        va_of(rig.level0) + 8,
        M2P_BASE, /* read-only */
        M2P_BASE + 4088,
        RIG_PAGE_VA(200), /* no entry */
        RIG_TEXT,         /* EL0's */
        foreign,          /* another domain's memory */
        foreign | walk,
        virt_to_machine(rig.level3) | walk, /* the walk window */
        virt_to_machine(rig.page[0]) | walk,
        foreign >> PAGE_SHIFT,
        (foreign | walk) >> PAGE_SHIFT,
        UINT64_C(0x40080000), /* the hypervisor's */
        UINT64_C(0x40080),
        start_info->gicd, /* a device's */
        start_info->gicd >> PAGE_SHIFT,
    };

    memcpy(value, values, sizeof(values));
    return ARRAY_SIZE(values);
}

/* --- What must not change --------------------------------------------------------------------- */

static uint64_t sum_of(const uint64_t *table)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < 512; i++)
        sum = (sum << 1 | sum >> 63) ^ ((const volatile uint64_t *)table)[i];
    return sum;
}

static uint64_t state(void)
{
    return sum_of(rig.level0) ^ sum_of(rig.level1) << 1 ^ sum_of(rig.level2) << 2 ^
           sum_of(rig.level3) << 3 ^ sum_of(rig.page[0]) ^ sum_of(rig.page[1]) << 1 ^
           read_sysreg(ttbr0_el1) ^ read_sysreg(ttbr1_el1) ^ read_sysreg(tcr_el1) ^
           (uint64_t)hyp_memory_op(XENMEM_current_reservation, NULL);
}

/* --- The calls -------------------------------------------------------------------------------- */

/* Requests that change nothing: what is right is repeated. */
static void fill_list(void)
{
    struct xen_memory_reservation r = {.extent_start = va_of(list) + 512, .domid = DOMID_SELF};
    struct xen_machphys_mfn_list m2p = {.max_extents = 4, .extent_start = va_of(list) + 512};

    memset(list, 0, PAGE_SIZE);
    switch (current->number) {
    case __HYPERVISOR_mmu_update:
        for (unsigned int i = 0; i < 256; i++) {
            list[2 * i] = virt_to_machine(&rig.level3[0]);
            list[2 * i + 1] = rig.level3[0];
        }
        break;
    case __HYPERVISOR_mmuext_op:
        for (unsigned int i = 0; i < 512; i += 3)
            list[i] = MMUEXT_TLB_FLUSH_ALL;
        break;
    case __HYPERVISOR_memory_op:
        if (current->good[0] == XENMEM_machphys_mfn_list)
            memcpy(list, &m2p, sizeof(m2p));
        else
            memcpy(list, &r, sizeof(r));
        break;
    default:
        break;
    }
}

static void try_value(unsigned int argument, uint64_t value, uint64_t before)
{
    uint64_t a[ARGUMENTS];
    int64_t answer;
    bool good;

    memcpy(a, current->good, sizeof(a));
    a[argument] = value;
    fill_list();
    answer = hypercall(current->number, a[0], a[1], a[2], a[3]);
    /* An invalid entry may hold anything. */
    if (answer == 0 && current->number == __HYPERVISOR_update_va_mapping)
        expect_equal((uint64_t)hyp_update_va_mapping((void *)RIG_PAGE_VA(300), 0, UVMF_INVLPG), 0,
                     "update_va_mapping back");
    good = answer >= 0 ? (current->allowed[argument] & DONE) != 0
                       : answer > -64 && (current->allowed[argument] >> -answer & 1) != 0;
    if (!good)
        print("arguments: %s: argument %u 0x%lx: %ld\n", current->name, argument, value, answer);
    expect(good, "an answer that is not documented");
    if (state() != before)
        print("arguments: %s: argument %u 0x%lx: state changed\n", current->name, argument, value);
    expect_equal(state(), before, "tables, memory and registers");
    expect_equal(peek(RIG_VA), RIG_MARK(0), "the word at RIG_VA");
}

static void try_call_with_all(void)
{
    static uint64_t value[64];
    unsigned int count = wrong_values(value);
    uint64_t before = state();
    uint64_t tried = 0;

    for (unsigned int argument = 0; argument < ARGUMENTS; argument++) {
        for (unsigned int i = 0; i < count && current->allowed[argument] != 0; i++, tried++)
            try_value(argument, value[i], before);
    }
    note("tried", tried);
}

#define POINTER (ERROR(EFAULT) | ERROR(EINVAL) | DONE)
#define COMMAND (ERROR(ENOSYS) | DONE)

/* The list's and the answer's places are put in when they are known. */
static struct call calls[] = {
    {"mmu_update",
     __HYPERVISOR_mmu_update,
     {LIST, 1, RESULT, DOMID_SELF},
     {POINTER | ERROR(EPERM) | ERROR(ENOSYS), POINTER | ERROR(EPERM), ERROR(EFAULT) | DONE,
      ERROR(ESRCH) | ERROR(EPERM)}},
    {"mmuext_op",
     __HYPERVISOR_mmuext_op,
     {LIST, 1, RESULT, DOMID_SELF},
     {POINTER | ERROR(ENOSYS) | ERROR(EPERM) | ERROR(EBUSY), POINTER, ERROR(EFAULT) | DONE,
      ERROR(ESRCH) | ERROR(EPERM)}},
    {"update_va_mapping",
     __HYPERVISOR_update_va_mapping,
     {RIG_PAGE_VA(300), 0, UVMF_INVLPG, 0},
     {0, ERROR(EINVAL) | DONE, ERROR(EINVAL) | ERROR(EFAULT) | DONE, DONE}},
    {"decrease_reservation",
     __HYPERVISOR_memory_op,
     {XENMEM_decrease_reservation, LIST, 0, 0},
     {0, POINTER | ERROR(ESRCH) | ERROR(EPERM), DONE, DONE}},
    {"increase_reservation",
     __HYPERVISOR_memory_op,
     {XENMEM_increase_reservation, LIST, 0, 0},
     {0, POINTER | ERROR(ESRCH) | ERROR(EPERM), DONE, DONE}},
    {"populate_physmap",
     __HYPERVISOR_memory_op,
     {XENMEM_populate_physmap, LIST, 0, 0},
     {0, POINTER | ERROR(ESRCH) | ERROR(EPERM), DONE, DONE}},
    {"current_reservation",
     __HYPERVISOR_memory_op,
     {XENMEM_current_reservation, 0, 0, 0},
     {0, ERROR(EFAULT) | ERROR(ESRCH) | ERROR(EPERM) | DONE, DONE, DONE}},
    {"machphys_mfn_list",
     __HYPERVISOR_memory_op,
     {XENMEM_machphys_mfn_list, LIST, 0, 0},
     {0, ERROR(EFAULT) | DONE, DONE, DONE}},
    {"xen_version",
     __HYPERVISOR_xen_version,
     {XENVER_extraversion, RESULT, 0, 0},
     {COMMAND, ERROR(EFAULT) | DONE, DONE, DONE}},
    {"console_io",
     __HYPERVISOR_console_io,
     {CONSOLEIO_write, 0, LIST, 0},
     {COMMAND, 0, ERROR(EFAULT) | DONE, DONE}},
    {"vm_assist",
     __HYPERVISOR_vm_assist,
     {VMASST_CMD_enable, VMASST_TYPE_writable_pagetables, 0, 0},
     {COMMAND | ERROR(EBUSY), ERROR(EINVAL) | DONE, DONE, DONE}},
    {"latch_op",
     __HYPERVISOR_latch_op,
     {LATCH_OP_counters, RESULT, 8, 0},
     {COMMAND, ERROR(EFAULT) | DONE, DONE | ERROR(EFAULT), DONE}},
    {"unknown", 63, {0, 0, 0, 0}, {ERROR(ENOSYS), ERROR(ENOSYS), ERROR(ENOSYS), ERROR(ENOSYS)}},
};

static void place_pointers(struct call *call)
{
    for (unsigned int i = 0; i < ARGUMENTS; i++) {
        if (call->good[i] == LIST)
            call->good[i] = va_of(list);
        else if (call->good[i] == RESULT)
            call->good[i] = va_of(result);
    }
}

/* The page behind the list is taken out of the linear map. */
static void make_pages(void)
{
    uint64_t *behind;

    do {
        list = page_alloc();
        behind = list + 512;
    } while (virt_to_pfn(behind) >= start_info->m2p_pages);
    while (page_alloc() != behind)
        ;
    result = page_alloc();
    if (hyp_update_va_mapping(behind, 0, UVMF_INVLPG) != 0)
        guest_crash();
}

static void run_current(void) { try_call_with_all(); }

void guest_main(void)
{
    static struct test_case cases[ARRAY_SIZE(calls)];

    (void)assist_set(true);
    make_pages();
    rig_make(&rig);
    for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
        place_pointers(&calls[i]);
        cases[i] = (struct test_case){calls[i].name, run_current, false};
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
        current = &calls[i];
        cases_run(&cases[i], 1);
    }
}

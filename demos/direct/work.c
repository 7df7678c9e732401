/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's honest work. Each part checks what EL0 sees and that every page comes back. */
#include "common/print.h"
#include "common/string.h"
#include "demo.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"

#define SPACES      4
#define SPACE_PAGES 64
#define FORK_PAGES  128
#define MAX_FORKS   16
#define SWITCHES    200

#define RANGE_VA     (HEAP_VA + (UINT64_C(1) << 21))
#define RANGE_PAGES  200
#define RANGE_ROUNDS 4

/* What user_sum() finds after user_fill(va, pages, first). */
static uint64_t sum_of(uint64_t pages, uint64_t first)
{
    return 2 * (pages * first + pages * (pages - 1) / 2);
}

static void fill(struct process *p, uint64_t va, uint64_t pages, uint64_t first)
{
    if (!process_run(p, user_fill, va, pages, first))
        demo_failed("a program that fills its memory faulted", p->user.far, p->user.esr);
}

static void check_sum(struct process *p, uint64_t va, uint64_t pages, uint64_t wanted)
{
    if (!process_run(p, user_sum, va, pages, 0))
        demo_failed("a program that reads its memory faulted", p->user.far, p->user.esr);
    demo_check(p->user.x[2], wanted, "the sum that EL0 sees");
}

void work_strict(void)
{
    struct space space;
    struct user user;
    uint64_t *page = page_alloc();
    void *code = page_alloc();

    user_install(code);
    space_create(&space, 1);
    space_map(&space, TEXT_VA, entry_page(code, PAGE_USER_TEXT));
    space_map(&space, HEAP_VA, entry_page(page, PAGE_USER));
    space_load(&space);
    if (!user_call(&user, TEXT_VA, user_store, HEAP_VA, 4711, 0))
        demo_failed("EL0 faulted", user.far, user.esr);
    demo_check(page[0], 4711, "the word that EL0 stored");
    space_load(NULL);
    space_destroy(&space, NULL);
    page_free(page);
    page_free(code);
    print("direct: start: an address space built by hypercalls, used by EL0 and taken down\n");
}

void work_spaces(void)
{
    static struct process process[SPACES];
    uint64_t before = pages_free();
    struct fault_counts start = faults;

    for (unsigned int i = 0; i < SPACES; i++) {
        process_create(&process[i], (uint16_t)(i + 1));
        fill(&process[i], HEAP_VA, SPACE_PAGES, 1000 * i);
    }
    for (unsigned int i = 0; i < SPACES; i++)
        check_sum(&process[i], HEAP_VA, SPACE_PAGES, sum_of(SPACE_PAGES, 1000 * i));
    for (unsigned int i = 0; i < SPACES; i++)
        process_exit(&process[i]);
    demo_check(faults.zeroed - start.zeroed, SPACES * SPACE_PAGES, "pages made on first touch");
    demo_check(pages_free(), before, "free pages after the programs ended");
    print("direct: spaces: %u address spaces, %lu pages made when EL0 touched them, all freed\n",
          SPACES, faults.zeroed - start.zeroed);
}

/* Loops over many entries of a live table, as for mmap, mprotect and munmap. */
void work_ranges(void)
{
    static struct process process;
    static uint64_t *page[RANGE_PAGES];
    uint64_t before = pages_free();
    uint64_t *entry;

    process_create(&process, 1);
    fill(&process, HEAP_VA, 1, 0);
    entry = space_entry(&process.space, RANGE_VA, 3);
    for (unsigned int i = 0; i < RANGE_PAGES; i++) {
        page[i] = page_alloc();
        page[i][0] = page[i][1] = 3 + i;
    }
    for (unsigned int round = 0; round < RANGE_ROUNDS; round++) {
        for (unsigned int i = 0; i < RANGE_PAGES; i++)
            entry_write(&entry[i], entry_page(page[i], PAGE_USER));
        tables_written();
        check_sum(&process, RANGE_VA, RANGE_PAGES, sum_of(RANGE_PAGES, 3));
        for (unsigned int i = 0; i < RANGE_PAGES; i++)
            entry_write(&entry[i], entry[i] | ENTRY_RO);
        tlbi_all();
        demo_check(process_run(&process, user_store, RANGE_VA + PAGE_SIZE, 0, 0), false,
                   "a store to a page that was made read-only");
        for (unsigned int i = 0; i < RANGE_PAGES; i++)
            entry_write(&entry[i], 0);
        tlbi_all();
    }
    process_exit(&process);
    for (unsigned int i = 0; i < RANGE_PAGES; i++) {
        demo_check(page[i][0], 3 + i, "a word of a page that was read-only");
        page_free(page[i]);
    }
    demo_check(pages_free(), before, "free pages after the ranges");
    print("direct: ranges: %u times %u pages mapped, made read-only and unmapped\n", RANGE_ROUNDS,
          RANGE_PAGES);
}

/* Each child writes to half of what it shares with its parent. */
void work_fork(unsigned int children)
{
    static struct process parent, child[MAX_FORKS];
    uint64_t half = FORK_PAGES / 2;
    uint64_t before = pages_free();
    struct fault_counts start = faults;

    if (children > MAX_FORKS)
        children = MAX_FORKS;
    process_create(&parent, 1);
    fill(&parent, HEAP_VA, FORK_PAGES, 7);
    for (unsigned int i = 0; i < children; i++)
        process_fork(&child[i], &parent, (uint16_t)(i + 2));
    for (unsigned int i = 0; i < children; i++)
        fill(&child[i], HEAP_VA, half, 100000 * (i + 1));
    fill(&parent, HEAP_VA + half * PAGE_SIZE, half, 500);
    for (unsigned int i = 0; i < children; i++)
        check_sum(&child[i], HEAP_VA, FORK_PAGES,
                  sum_of(half, 100000 * (i + 1)) + sum_of(half, 7 + half));
    check_sum(&parent, HEAP_VA, FORK_PAGES, sum_of(half, 7) + sum_of(half, 500));
    for (unsigned int i = 0; i < children; i++)
        process_exit(&child[i]);
    fill(&parent, HEAP_VA, FORK_PAGES, 9);
    check_sum(&parent, HEAP_VA, FORK_PAGES, sum_of(FORK_PAGES, 9));
    process_exit(&parent);
    demo_check(pages_free(), before, "free pages after the family ended");
    print(
        "direct: fork: %u children of %u pages, %lu pages copied on write, %lu kept by the last\n",
        children, FORK_PAGES, faults.copied - start.copied, faults.reused - start.reused);
}

/* Live spaces by turns, with the timer running: each turn touches a page that was not there. */
void work_switch(void)
{
    static struct process process[SPACES];
    uint64_t ticks = timer_ticks;

    for (unsigned int i = 0; i < SPACES; i++)
        process_create(&process[i], (uint16_t)(i + 1));
    timer_every(500);
    interrupts_on();
    for (unsigned int i = 0; i < SWITCHES; i++) {
        struct process *p = &process[i % SPACES];

        fill(p, HEAP_VA + i / SPACES * PAGE_SIZE, 1, i);
        if (!process_run(p, user_spin, 2000, 0, 0))
            demo_failed("a spinning program faulted", p->user.far, p->user.esr);
    }
    /* On a busy machine all of that may be over before its first tick. */
    for (uint64_t end = timer_now() + timer_ms(10000); timer_ticks == ticks && timer_now() < end;)
        ;
    interrupts_off();
    timer_every(0);
    for (unsigned int i = 0; i < SPACES; i++) {
        uint64_t turns = SWITCHES / SPACES;

        /* Page n of space i holds i + n * SPACES, twice. */
        check_sum(&process[i], HEAP_VA, turns,
                  2 * (turns * i + SPACES * (turns * (turns - 1) / 2)));
        process_exit(&process[i]);
    }
    if (timer_ticks == ticks)
        demo_failed("no timer interrupt came", 0, 1);
    print("direct: switch: %u switches among %u address spaces, under timer interrupts\n", SWITCHES,
          SPACES);
}

/* --- Every hypercall once --------------------------------------------------------------------- */

static void memory_calls(void)
{
    void *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page);
    struct xen_memory_reservation r = {
        .extent_start = va_of(&mfn), .nr_extents = 1, .domid = DOMID_SELF};

    demo_check((uint64_t)hyp_update_va_mapping(page, 0, UVMF_INVLPG), 0, "update_va_mapping");
    demo_check((uint64_t)hyp_memory_op(XENMEM_decrease_reservation, &r), 1, "decrease_reservation");
    demo_check((uint64_t)hyp_memory_op(XENMEM_current_reservation, NULL), start_info->nr_pages - 1,
               "current_reservation");
    demo_check((uint64_t)hyp_memory_op(XENMEM_maximum_reservation, NULL), start_info->nr_pages,
               "maximum_reservation");
    demo_check((uint64_t)hyp_memory_op(XENMEM_increase_reservation, &r), 1, "increase_reservation");
    ((uint64_t *)(uintptr_t)start_info->mfn_list)[virt_to_pfn(page)] = mfn;
    page_protect(page, true);
    page_free(page);
}

void work_hypercalls(void)
{
    char extra[16];
    uint8_t handle[16];
    struct space space;

    demo_check((uint64_t)hyp_xen_version(XENVER_version, NULL), 3 << 16, "xen_version");
    demo_check((uint64_t)hyp_xen_version(XENVER_extraversion, extra), 0, "extraversion");
    demo_check((uint64_t)strcmp(extra, "-latch"), 0, "the version's name");
    demo_check((uint64_t)hyp_xen_version(XENVER_pagesize, NULL), PAGE_SIZE, "pagesize");
    demo_check((uint64_t)hyp_xen_version(XENVER_guest_handle, handle), 0, "guest_handle");
    demo_check((uint64_t)hyp_vcpu_op(VCPUOP_is_up, 0, NULL), 1, "vcpu_op is_up");
    demo_check((uint64_t)hyp_sched_op(SCHEDOP_yield, NULL), 0, "sched_op yield");
    memory_calls();
    space_create(&space, 9);
    space_pin(&space);
    demo_check((uint64_t)hyp_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(space.root)), 0,
               "new_user_baseptr");
    space_load(NULL);
    space_destroy(&space, NULL);
    demo_check((uint64_t)hyp_mmuext(MMUEXT_NEW_BASEPTR,
                                    virt_to_mfn((void *)(uintptr_t)start_info->pt_base)),
               0, "new_baseptr");
    demo_check((uint64_t)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0), 0, "tlb_flush_all");
    demo_check((uint64_t)hyp_mmuext(MMUEXT_INVLPG_ALL, HEAP_VA), 0, "invlpg_all");
    print("direct: hypercalls: xen_version %s, vcpu_op, sched_op, memory_op, mmuext_op answered\n",
          extra);
}

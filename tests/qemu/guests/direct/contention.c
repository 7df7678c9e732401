/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vCPUs that store to the same entries of one live page table at once, and one that changes the
 * instruction that another stores with. Nothing may be lost, doubled or made up.
 */
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"
#include "direct/table.h"
#include "direct/user.h"
#include "direct/worker.h"

#define SHARED_VA UINT64_C(0x50000000) /* what the table maps, in all spaces */
#define CODE_VA   UINT64_C(0x40000000)
#define ROUNDS    150u
#define EMPTY(n)  ((uint64_t)(n) << 32 | 0xf0)

#define STP_X1_X1 0xa9000401
#define STP_X2_X2 0xa9000802 /* differs in two of its bytes */
#define RET       0xd65f03c0

static uint64_t *table;
static uint32_t *text;
static bool stop;

/* A walk through the table now and then: an open one comes back. */
static void look(unsigned int round)
{
    if (round % 8 == 0 && *(volatile uint64_t *)SHARED_VA == 0)
        PUT(stop, false);
}

/* --- The same entry ----------------------------------------------------------------------------
 */

static void add_and_lose(struct worker *me)
{
    (void)me;
    for (unsigned int i = 0; i < ROUNDS; i++) {
        __asm__ volatile("1: ldxr x9, [%0]\n add x9, x9, #2\n stxr w10, x9, [%0]\n cbnz w10, 1b"
                         :
                         : "r"(&table[100])
                         : "x9", "x10", "memory");
        look(i);
    }
}

static void add_and_keep(struct worker *me)
{
    (void)me;
    for (unsigned int i = 0; i < ROUNDS; i++) {
        __asm__ volatile("1: ldaxr x9, [%0]\n add x11, x9, #2\n stlxr w10, x11, [%0]\n cbnz w10, 1b"
                         :
                         : "r"(&table[100])
                         : "x9", "x10", "x11", "memory");
        look(i);
    }
}

static void add_half(struct worker *me)
{
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint8_t *half = (uint8_t *)&table[100] + (me->id % 2 != 0 ? 4 : 0);

        __asm__ volatile("1: ldxr w9, [%0]\n add w9, w9, #2\n stxr w10, w9, [%0]\n cbnz w10, 1b"
                         :
                         : "r"(half)
                         : "x9", "x10", "memory");
        look(i);
    }
}

static void add_at_once(struct worker *me)
{
    (void)me;
    for (unsigned int i = 0; i < ROUNDS; i++) {
        __asm__ volatile(".arch_extension lse\n ldaddal %1, x9, [%0]"
                         :
                         : "r"(&table[100]), "r"(UINT64_C(2))
                         : "x9", "memory");
        look(i);
    }
}

static uint64_t sum_of(job_fn job)
{
    table[100] = 0;
    measure_start();
    expect(workers_run(job), "a worker did not end");
    measure_stop();
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    return table[100];
}

static void case_add_and_lose(void)
{
    expect_equal(sum_of(add_and_lose), UINT64_C(2) * ROUNDS * nr_workers, "the sum");
}

static void case_add_and_keep(void)
{
    expect_equal(sum_of(add_and_keep), UINT64_C(2) * ROUNDS * nr_workers, "the sum");
}

static void case_add_half(void)
{
    uint64_t odd = nr_workers / 2, even = nr_workers - odd;

    expect_equal(sum_of(add_half), 2 * ROUNDS * (odd << 32 | even), "the two sums");
}

static void case_add_at_once(void)
{
    if ((read_sysreg(id_aa64isar0_el1) >> 20 & 0xf) < 2)
        return; /* no such instruction */
    expect_equal(sum_of(add_at_once), UINT64_C(2) * ROUNDS * nr_workers, "the sum");
}

/* --- The same entries, other bytes -------------------------------------------------------------
 */

/* The last byte of one entry and the first of the next; these two are also others' entries. */
static void store_across(struct worker *me)
{
    volatile uint8_t *at = (volatile uint8_t *)&table[200 + me->id] + 7;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint32_t value = i % 100 * 0x0202;

        __asm__ volatile("strh %w1, [%0]" ::"r"(at), "r"(value) : "memory");
        if (at[0] != (uint8_t)value || at[1] != (uint8_t)(value >> 8))
            me->wrong++;
        look(i);
    }
}

static void store_byte(struct worker *me)
{
    volatile uint8_t *at = (volatile uint8_t *)&table[300] + 1 + me->id;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        *at = (uint8_t)i;
        if (*at != (uint8_t)i)
            me->wrong++;
        look(i);
    }
}

static void case_store_across(void)
{
    expect(workers_run(store_across), "a worker found another value than its own");
}

static void case_store_byte(void)
{
    expect(workers_run(store_byte), "a worker found another value than its own");
}

/* --- The instruction changes -------------------------------------------------------------------
 */

static void change_text(struct worker *me)
{
    while (!GET(stop)) {
        __atomic_store_n(&text[0], me->rounds++ % 2 != 0 ? STP_X1_X1 : STP_X2_X2, __ATOMIC_RELAXED);
        sync_instructions(text, 8);
    }
}

static void run_text(uint64_t *at, uint64_t first, uint64_t second)
{
    register uint64_t x0 __asm__("x0") = va_of(at);
    register uint64_t x1 __asm__("x1") = first;
    register uint64_t x2 __asm__("x2") = second;

    __asm__ volatile("blr %3" : "+r"(x0) : "r"(x1), "r"(x2), "r"(CODE_VA) : "x30", "memory");
}

static void case_text_changes(void)
{
    /* One CPU may run alone for long. */
    uint64_t end = timer_now() + timer_ms(2000);
    uint64_t seen[2] = {0, 0};

    text[0] = STP_X1_X1;
    text[1] = RET;
    sync_instructions(text, 8);
    PUT(stop, false);
    worker_give(&workers[1], change_text);
    for (unsigned int i = 0;
         i < 20 * ROUNDS || ((seen[0] == 0 || seen[1] == 0) && timer_now() < end); i++) {
        run_text(&table[400], EMPTY(2 * i + 1), EMPTY(2 * i + 2));
        expect_equal(table[400], table[401], "two entries stored as one");
        expect(table[400] == EMPTY(2 * i + 1) || table[400] == EMPTY(2 * i + 2), "another value");
        seen[table[400] == EMPTY(2 * i + 1)]++;
    }
    PUT(stop, true);
    expect(worker_wait(&workers[1]), "the worker did not end");
    expect(seen[0] != 0 && seen[1] != 0, "the text did not change");
}

static const struct test_case cases[] = {
    {"add-and-lose", case_add_and_lose, false}, {"add-and-keep", case_add_and_keep, false},
    {"add-half", case_add_half, false},         {"add-at-once", case_add_at_once, false},
    {"store-across", case_store_across, false}, {"store-byte", case_store_byte, false},
    {"text-changes", case_text_changes, false},
};

void guest_main(void)
{
    uint64_t *page = page_alloc();

    (void)assist_set(true);
    workers_init();
    table = table_alloc();
    text = page_alloc();
    page[0] = 1;
    table[0] = entry_page(page, PAGE_PRIVATE);
    for (unsigned int i = 0; i < nr_workers; i++)
        entry_write(space_entry(&workers[i].space, SHARED_VA, 2), entry_table(table));
    space_map(&workers[0].space, CODE_VA, entry_page(text, PAGE_PRIVATE_TEXT));
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    for (unsigned int i = 1; i < nr_workers; i++)
        expect(worker_up(&workers[i]), "it runs");
    cases_run(cases, ARRAY_SIZE(cases));
}

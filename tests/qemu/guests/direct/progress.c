/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores that need the very table they are written to, or two tables at once: each must come to an
 * end, with the right contents or with an abort that says why not.
 */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/user.h"

#define NEW      5
#define NEW_VA   RIG_PAGE_VA(NEW)
#define TURNS    20
#define FEW      8
#define LONG     300
#define EMPTY(n) ((uint64_t)(n) << 32 | 0xf0) /* an invalid entry */

static struct rig rig;

/* Maps page n of the rig at NEW_VA; nothing is open afterwards. */
static void map_new(unsigned int n, uint64_t attributes)
{
    entry_write(&rig.level3[NEW], entry_page(rig.page[n], attributes));
    tables_written();
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
}

static uint64_t call(uint64_t va, uint64_t a, uint64_t b)
{
    struct try_result result = try_call((uint64_t(*)(uint64_t, uint64_t))va, a, b);

    expect(result.faulted == 0, "the call faulted");
    return result.value;
}

/* The store's own instruction lies behind the table that it writes. */
static void code(void)
{
    uint32_t *text = (uint32_t *)(void *)rig.page[1];

    text[0] = 0xf9000001; /* str x1, [x0] */
    text[1] = 0xd65f03c0; /* ret */
    sync_instructions(text, 8);
    map_new(1, PAGE_PRIVATE_TEXT);
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++)
        (void)call(NEW_VA, va_of(&rig.level3[100 + i]), EMPTY(i));
    measure_stop();
    for (unsigned int i = 0; i < TURNS; i++)
        expect_equal(rig.level3[100 + i], EMPTY(i), "an entry");
}

/* Each store to the table is followed by a push to a stack behind it. */
static void stack(void)
{
    uint64_t top = NEW_VA + PAGE_SIZE;

    map_new(1, PAGE_PRIVATE);
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        __asm__ volatile("mov x9, sp\n"
                         "mov sp, %0\n"
                         "str %1, [%2]\n"
                         "stp %1, %2, [sp, #-16]!\n"
                         "mov sp, x9" ::"r"(top - 16 * i),
                         "r"(EMPTY(i)), "r"(&rig.level3[100 + i])
                         : "x9", "memory");
    }
    measure_stop();
    for (unsigned int i = 0; i < TURNS; i++) {
        expect_equal(rig.level3[100 + i], EMPTY(i), "an entry");
        expect_equal(rig.page[1][510 - 2 * i], EMPTY(i), "a word of the stack");
    }
}

/* The table maps itself and is written through that mapping. */
static void map_self(void)
{
    entry_write(&rig.level3[NEW], entry_page(rig.level3, PAGE_PRIVATE));
    tables_written();
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    expect_equal(peek(NEW_VA), rig.level3[0], "the table through itself");
}

static void unmap_self(void)
{
    struct mmu_update update = {.ptr = virt_to_machine(&rig.level3[NEW]), .val = 0};

    expect_equal((uint64_t)hyp_mmu_update(&update, 1, NULL), 0, "unmapping the table");
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
}

static void self(void)
{
    map_self();
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++)
        poke(NEW_VA + (uint64_t)(100 + i) * 8, EMPTY(i));
    measure_stop();
    for (unsigned int i = 0; i < TURNS; i++)
        expect_equal(rig.level3[100 + i], EMPTY(i), "an entry");
    unmap_self();
}

/* A mapping written through the mapping it replaces, by the instruction before its use. */
static void self_remap(void)
{
    map_self();
    measure_start();
    poke(NEW_VA + 8 * 6, entry_page(rig.page[2], PAGE_PRIVATE));
    tables_written();
    expect_equal(peek(RIG_PAGE_VA(6)), RIG_MARK(2), "the word behind the new mapping");
    measure_stop();
    unmap_self();
}

/* Two entries at once; 64 bytes; a part of two entries. */
static uint64_t store_pair(uint64_t va, uint64_t value)
{
    __asm__ volatile("stp %1, %1, [%0]" ::"r"(va), "r"(value) : "memory");
    return 0;
}

static uint64_t zero_block(uint64_t va, uint64_t unused)
{
    (void)unused;
    __asm__ volatile("dc zva, %0" ::"r"(va) : "memory");
    return 0;
}

static uint64_t store_unaligned(uint64_t va, uint64_t value)
{
    __asm__ volatile("str %1, [%0]" ::"r"(va), "r"(value) : "memory");
    return 0;
}

/* The same by stores in several pieces: what the first piece has seen to holds for the others. */
static void self_pieces(void)
{
    map_self();
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        uint64_t at = 100 + 2 * i;

        expect(try_call(store_pair, NEW_VA + at * 8, EMPTY(i)).faulted == 0, "STP faulted");
        expect_equal(rig.level3[at], EMPTY(i), "the first entry");
        expect_equal(rig.level3[at + 1], EMPTY(i), "the second entry");
    }
    expect(try_call(store_unaligned, NEW_VA + 300 * 8 + 3, EMPTY(2)).faulted == 0,
           "the unaligned store faulted");
    expect_equal(rig.level3[300], EMPTY(2) << 24, "the first of its entries");
    expect_equal(rig.level3[301], EMPTY(2) >> 40, "the second of its entries");
    expect(try_call(zero_block, NEW_VA + 128 * 8, 0).faulted == 0, "DC ZVA faulted");
    for (unsigned int i = 128; i < 136; i++)
        expect_equal(rig.level3[i], 0, "an entry of the block");
    measure_stop();
    unmap_self();
}

/* What it loaded is lost when it stores. */
static uint64_t exclusive_add(uint64_t va, uint64_t unused)
{
    (void)unused;
    __asm__ volatile("1: ldxr x9, [%0]\n"
                     "add x9, x9, #2\n"
                     "stxr w11, x9, [%0]\n"
                     "cbnz w11, 1b" ::"r"(va)
                     : "x9", "x11", "memory");
    return 0;
}

static void self_exclusive(void)
{
    map_self();
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++)
        expect(try_call(exclusive_add, NEW_VA + 2048, 0).faulted == 0, "it faulted");
    measure_stop();
    expect_equal(rig.level3[256], 2 * TURNS, "the entry");
    unmap_self();
}

static uint64_t exclusive_with_load(uint64_t va, uint64_t unused)
{
    (void)unused;
    __asm__ volatile("1: ldxr x9, [%0]\n"
                     "ldr x10, [%0, #8]\n"
                     "add x9, x9, #2\n"
                     "stxr w11, x9, [%0]\n"
                     "cbnz w11, 1b" ::"r"(va)
                     : "x9", "x10", "x11", "memory");
    return 0;
}

/* Neither emulated nor batched: an abort, not a loop. */
static void self_hopeless(void)
{
    struct try_result result;

    map_self();
    measure_start();
    result = try_call(exclusive_with_load, NEW_VA + 2048, 0);
    expect(result.faulted != 0, "it came back without a fault");
    expect(fsc_is_permission(ESR_FSC(try_fault.esr)), "not a permission fault");
    expect_refused(LATCH_RULE_UNALIGNED);
    measure_stop();
    expect_equal(rig.level3[256], 0, "the entry");
    unmap_self();
}

/* Two tables by turns: with one slot each store takes the other's. */
static void ping_pong(void)
{
    uint64_t *other = space_entry(&rig.space, RIG_TEXT, 3);

    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        entry_write(&rig.level3[100 + i], EMPTY(i));
        entry_write(&other[100 + i], EMPTY(i + 1));
    }
    measure_stop();
    for (unsigned int i = 0; i < TURNS; i++) {
        expect_equal(rig.level3[100 + i], EMPTY(i), "an entry");
        expect_equal(other[100 + i], EMPTY(i + 1), "an entry of the other");
    }
}

/* One store of 8 bytes to two tables. */
static void two_tables(void)
{
    uint64_t *a = rig_table(rig.page[1]), *b = rig_table(rig.page[2]);

    entry_write(&rig.level2[50], entry_table(a));
    entry_write(&rig.level2[51], entry_table(b));
    kernel_map(KERNEL_BASE, entry_page(a, PAGE_KERNEL));
    kernel_map(KERNEL_BASE + PAGE_SIZE, entry_page(b, PAGE_KERNEL));
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        uint64_t value = UINT64_C(0x1222324452627200) + 2 * i;

        expect(try_call(store_unaligned, KERNEL_BASE + PAGE_SIZE - 4, value).faulted == 0,
               "it faulted");
    }
    measure_stop();
    expect_equal(a[511], UINT64_C(0x5262720000000000) + ((uint64_t)(2 * (TURNS - 1)) << 32),
                 "the last entry of the first");
    expect_equal(b[0], 0x12223244, "the first entry of the second");
    kernel_map(KERNEL_BASE, 0);
    kernel_map(KERNEL_BASE + PAGE_SIZE, 0);
}

/* A store of what is there already: the batch finds nothing. */
static void no_change(void)
{
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        entry_write(&rig.level3[0], rig.level3[0]);
        expect_equal(peek(RIG_VA), RIG_MARK(0), "the word loaded");
    }
    measure_stop();
}

static uint64_t store_vector(uint64_t va, uint64_t value)
{
    __asm__ volatile("dup v0.2d, %1\n str q0, [%0]" ::"r"(va), "r"(value) : "memory");
    return 0;
}

/*
 * The same for stores that cannot be emulated: each is performed, none is taken for one that makes
 * no progress.
 */
static void no_change_vector(void)
{
    uint64_t va = va_of(&rig.level3[100]);

    measure_start();
    for (unsigned int i = 0; i < FEW; i++) {
        expect(try_call(store_vector, va, EMPTY(1)).faulted == 0, "a store faulted");
        expect_equal(peek(RIG_VA), RIG_MARK(0), "the word loaded");
    }
    measure_stop();
    expect_equal(rig.level3[101], EMPTY(1), "the entry");
}

/* One program place that writes many entries, and one that writes one between two walks. */
static void long_run(void)
{
    measure_start();
    for (unsigned int i = 0; i < LONG; i++)
        entry_write(&rig.level3[100 + i], EMPTY(i));
    measure_stop();
    for (unsigned int i = 0; i < LONG; i++)
        expect_equal(rig.level3[100 + i], EMPTY(i), "an entry");
}

static void singles(void)
{
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        entry_write(&rig.level3[NEW], entry_page(rig.page[i % RIG_PAGES], PAGE_PRIVATE));
        tlbi_page(NEW_VA);
        expect_equal(peek(NEW_VA), RIG_MARK(i % RIG_PAGES), "the word loaded");
        (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, NEW_VA);
    }
    measure_stop();
}

RIG_CASE(code)
RIG_CASE(stack)
RIG_CASE(self)
RIG_CASE(self_remap)
RIG_CASE(self_pieces)
RIG_CASE(self_exclusive)
RIG_CASE(self_hopeless)
RIG_CASE(ping_pong)
RIG_CASE(two_tables)
RIG_CASE(no_change)
RIG_CASE(no_change_vector)
RIG_CASE(long_run)
RIG_CASE(singles)

static const struct test_case cases[] = {
    {"code", case_code, false},
    {"stack", case_stack, false},
    {"self", case_self, false},
    {"self-remap", case_self_remap, false},
    {"self-pieces", case_self_pieces, false},
    {"self-exclusive", case_self_exclusive, false},
    {"self-hopeless", case_self_hopeless, false},
    {"ping-pong", case_ping_pong, false},
    {"two-tables", case_two_tables, false},
    {"no-change", case_no_change, false},
    {"no-change-vector", case_no_change_vector, false},
    {"long-run", case_long_run, false},
    {"singles", case_singles, false},
};

void guest_main(void)
{
    (void)assist_set(true);
    cases_run(cases, ARRAY_SIZE(cases));
}

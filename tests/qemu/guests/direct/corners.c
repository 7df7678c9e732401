/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores that are half a page table's, and code that is hard to read: each ends as on a machine
 * without Latch, or with a fault that says why not.
 */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/user.h"

#define WINDOW   RIG_PAGE_VA(100) /* a table; behind it, what the case wants */
#define BEHIND   (WINDOW + PAGE_SIZE)
#define CODE     RIG_PAGE_VA(200)
#define LINK     9
#define EMPTY(n) ((uint64_t)(n) << 32 | 0xf0)
#define TURNS    12

/* Instructions; registers as in a call with (x0, x1). */
#define RET       0xd65f03c0
#define NOP       0xd503201f
#define STR_X1    0xf9000001 /* str x1, [x0] */
#define STR_X2    0xf9000002 /* str x2, [x0]: even, as page table entries are here */
#define STP_X1_X1 0xa9000401 /* stp x1, x1, [x0] */
#define MOV_X2_X1 0xaa0103e2
#define LDXR_X9   0xc85f7c09 /* ldxr x9, [x0] */
#define STXR_X1   0xc80a7c01 /* stxr w10, x1, [x0] */
#define RETRY     0x35ffffca /* cbnz w10, .-8 */

static struct rig rig;
static uint64_t *table;
static uint32_t *text;

/* --- Stores across the end of the table --------------------------------------------------------
 */

#define STORE(name, instruction)                                                                   \
    static uint64_t name(uint64_t va, uint64_t value)                                              \
    {                                                                                              \
        __asm__ volatile("\n" instruction ::"r"(va), "r"(value) : "memory");                       \
        return 0;                                                                                  \
    }
STORE(store_x, "str %1, [%0, #-4]")
STORE(store_pair, "stp %1, %1, [%0, #-8]!")
STORE(store_quad, "dup v0.2d, %1\n str q0, [%0, #-8]!")
static uint64_t (*const across[])(uint64_t, uint64_t) = {store_x, store_pair, store_quad};

/* The store is not performed, in no part, and the fault is of the page behind the table. */
static void expect_fault_behind(bool (*is_kind)(unsigned int))
{
    for (size_t i = 0; i < ARRAY_SIZE(across); i++) {
        uint64_t before = table[511];
        struct try_result result = try_call(across[i], BEHIND, EMPTY(i));

        expect(result.faulted != 0, "the store came back without a fault");
        expect(is_kind(ESR_FSC(try_fault.esr)), "the fault is of another kind");
        expect_equal(try_fault.far, BEHIND, "FAR_EL1");
        expect_equal(table[511], before, "the table's last entry");
    }
}

static bool is_translation(unsigned int fsc) { return fsc_is_translation(fsc); }
static bool is_permission(unsigned int fsc) { return fsc_is_permission(fsc); }

static void map_behind(uint64_t entry)
{
    entry_write(&rig.level3[101], entry);
    tables_written();
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
}

static void behind_is_nothing(void)
{
    measure_start();
    expect_fault_behind(is_translation);
    measure_stop();
}

static void behind_is_readonly(void)
{
    map_behind(entry_page(rig.page[2], PAGE_PRIVATE | ENTRY_RO));
    expect_fault_behind(is_permission);
    expect_equal(rig.page[2][0], RIG_MARK(2), "the page's first word");
}

static void behind_is_m2p(void)
{
    map_behind(pfn_to_mfn(start_info->m2p_pages) << PAGE_SHIFT | PAGE_PRIVATE | ENTRY_RO);
    expect_fault_behind(is_permission);
}

/* A page that was given away is nobody's, and the entry that named it was refused. */
static void behind_is_anothers(void)
{
    expect(!try_store(&rig.level3[101], foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE) ||
               hyp_mmuext(MMUEXT_INVLPG_LOCAL, RIG_VA) == 0,
           "the entry");
    expect_refused(LATCH_RULE_OWNER);
    expect_equal(rig.level3[101] & ENTRY_VALID, 0, "the entry's valid bit");
    expect_fault_behind(is_translation);
}

/*
 * Half of a device register is written by nobody. Not by one register: to Device memory that is an
 * alignment fault, which QEMU has not, and the syndrome then tells of an aligned store.
 */
static void behind_is_a_device(void)
{
    volatile uint32_t *gicd = (volatile uint32_t *)(uintptr_t)BEHIND;
    uint32_t before;

    map_behind(start_info->gicd | PAGE_DEVICE | ENTRY_NG);
    before = *gicd;
    for (size_t i = 1; i < ARRAY_SIZE(across); i++) {
        uint64_t entry = table[511];

        expect(try_call(across[i], BEHIND, EMPTY(i)).faulted != 0, "no fault");
        expect_equal(table[511], entry, "the table's last entry");
        expect_equal(*gicd, before, "GICD_CTLR");
    }
}

/* The second table is an ancestor of the first; both are stored to. */
static void behind_is_a_parent(void)
{
    uint64_t first = rig.level2[0];

    map_behind(entry_page(rig.level2, PAGE_PRIVATE));
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        expect(try_call(store_x, BEHIND, (first & UINT32_MAX) << 32).faulted == 0, "a fault");
        expect_equal(rig.level2[0], first, "the parent's first entry");
        expect_equal(table[511], 0, "the table's last entry");
        expect_equal(peek(RIG_VA), RIG_MARK(0), "what it maps");
    }
    measure_stop();
    map_behind(0);
}

/* Two entries, the second of which may not be. */
static uint64_t store_good_and_bad(uint64_t va, uint64_t bad)
{
    register uint64_t x0 __asm__("x0") = va;

    __asm__ volatile("fmov d0, %1\n ins v0.d[1], %2\n str q0, [%0, #16]!"
                     : "+r"(x0)
                     : "r"(EMPTY(7)), "r"(bad)
                     : "memory");
    return x0;
}

/* A store in pieces ends with the one that is refused: a fault, the base as it was. */
static void refused_in_the_middle(void)
{
    uint64_t bad = foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE;
    struct try_result result;

    measure_start();
    result = try_call(store_good_and_bad, WINDOW + 64, bad);
    measure_stop();
    (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, RIG_VA);
    expect_refused(LATCH_RULE_OWNER);
    expect_equal(table[10], EMPTY(7), "the good entry");
    if (result.faulted != 0) {
        expect(fsc_is_permission(ESR_FSC(try_fault.esr)), "not a permission fault");
        expect_equal(try_fault.x[0], WINDOW + 64, "the base");
        expect_equal(table[11], 0, "the bad entry");
    } else {
        expect_equal(result.value, WINDOW + 80, "the base, written back");
        expect_equal(table[11], bad & ~ENTRY_VALID, "the bad entry in a batch");
    }
}

/* --- Addresses with a tag ----------------------------------------------------------------------
 */

static uint64_t write_tcr(uint64_t value, uint64_t unused)
{
    (void)unused;
    write_sysreg(value, tcr_el1);
    isb();
    return 0;
}

static uint64_t store_plain(uint64_t va, uint64_t value)
{
    __asm__ volatile("str %1, [%0], #8\n"
                     "stp %1, %1, [%0], #16\n"
                     "1: ldxr x9, [%0]\n stxr w10, %1, [%0]\n cbnz w10, 1b\n"
                     "str %1, [%0, #11]"
                     : "+r"(va)
                     : "r"(value)
                     : "x9", "x10", "memory");
    return va;
}

static void tagged(void)
{
    uint64_t tcr = read_sysreg(tcr_el1), va = (WINDOW + 256) | UINT64_C(0xa5) << 56;
    struct try_result result;

    expect(try_call(write_tcr, tcr | BIT64(37), 0).faulted == 0, "TCR_EL1.TBI0");
    measure_start();
    result = try_call(store_plain, va, EMPTY(0x12));
    measure_stop();
    expect(result.faulted == 0, "a store faulted");
    expect_equal(result.value, va + 24, "the base, written back");
    for (unsigned int i = 32; i < 36; i++)
        expect_equal(table[i], EMPTY(0x12), "an entry");
    expect_equal(table[36], EMPTY(0x12) << 24, "the first of the unaligned store's");
    expect_equal(table[37], EMPTY(0x12) >> 40, "the second of the unaligned store's");
    /* Without it a tag is an address that nobody can have. */
    expect(try_call(write_tcr, tcr, 0).faulted == 0, "TCR_EL1");
    expect(try_call(store_plain, va, EMPTY(0x13)).faulted != 0, "no fault without TBI");
    expect_equal(table[32], EMPTY(0x12), "the entry afterwards");
}

/* --- Code --------------------------------------------------------------------------------------
 */

static void set_text(unsigned int at, const uint32_t *words, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        text[at + i] = words[i];
    sync_instructions(text, PAGE_SIZE);
}

static struct try_result run_code(uint64_t va, uint64_t x0, uint64_t x1)
{
    return try_call((uint64_t(*)(uint64_t, uint64_t))va, x0, x1);
}

/* The last instruction of a page stores; the next page is there, or is not. */
static void end_of_page(void)
{
    static const uint32_t last[] = {MOV_X2_X1, STP_X1_X1};
    static const uint32_t next[] = {RET};
    uint32_t *second = page_alloc();

    set_text(1022, last, 2);
    memcpy(second, next, sizeof(next));
    sync_instructions(second, 4);
    entry_write(&rig.level3[201], entry_page(second, PAGE_PRIVATE_TEXT));
    tables_written();
    measure_start();
    expect(run_code(CODE + 1022 * 4, WINDOW + 64, EMPTY(1)).faulted == 0, "a fault");
    expect_equal(table[8], EMPTY(1), "the first entry");
    expect_equal(table[9], EMPTY(1), "the second entry");
    map_behind(0);
    entry_write(&rig.level3[201], 0);
    tlbi_page(CODE + PAGE_SIZE);
    expect(run_code(CODE + 1022 * 4, WINDOW + 64, EMPTY(2)).faulted != 0, "no fault");
    measure_stop();
    expect_equal(ESR_EC(try_fault.esr), EC_IABT_SAME, "the exception class");
    expect_equal(try_fault.elr, CODE + PAGE_SIZE, "ELR_EL1");
    expect_equal(table[9], EMPTY(2), "the entry stored before");
    page_free(second);
}

/* A loop whose load-exclusive is in the page before; its retry too. */
static void loop_across_pages(void)
{
    static const uint32_t last[] = {LDXR_X9};
    static const uint32_t next[] = {STXR_X1, RETRY, RET};
    uint32_t *second = page_alloc();

    set_text(1023, last, 1);
    memcpy(second, next, sizeof(next));
    sync_instructions(second, sizeof(next));
    entry_write(&rig.level3[201], entry_page(second, PAGE_PRIVATE_TEXT));
    tables_written();
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        expect(run_code(CODE + 1023 * 4, WINDOW + 64, EMPTY(i)).faulted == 0, "a fault");
        expect_equal(table[8], EMPTY(i), "the entry");
    }
    measure_stop();
    entry_write(&rig.level3[201], 0);
    tlbi_page(CODE + PAGE_SIZE);
    page_free(second);
}

/* The page that is executed is a page table itself, and is stored to by what it holds. */
static void code_is_a_table(void)
{
    uint64_t *code = table_alloc();

    code[0] = (uint64_t)RET << 32 | STR_X2;
    code[1] = (uint64_t)RET << 32 | NOP << 1;
    sync_instructions(code, 16);
    entry_write(&rig.level2[LINK + 1], entry_table(code));
    entry_write(&rig.level3[200], entry_page(code, PAGE_PRIVATE_TEXT));
    tables_written();
    tlbi_page(CODE);
    measure_start();
    for (unsigned int i = 0; i < TURNS; i++) {
        register uint64_t x0 __asm__("x0") = va_of(&code[8 + i]);
        register uint64_t x2 __asm__("x2") = EMPTY(i);

        __asm__ volatile("blr %2" : "+r"(x0) : "r"(x2), "r"(CODE) : "x30", "memory");
        x0 = va_of(&table[8 + i]);
        __asm__ volatile("blr %2" : "+r"(x0) : "r"(x2), "r"(CODE) : "x30", "memory");
        expect_equal(code[8 + i], EMPTY(i), "an entry of the table executed");
        expect_equal(table[8 + i], EMPTY(i), "an entry of the other");
    }
    measure_stop();
    entry_write(&rig.level3[200], entry_page(text, PAGE_PRIVATE_TEXT));
    entry_write(&rig.level2[LINK + 1], 0);
    tlbi_page(CODE);
}

/* The code has moved away without a TLBI: the CPU may run the old or the new, nothing else. */
static void code_is_gone(void)
{
    static const uint32_t words[] = {STP_X1_X1, RET};
    uint32_t *other = page_alloc();

    set_text(0, words, 2);
    expect(run_code(CODE, WINDOW + 64, EMPTY(1)).faulted == 0, "a fault");
    other[0] = NOP;
    other[1] = RET;
    sync_instructions(other, 8);
    (void)try_store(&rig.level3[200], entry_page(other, PAGE_PRIVATE_TEXT));
    measure_start();
    expect(run_code(CODE, WINDOW + 64, EMPTY(2)).faulted == 0, "a fault");
    measure_stop();
    expect(table[8] == table[9] && (table[8] == EMPTY(1) || table[8] == EMPTY(2)), "the entries");
    tlbi_page(CODE);
    expect(run_code(CODE, WINDOW + 64, EMPTY(3)).faulted == 0, "a fault afterwards");
    expect(table[8] != EMPTY(3), "the old code ran after the TLBI");
    page_free(other);
}

/* Its page is for execution only as far as EL0 is concerned, or Normal memory without caches. */
static void code_is_uncached(void)
{
    static const uint32_t words[] = {STP_X1_X1, RET};

    set_text(0, words, 2);
    entry_write(&rig.level3[200], entry_page(text, PAGE_PRIVATE_TEXT | ENTRY_ATTR(2)));
    tables_written();
    tlbi_page(CODE);
    measure_start();
    expect(run_code(CODE, WINDOW + 64, EMPTY(5)).faulted == 0, "a fault");
    measure_stop();
    expect_equal(table[9], EMPTY(5), "the second entry");
}

#define CASES(X)                                                                                   \
    X(behind_is_nothing)                                                                           \
    X(behind_is_readonly)                                                                          \
    X(behind_is_m2p)                                                                               \
    X(behind_is_anothers)                                                                          \
    X(behind_is_a_device)                                                                          \
    X(behind_is_a_parent)                                                                          \
    X(refused_in_the_middle)                                                                       \
    X(tagged)                                                                                      \
    X(end_of_page)                                                                                 \
    X(loop_across_pages)                                                                           \
    X(code_is_a_table)                                                                             \
    X(code_is_gone)                                                                                \
    X(code_is_uncached)

static void run(void (*test)(void))
{
    rig_make(&rig);
    table = table_alloc();
    text = page_alloc();
    entry_write(&rig.level2[LINK], entry_table(table));
    entry_write(&rig.level3[100], entry_page(table, PAGE_PRIVATE));
    entry_write(&rig.level3[200], entry_page(text, PAGE_PRIVATE_TEXT));
    tables_written();
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    test();
    entry_write(&rig.level3[100], 0);
    entry_write(&rig.level3[101], 0);
    entry_write(&rig.level3[200], 0);
    entry_write(&rig.level2[LINK], 0);
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    page_free(text);
    table_free(table);
    rig_drop(&rig);
}

#define FUNCTION(name)                                                                             \
    static void case_##name(void) { run(name); }
CASES(FUNCTION)

#define ROW(name) {#name, case_##name, false},
static const struct test_case cases[] = {CASES(ROW)};

void guest_main(void)
{
    (void)assist_set(true);
    cases_run(cases, ARRAY_SIZE(cases));
}

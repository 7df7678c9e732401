/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every form of store to live page tables: each runs on ordinary pages first, which is what the
 * bare machine does, then on a window of the same contents whose middle two pages are attached
 * level-3 tables. Memory and registers have to be the same afterwards. The values leave bit 0 of
 * every entry clear, so all of them are legal.
 */
#include "common/string.h"
#include "direct/cases.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"

/* A page, two tables, a page; and four pages. */
#define WINDOW     KERNEL_BASE
#define REFERENCE  (KERNEL_BASE + 16 * PAGE_SIZE)
#define PAGES      4
#define TABLE      PAGE_SIZE /* offset of the first table */
#define IN_TABLE   (TABLE + 512)
#define PAGE_TABLE (TABLE - 4)                 /* a store of 8 here begins in the page */
#define TABLES     (TABLE + PAGE_SIZE - 4)     /* .. in the first table, ends in the second */
#define TABLE_PAGE (TABLE + 2 * PAGE_SIZE - 4) /* .. in the second table */

#define VALUE UINT64_C(0x1222324252627288) /* no byte is odd */
#define OTHER UINT64_C(0x0424446484a4c4e4)

static struct rig rig;

/* --- The forms: p is where to store; the result is what registers hold afterwards ------------- */

#define FORM(name) static uint64_t name(uint64_t p, uint64_t unused)

/* One instruction of address %0 and values %1, %2; the result is what it added to the address. */
#define SIMPLE(name, instruction)                                                                  \
    FORM(name)                                                                                     \
    {                                                                                              \
        uint64_t start = p;                                                                        \
                                                                                                   \
        __asm__ volatile("\n" instruction                                                          \
                         : "+r"(p)                                                                 \
                         : "r"(VALUE), "r"(OTHER), "r"(unused)                                     \
                         : "memory");                                                              \
        return p - start;                                                                          \
    }

SIMPLE(str_x, "str %1, [%0]")
SIMPLE(str_w, "str %w1, [%0]")
SIMPLE(str_w_high, "str %w1, [%0, #4]")
SIMPLE(strh, "strh %w1, [%0, #6]")
SIMPLE(strb, "strb %w1, [%0, #3]")
SIMPLE(str_xzr, "str xzr, [%0]")
SIMPLE(str_wzr, "str wzr, [%0]")
SIMPLE(str_offset, "str %1, [%0, #64]")
SIMPLE(stur, "stur %1, [%0, #-8]")
SIMPLE(sturb, "sturb %w1, [%0, #-3]")
SIMPLE(str_pre, "str %1, [%0, #16]!")
SIMPLE(str_post, "str %1, [%0], #-24")
SIMPLE(strb_post, "strb %w1, [%0], #1")
SIMPLE(str_register, "mov x9, #3\n str %1, [%0, x9, lsl #3]")
SIMPLE(str_sxtw, "mov w9, #-2\n str %1, [%0, w9, sxtw #3]")
SIMPLE(strb_uxtw, "mov x9, #-1\n lsl x9, x9, #32\n add x9, x9, #5\n strb %w1, [%0, w9, uxtw]")
SIMPLE(str_sp, "mov x9, sp\n mov sp, %0\n str %1, [sp, #8]\n mov sp, x9")
SIMPLE(stp_x, "stp %1, %2, [%0]")
SIMPLE(stp_w, "stp %w1, %w2, [%0, #8]")
SIMPLE(stp_pre, "stp %1, %2, [%0, #-16]!")
SIMPLE(stp_post, "stp %1, %2, [%0], #32")
SIMPLE(stnp, "stnp %1, %2, [%0, #16]")
SIMPLE(stlr, "stlr %1, [%0]")
SIMPLE(stlr_w, "stlr %w1, [%0]")
SIMPLE(stlrb, "stlrb %w1, [%0]")
SIMPLE(sttr, "sttr %1, [%0]") /* EL0 may not write there: a permission fault, on both */
SIMPLE(unaligned_x, "add x9, %0, #3\n str %1, [x9]")
SIMPLE(unaligned_w, "add x9, %0, #1\n str %w1, [x9]")
SIMPLE(unaligned_h, "add x9, %0, #7\n strh %w1, [x9]")
SIMPLE(unaligned_stp, "add x9, %0, #4\n stp %1, %2, [x9]")
SIMPLE(dc_zva, "dc zva, %0")
SIMPLE(str_q, "dup v0.2d, %1\n str q0, [%0]")
SIMPLE(str_d, "fmov d0, %2\n str d0, [%0]")
SIMPLE(stp_q, "dup v0.2d, %1\n dup v1.2d, %2\n stp q0, q1, [%0]")
SIMPLE(st1, "dup v0.2d, %2\n dup v1.2d, %1\n st1 {v0.2d, v1.2d}, [%0]")

/* What a compiler makes of an atomic addition: the value that was loaded is lost. */
FORM(ldxr_add)
{
    uint64_t value, status;

    (void)unused;
    __asm__ volatile("1: ldxr %0, [%2]\n"
                     "   add %0, %0, #2\n"
                     "   stxr %w1, %0, [%2]\n"
                     "   cbnz %w1, 1b"
                     : "=&r"(value), "=&r"(status)
                     : "r"(p)
                     : "memory");
    return value ^ status;
}

/* The same, but the loaded value survives, as in an atomic exchange. */
FORM(ldxr_keep)
{
    uint64_t old, value, status;

    (void)unused;
    __asm__ volatile("1: ldaxr %0, [%3]\n"
                     "   add %1, %0, #2\n"
                     "   stlxr %w2, %1, [%3]\n"
                     "   cbnz %w2, 1b"
                     : "=&r"(old), "=&r"(value), "=&r"(status)
                     : "r"(p)
                     : "memory");
    return old ^ value ^ status;
}

FORM(ldxr_byte)
{
    uint64_t old, value, status;

    (void)unused;
    __asm__ volatile("1: ldxrb %w0, [%3]\n"
                     "   add %w1, %w0, #2\n"
                     "   stxrb %w2, %w1, [%3]\n"
                     "   cbnz %w2, 1b"
                     : "=&r"(old), "=&r"(value), "=&r"(status)
                     : "r"(p)
                     : "memory");
    return old ^ value ^ status;
}

static uint64_t compare_exchange(uint64_t p, uint64_t expected)
{
    uint64_t old, status = 99;

    __asm__ volatile("1: ldxr %0, [%2]\n"
                     "   eor x9, %0, %3\n"
                     "   cbnz x9, 2f\n"
                     "   stxr %w1, %4, [%2]\n"
                     "   cbnz %w1, 1b\n"
                     "2:"
                     : "=&r"(old), "+&r"(status)
                     : "r"(p), "r"(expected), "r"(VALUE)
                     : "x9", "memory");
    return old ^ status;
}

FORM(cmpxchg_equal)
{
    (void)unused;
    return compare_exchange(p, *(volatile uint64_t *)(uintptr_t)p);
}

FORM(cmpxchg_different)
{
    (void)unused;
    return compare_exchange(p, *(volatile uint64_t *)(uintptr_t)p + 2);
}

FORM(ldxp)
{
    uint64_t a, b, status;

    (void)unused;
    __asm__ volatile("1: ldxp %0, %1, [%3]\n"
                     "   stxp %w2, %1, %0, [%3]\n"
                     "   cbnz %w2, 1b"
                     : "=&r"(a), "=&r"(b), "=&r"(status)
                     : "r"(p)
                     : "memory");
    return a ^ b ^ status;
}

/* LSE: a CPU without it skips these. x0 and x1 are the operands and results. */
#define ATOMIC(name, instruction)                                                                  \
    FORM(name)                                                                                     \
    {                                                                                              \
        register uint64_t x0 __asm__("x0") = *(volatile uint64_t *)(uintptr_t)p;                   \
        register uint64_t x1 __asm__("x1") = VALUE;                                                \
        register uint64_t x2 __asm__("x2") = p;                                                    \
                                                                                                   \
        (void)unused;                                                                              \
        __asm__ volatile(".arch_extension lse\n" instruction                                       \
                         : "+r"(x0), "+r"(x1)                                                      \
                         : "r"(x2)                                                                 \
                         : "x3", "x4", "x5", "memory");                                            \
        return x0 ^ x1 << 1;                                                                       \
    }

ATOMIC(cas_equal, "cas x0, x1, [x2]")
ATOMIC(cas_different, "add x0, x0, #2\n cas x0, x1, [x2]")
ATOMIC(casal_w, "casal w0, w1, [x2]")
ATOMIC(casb, "casb w0, w1, [x2]")
ATOMIC(casp, "ldr x1, [x2, #8]\n mov x4, x1\n mov x5, x0\n casp x0, x1, x4, x5, [x2]")
ATOMIC(swp, "swp x1, x0, [x2]")
ATOMIC(swpal_w, "swpal w1, w0, [x2]")
ATOMIC(ldadd, "ldadd x1, x0, [x2]")
ATOMIC(ldclr, "ldclr x1, x0, [x2]")
ATOMIC(ldeor, "ldeor x1, x0, [x2]")
ATOMIC(ldset, "ldset x1, x0, [x2]")
ATOMIC(ldsmax, "ldsmax x1, x0, [x2]")
ATOMIC(ldsmin, "ldsmin x1, x0, [x2]")
ATOMIC(ldumax, "ldumax x1, x0, [x2]")
ATOMIC(ldumin, "ldumin x1, x0, [x2]")
ATOMIC(ldaddh, "ldaddh w1, w0, [x2]")
ATOMIC(stadd, "stadd x1, [x2]")
ATOMIC(stset_w, "stset w1, [x2]")

/* --- Running one ------------------------------------------------------------------------------ */

static void copy_pages(uint64_t to, uint64_t from)
{
    memcpy((void *)to, (const void *)from, PAGES * PAGE_SIZE);
}

static void run(uint64_t (*form)(uint64_t, uint64_t), uint64_t offset)
{
    struct try_result bare, live;
    unsigned int bare_fault, live_fault;

    copy_pages(REFERENCE, WINDOW);
    bare = try_call(form, REFERENCE + offset, 0);
    bare_fault = ESR_FSC(try_fault.esr);
    measure_start();
    live = try_call(form, WINDOW + offset, 0);
    measure_stop();
    live_fault = ESR_FSC(try_fault.esr);
    /* What was opened comes back before the next form. */
    (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, WINDOW);
    expect_equal(live.faulted, bare.faulted, "faulted");
    if (bare.faulted != 0)
        expect_equal(live_fault, bare_fault, "the fault status");
    expect_equal(live.value, bare.value, "the registers");
    for (uint64_t i = 0; i < PAGES * PAGE_SIZE; i += 8)
        expect_equal(peek(WINDOW + i), peek(REFERENCE + i), "a word of memory");
}

static const struct form {
    const char *name;
    uint64_t (*run)(uint64_t p, uint64_t unused);
    uint64_t offset;
    bool lse;
} forms[] = {
    {"str-x", str_x, IN_TABLE, false},
    {"str-w", str_w, IN_TABLE, false},
    {"str-w-high", str_w_high, IN_TABLE, false},
    {"strh", strh, IN_TABLE, false},
    {"strb", strb, IN_TABLE, false},
    {"str-xzr", str_xzr, IN_TABLE, false},
    {"str-wzr", str_wzr, IN_TABLE, false},
    {"str-offset", str_offset, IN_TABLE, false},
    {"stur", stur, IN_TABLE, false},
    {"sturb", sturb, IN_TABLE, false},
    {"str-pre", str_pre, IN_TABLE, false},
    {"str-post", str_post, IN_TABLE, false},
    {"strb-post", strb_post, IN_TABLE, false},
    {"str-register", str_register, IN_TABLE, false},
    {"str-sxtw", str_sxtw, IN_TABLE, false},
    {"strb-uxtw", strb_uxtw, IN_TABLE, false},
    {"str-sp", str_sp, IN_TABLE, false},
    {"stp-x", stp_x, IN_TABLE, false},
    {"stp-w", stp_w, IN_TABLE, false},
    {"stp-pre", stp_pre, IN_TABLE, false},
    {"stp-post", stp_post, IN_TABLE, false},
    {"stnp", stnp, IN_TABLE, false},
    {"stlr", stlr, IN_TABLE, false},
    {"stlr-w", stlr_w, IN_TABLE, false},
    {"stlrb", stlrb, IN_TABLE, false},
    {"sttr", sttr, IN_TABLE, false},
    {"first-entry", str_x, TABLE, false},
    {"last-entry", str_x, TABLE + PAGE_SIZE - 8, false},
    {"ldxr-keep", ldxr_keep, IN_TABLE, false},
    {"ldxr-byte", ldxr_byte, IN_TABLE, false},
    {"cmpxchg-equal", cmpxchg_equal, IN_TABLE, false},
    {"cmpxchg-different", cmpxchg_different, IN_TABLE, false},
    {"cas-equal", cas_equal, IN_TABLE, true},
    {"cas-different", cas_different, IN_TABLE, true},
    {"casal-w", casal_w, IN_TABLE, true},
    {"casb", casb, IN_TABLE, true},
    {"swp", swp, IN_TABLE, true},
    {"swpal-w", swpal_w, IN_TABLE, true},
    {"ldadd", ldadd, IN_TABLE, true},
    {"ldclr", ldclr, IN_TABLE, true},
    {"ldeor", ldeor, IN_TABLE, true},
    {"ldset", ldset, IN_TABLE, true},
    {"ldsmax", ldsmax, IN_TABLE, true},
    {"ldsmin", ldsmin, IN_TABLE, true},
    {"ldumax", ldumax, IN_TABLE, true},
    {"ldumin", ldumin, IN_TABLE, true},
    {"ldaddh", ldaddh, IN_TABLE, true},
    {"stadd", stadd, IN_TABLE, true},
    {"stset-w", stset_w, IN_TABLE, true},
    /* From here on nothing can be emulated as one entry. */
    {"ldxr-add", ldxr_add, IN_TABLE, false},
    {"ldxp", ldxp, IN_TABLE, false},
    {"casp", casp, IN_TABLE, true},
    {"unaligned-x", unaligned_x, IN_TABLE, false},
    {"unaligned-w", unaligned_w, IN_TABLE, false},
    {"unaligned-h", unaligned_h, IN_TABLE, false},
    {"unaligned-stp", unaligned_stp, IN_TABLE, false},
    {"str-q", str_q, IN_TABLE, false},
    {"str-d", str_d, IN_TABLE, false},
    {"stp-q", stp_q, IN_TABLE, false},
    {"st1", st1, IN_TABLE, false},
    {"dc-zva", dc_zva, IN_TABLE, false},
    {"cross-page-table", str_x, PAGE_TABLE, false},
    {"cross-table-table", str_x, TABLES, false},
    {"cross-table-page", str_x, TABLE_PAGE, false},
    {"cross-page-table-stp", stp_x, PAGE_TABLE - 4, false},
    {"cross-table-table-stp", stp_x, TABLES - 4, false},
    {"cross-table-page-stp", stp_x, TABLE_PAGE - 4, false},
    {"cross-table-table-q", str_q, TABLES, false},
};

static struct test_case tests[ARRAY_SIZE(forms)];

static void run_current(void)
{
    const struct form *form = &forms[current_case - tests];

    run(form->run, form->offset);
}

static void make_window(void)
{
    uint64_t *page[2 * PAGES];

    rig_make(&rig);
    for (unsigned int i = 0; i < 2 * PAGES; i++) {
        page[i] = page_alloc();
        for (uint64_t j = 0; j < 512; j++)
            page[i][j] = (j + 1) * UINT64_C(0x0002040810204080) & ~UINT64_C(1);
        kernel_map((i < PAGES ? WINDOW : REFERENCE) + (i % PAGES) * PAGE_SIZE,
                   entry_page(page[i], PAGE_KERNEL));
    }
    entry_write(&rig.level2[50], entry_table(page[1]));
    entry_write(&rig.level2[51], entry_table(page[2]));
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
}

void guest_main(void)
{
    bool lse = (read_sysreg(id_aa64isar0_el1) >> 20 & 0xf) >= 2;

    (void)assist_set(true);
    make_window();
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        tests[i] =
            (struct test_case){forms[i].name, run_current, forms[i].lse && !lse /* on demand */};
    cases_run(tests, ARRAY_SIZE(tests));
}

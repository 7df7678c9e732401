/* SPDX-License-Identifier: Apache-2.0 */
/* core/decode.c against words from the assembler; the comment beside each is its source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/decode.h"

static struct store_insn decode(uint32_t word)
{
    struct store_insn insn;

    decode_store(word, &insn);
    return insn;
}

static uint64_t address(uint32_t word)
{
    struct store_insn insn = decode(word);
    uint64_t x[31] = {[2] = 0x1000, [3] = 0xffffffff};

    return decode_address(&insn, x, 0x9000);
}

static void plain_stores_and_their_addresses(void **state)
{
    static const struct {
        uint32_t word;
        uint8_t size;
        uint64_t address;
    } cases[] = {
        {0xf9000841, 8, 0x1010},      /* str x1, [x2, #16] */
        {0x39000c41, 1, 0x1003},      /* strb w1, [x2, #3] */
        {0x790007e3, 2, 0x9002},      /* strh w3, [sp, #2] */
        {0xb8235841, 4, 0x400000ffc}, /* str w1, [x2, w3, uxtw #2] */
        {0xf823c841, 8, 0xfff},       /* str x1, [x2, w3, sxtw] */
        {0xf8008441, 8, 0x1000},      /* str x1, [x2], #8 */
        {0xf81f0c41, 8, 0xff0},       /* str x1, [x2, #-16]! */
        {0xf81ff041, 8, 0xfff},       /* stur x1, [x2, #-1] */
        {0xf8008841, 8, 0x1008},      /* sttr x1, [x2, #8] */
        {0xc89ffc41, 8, 0x1000},      /* stlr x1, [x2] */
        {0xd91f8041, 8, 0xff8},       /* stlur x1, [x2, #-8] */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_insn insn = decode(cases[i].word);

        assert_int_equal(insn.kind, STORE_PLAIN);
        assert_int_equal(insn.size, cases[i].size);
        assert_int_equal(address(cases[i].word), cases[i].address);
    }
    assert_int_equal(decode(0xf8008441).index, INDEX_POST);
    assert_int_equal(decode(0xf81f0c41).index, INDEX_PRE);
}

static void pairs(void **state)
{
    struct store_insn insn = decode(0xa9bf0c41); /* stp x1, x3, [x2, #-16]! */

    (void)state;
    assert_int_equal(insn.kind, STORE_PAIR);
    assert_int_equal(insn.index, INDEX_PRE);
    assert_int_equal(insn.rt, 1);
    assert_int_equal(insn.rt2, 3);
    assert_int_equal(insn.offset, -16);
    insn = decode(0x28810c41); /* stp w1, w3, [x2], #8 */
    assert_int_equal(insn.kind, STORE_PAIR);
    assert_int_equal(insn.size, 4);
    assert_int_equal(insn.index, INDEX_POST);
    assert_int_equal(insn.offset, 8);
    insn = decode(0xa8020c41); /* stnp x1, x3, [x2, #32] */
    assert_int_equal(insn.kind, STORE_PAIR);
    assert_int_equal(insn.index, INDEX_NONE);
    assert_int_equal(insn.offset, 32);
}

static void exclusives_and_atomics(void **state)
{
    struct store_insn insn = decode(0xc8007c41); /* stxr w0, x1, [x2] */

    (void)state;
    assert_int_equal(insn.kind, STORE_EXCLUSIVE);
    assert_int_equal(insn.rs, 0);
    assert_int_equal(insn.rt, 1);
    assert_int_equal(insn.size, 8);
    insn = decode(0x0800fc41); /* stlxrb w0, w1, [x2] */
    assert_int_equal(insn.kind, STORE_EXCLUSIVE);
    assert_int_equal(insn.size, 1);
    insn = decode(0xc8a17c43); /* cas x1, x3, [x2] */
    assert_int_equal(insn.kind, STORE_CAS);
    assert_int_equal(insn.rs, 1);
    assert_int_equal(insn.rt, 3);
    assert_int_equal(decode(0x88e1fc43).kind, STORE_CAS); /* casal w1, w3, [x2] */
    insn = decode(0xf8218043);                            /* swp x1, x3, [x2] */
    assert_int_equal(insn.kind, STORE_ATOMIC);
    assert_int_equal(insn.op, ATOMIC_SWP);
    assert_int_equal(insn.rs, 1);
    assert_int_equal(insn.rt, 3);
    insn = decode(0xb8e10043); /* ldaddal w1, w3, [x2] */
    assert_int_equal(insn.op, ATOMIC_ADD);
    assert_int_equal(insn.size, 4);
    insn = decode(0xf821305f); /* stset x1, [x2] */
    assert_int_equal(insn.op, ATOMIC_SET);
    assert_int_equal(insn.rt, 31);
}

static void acquire_and_release_are_noticed(void **state)
{
    static const struct {
        uint32_t word;
        bool ordered;
    } cases[] = {
        {0xc89ffc41, true},  /* stlr x1, [x2] */
        {0xc89f7c41, true},  /* stllr x1, [x2] */
        {0xd91f8041, true},  /* stlur x1, [x2, #-8] */
        {0xc800fc41, true},  /* stlxr w0, x1, [x2] */
        {0xc8007c41, false}, /* stxr w0, x1, [x2] */
        {0xb8e10043, true},  /* ldaddal w1, w3, [x2] */
        {0xb8210043, false}, /* ldadd w1, w3, [x2] */
        {0xc8e17c43, true},  /* casa x1, x3, [x2] */
        {0xc8a1fc43, true},  /* casl x1, x3, [x2] */
        {0xc8a17c43, false}, /* cas x1, x3, [x2] */
        {0xf8008441, false}, /* str x1, [x2], #8 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(decode(cases[i].word).ordered, cases[i].ordered);
}

static void everything_else_is_opaque(void **state)
{
    static const uint32_t words[] = {
        0xc8200c41, /* stxp w0, x1, x3, [x2] */
        0x48207c82, /* casp x0, x1, x2, x3, [x4] */
        0xf9400041, /* ldr x1, [x2] */
        0x38bfc041, /* ldaprb w1, [x2] */
        0xc85f7c45, /* ldxr x5, [x2] */
        0xd503201f, /* nop */
        0,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        assert_int_equal(decode(words[i]).kind, STORE_OPAQUE);
}

static void atomics_compute_in_their_own_width(void **state)
{
    (void)state;
    assert_int_equal(decode_atomic(ATOMIC_ADD, 1, 0xff, 2), 1);
    assert_int_equal(decode_atomic(ATOMIC_ADD, 8, UINT64_MAX, 1), 0);
    assert_int_equal(decode_atomic(ATOMIC_CLR, 8, 0xff, 0x0f), 0xf0);
    assert_int_equal(decode_atomic(ATOMIC_EOR, 4, 0xff, 0x0f), 0xf0);
    assert_int_equal(decode_atomic(ATOMIC_SET, 2, 0xf0, 0x0f), 0xff);
    assert_int_equal(decode_atomic(ATOMIC_SMAX, 1, 0x80, 1), 1);
    assert_int_equal(decode_atomic(ATOMIC_SMIN, 1, 0x80, 1), 0x80);
    assert_int_equal(decode_atomic(ATOMIC_UMAX, 1, 0x80, 1), 0x80);
    assert_int_equal(decode_atomic(ATOMIC_UMIN, 1, 0x80, 1), 1);
    assert_int_equal(decode_atomic(ATOMIC_SWP, 4, 1, 0x1ffffffff), 0xffffffff);
}

#define LDXR_X5 0xc85f7c45 /* ldxr x5, [x2] */
#define ORR_X6  0xaa0100a6 /* orr x6, x5, x1 */
#define CBNZ_FW 0xb5000046 /* cbnz x6, .+8 */
#define CMP_X5  0xeb0700bf /* cmp x5, x7 */

static bool matches(const uint32_t *before, unsigned int count)
{
    struct store_insn store = decode(0xc8007c41); /* stxr w0, x1, [x2] */
    unsigned int loaded = 0;

    return decode_exclusive(&store, before, count, &loaded) && loaded == 5;
}

static void store_exclusive_finds_its_load(void **state)
{
    (void)state;
    assert_true(matches((uint32_t[]){LDXR_X5}, 1));
    assert_true(matches((uint32_t[]){ORR_X6, LDXR_X5}, 2));
    assert_true(matches((uint32_t[]){CBNZ_FW, CMP_X5, LDXR_X5}, 3)); /* Linux's cmpxchg */
}

static void store_exclusive_refuses_a_broken_line(void **state)
{
    (void)state;
    assert_false(matches((uint32_t[]){0xaa0103e5, LDXR_X5}, 2)); /* mov x5, x1 */
    assert_false(matches((uint32_t[]){0x91002042, LDXR_X5}, 2)); /* add x2, x2, #8 */
    assert_false(matches((uint32_t[]){0x54ffffc1, LDXR_X5}, 2)); /* b.ne backwards */
    assert_false(matches((uint32_t[]){0xf9400109, LDXR_X5}, 2)); /* ldr x9, [x8] */
    assert_false(matches((uint32_t[]){0x885ffc45}, 1));          /* ldaxr w5: another size */
    assert_false(matches((uint32_t[]){ORR_X6}, 1));              /* no load at all */
    assert_false(matches(
        (uint32_t[]){ORR_X6, ORR_X6, ORR_X6, ORR_X6, ORR_X6, ORR_X6, ORR_X6, ORR_X6, LDXR_X5},
        9)); /* too far away */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_stores_and_their_addresses),
        cmocka_unit_test(pairs),
        cmocka_unit_test(exclusives_and_atomics),
        cmocka_unit_test(acquire_and_release_are_noticed),
        cmocka_unit_test(everything_else_is_opaque),
        cmocka_unit_test(atomics_compute_in_their_own_width),
        cmocka_unit_test(store_exclusive_finds_its_load),
        cmocka_unit_test(store_exclusive_refuses_a_broken_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

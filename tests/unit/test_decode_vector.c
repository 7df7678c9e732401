/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/decode_vector.c against words from the assembler (the comment beside each is its source):
 * where each form stores, and which bytes.
 */
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

static const uint64_t registers[31] = {[1] = 0x1122334455667788, [2] = 0x1000, [3] = 0xfffffff0};

/* Byte b of Vn is n * 16 + b. */
static void fill(uint64_t q[64])
{
    uint8_t *bytes = (uint8_t *)q;

    for (unsigned int i = 0; i < 512; i++)
        bytes[i] = (uint8_t)i;
}

static unsigned int bytes_of(uint32_t word, uint8_t out[DECODE_BYTES])
{
    struct store_insn insn = decode(word);
    uint64_t q[64];

    fill(q);
    memset(out, 0xee, DECODE_BYTES);
    return decode_bytes(&insn, registers, q, out);
}

static void addresses_and_writeback(void **state)
{
    static const struct {
        uint32_t word;
        enum store_kind kind;
        uint8_t size;
        uint64_t address;
        uint64_t writeback;
    } cases[] = {
        {0x3d000c41, STORE_VECTOR, 1, 0x1003, 0},             /* str b1, [x2, #3] */
        {0x7c002441, STORE_VECTOR, 2, 0x1000, 2},             /* str h1, [x2], #2 */
        {0xbc237841, STORE_VECTOR, 4, 0x400000fc0, 0},        /* str s1, [x2, x3, lsl #2] */
        {0xfc010fe1, STORE_VECTOR, 8, 0x9010, 16},            /* str d1, [sp, #16]! */
        {0x3c9f9041, STORE_VECTOR, 16, 0xff9, 0},             /* stur q1, [x2, #-7] */
        {0x3d83fc5f, STORE_VECTOR, 16, 0x1ff0, 0},            /* str q31, [x2, #4080] */
        {0x3ca3d845, STORE_VECTOR, 16, 0xf00, 0},             /* str q5, [x2, w3, sxtw #4] */
        {0x2d3f0c41, STORE_VECTOR, 4, 0xff8, 0},              /* stp s1, s3, [x2, #-8] */
        {0x6c010c41, STORE_VECTOR, 8, 0x1010, 0},             /* stnp d1, d3, [x2, #16] */
        {0xac810c41, STORE_VECTOR, 16, 0x1000, 32},           /* stp q1, q3, [x2], #32 */
        {0x4c007041, STORE_STRUCTURE, 1, 0x1000, 0},          /* st1 {v1.16b}, [x2] */
        {0x0c9f205e, STORE_STRUCTURE, 1, 0x1000, 32},         /* st1 {v30.8b-v1.8b}, [x2], #32 */
        {0x4c834c41, STORE_STRUCTURE, 8, 0x1000, 0xfffffff0}, /* st3 {v1.2d-v3.2d}, [x2], x3 */
        {0x4c0003e1, STORE_STRUCTURE, 1, 0x9000, 0},          /* st4 {v1.16b-v4.16b}, [sp] */
        {0x4d9f4841, STORE_STRUCTURE, 2, 0x1000, 2},          /* st1 {v1.h}[5], [x2], #2 */
        {0xd50b7422, STORE_ZERO, 0, 0x1000, 0},               /* dc zva, x2 */
        {0xd50b743f, STORE_ZERO, 0, 0, 0},                    /* dc zva, xzr */
        {0xa9bf0c41, STORE_PAIR, 8, 0xff0, (uint64_t)-16},    /* stp x1, x3, [x2, #-16]! */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_insn insn = decode(cases[i].word);

        assert_int_equal(insn.kind, cases[i].kind);
        assert_int_equal(insn.size, cases[i].size);
        assert_int_equal(decode_address(&insn, registers, 0x9000), cases[i].address);
        assert_int_equal(decode_writeback(&insn, registers), cases[i].writeback);
    }
}

static void bytes_of_registers(void **state)
{
    static const struct {
        uint32_t word;
        unsigned int count;
        uint8_t bytes[16]; /* the first of them */
    } cases[] = {
        {0x3d000c41, 1, {16}},                                  /* str b1, [x2, #3] */
        {0xfc010fe1, 8, {16, 17, 18, 19, 20, 21, 22, 23}},      /* str d1, [sp, #16]! */
        {0x2d3f0c41, 8, {16, 17, 18, 19, 48, 49, 50, 51}},      /* stp s1, s3, [x2, #-8] */
        {0x6c010c41, 16, {16, 17, 18, 19, 20, 21, 22, 23, 48}}, /* stnp d1, d3, [x2, #16] */
        {0xb9000041, 4, {0x88, 0x77, 0x66, 0x55}},              /* str w1, [x2] */
        {0xa9000c41, 16, {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xf0, 0xff}},
        /* stp x1, x3, [x2] */
    };
    uint8_t out[DECODE_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned int compared = 0;

        assert_int_equal(bytes_of(cases[i].word, out), cases[i].count);
        while (compared < 16 && (cases[i].bytes[compared] != 0 || compared == 0))
            compared++;
        assert_memory_equal(out, cases[i].bytes, compared);
        if (cases[i].count < DECODE_BYTES)
            assert_int_equal(out[cases[i].count], 0xee);
    }
}

/* All four registers of a pair's kind: 32 bytes are two times 16. */
static void pair_of_quads(void **state)
{
    uint8_t out[DECODE_BYTES];

    (void)state;
    assert_int_equal(bytes_of(0xac810c41, out), 32); /* stp q1, q3, [x2], #32 */
    for (unsigned int i = 0; i < 32; i++)
        assert_int_equal(out[i], i < 16 ? 16 + i : 48 + i - 16);
}

static void structures_are_interleaved(void **state)
{
    static const uint8_t two[] = {16, 17, 32, 33, 18, 19, 34, 35, 20, 21, 36, 37, 22, 23, 38, 39};
    uint8_t out[DECODE_BYTES];

    (void)state;
    assert_int_equal(bytes_of(0x0c008441, out), 16); /* st2 {v1.4h, v2.4h}, [x2] */
    assert_memory_equal(out, two, sizeof(two));
    assert_int_equal(bytes_of(0x4c834c41, out), 48); /* st3 {v1.2d-v3.2d}, [x2], x3 */
    for (unsigned int i = 0; i < 48; i++)
        assert_int_equal(out[i], 16 + i / 8 % 3 * 16 + i / 24 * 8 + i % 8);
    assert_int_equal(bytes_of(0x4c0003e1, out), 64); /* st4 {v1.16b-v4.16b}, [sp] */
    for (unsigned int i = 0; i < 64; i++)
        assert_int_equal(out[i], 16 + i % 4 * 16 + i / 4);
}

/* ST1 of several registers is one after the other; V31 is followed by V0. */
static void registers_follow_one_another(void **state)
{
    uint8_t out[DECODE_BYTES];

    (void)state;
    assert_int_equal(bytes_of(0x0c9f205e, out), 32); /* st1 {v30.8b-v1.8b}, [x2], #32 */
    for (unsigned int i = 0; i < 32; i++)
        assert_int_equal(out[i], (uint8_t)((30 + i / 8) % 32 * 16 + i % 8));
    assert_int_equal(bytes_of(0x0c007c41, out), 8); /* st1 {v1.1d}, [x2] */
    assert_int_equal(out[7], 23);
}

static void single_elements(void **state)
{
    uint8_t out[DECODE_BYTES];

    (void)state;
    assert_int_equal(bytes_of(0x4d000c41, out), 1); /* st1 {v1.b}[11], [x2] */
    assert_int_equal(out[0], 27);
    assert_int_equal(bytes_of(0x4d9f4841, out), 2); /* st1 {v1.h}[5], [x2], #2 */
    assert_int_equal(out[0], 26);
    assert_int_equal(bytes_of(0x4d209041, out), 8); /* st2 {v1.s, v2.s}[3], [x2] */
    for (unsigned int i = 0; i < 8; i++)
        assert_int_equal(out[i], 28 + i / 4 * 16 + i % 4);
    assert_int_equal(bytes_of(0x4da3a45f, out), 32); /* st4 {v31.d-v2.d}[1], [x2], x3 */
    for (unsigned int i = 0; i < 32; i++)
        assert_int_equal(out[i], (uint8_t)((31 + i / 8) % 32 * 16 + 8 + i % 8));
}

static void loads_and_reserved_words_are_no_stores(void **state)
{
    static const uint32_t words[] = {
        0x3dc00041, /* ldr q1, [x2] */
        0x4c407041, /* ld1 {v1.16b}, [x2] */
        0xad400c41, /* ldp q1, q3, [x2] */
        0x4d400c41, /* ld1 {v1.b}[11], [x2] */
        0x0d40c041, /* ld1r {v1.8b}, [x2] */
        0xd50b7e22, /* dc civac, x2 */
        0xd5087422, /* DC ZVA's numbers with op1 0 */
        0xec010c41, /* a pair with opc 3 */
        0x7d800041, /* Q with size 1 */
        0x3c201841, /* register offset with option 0 */
        0x0c001041, /* a multiple structure with opcode 1 */
        0x0c008c41, /* st2 {v1.1d, v2.1d} */
        0x4c017041, /* no post-index, but Rm */
        0x0d00c041, /* ST1R, which is none */
        0x0d004441, /* st1 {v1.h} with an odd size */
        0x0d009441, /* st1 {v1.d} with S */
        0x0d008841, /* st1 {v1.s} with size 2 */
    };
    uint8_t out[DECODE_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        assert_int_equal(decode(words[i]).kind, STORE_OPAQUE);
        assert_int_equal(bytes_of(words[i], out), 0);
    }
}

/* Every word at all: what is described as bytes never is more of them than there is room for. */
static void bytes_always_fit(void **state)
{
    uint8_t out[DECODE_BYTES];

    (void)state;
    for (uint32_t i = 0; i < 1 << 20; i++) {
        uint32_t word = i << 12 | (i * 2654435761U >> 20);

        assert_true(bytes_of(word & ~(uint32_t)0x02000000, out) <= DECODE_BYTES);
        assert_true(bytes_of((word & 0xbfffffff) | 0x0c000000, out) <= DECODE_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_writeback),
        cmocka_unit_test(bytes_of_registers),
        cmocka_unit_test(pair_of_quads),
        cmocka_unit_test(structures_are_interleaved),
        cmocka_unit_test(registers_follow_one_another),
        cmocka_unit_test(single_elements),
        cmocka_unit_test(loads_and_reserved_words_are_no_stores),
        cmocka_unit_test(bytes_always_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

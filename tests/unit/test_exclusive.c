/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/exclusive.c against words from the assembler. What each instruction computes is compared
 * with the CPU's own result by the forms `line-...` of tests/qemu/guests/common/stores.S.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/exclusive.h"

#define LDXR      0xc85f7c45 /* ldxr x5, [x2] */
#define LDXRB     0x085f7c45 /* ldxrb w5, [x2] */
#define LDXR_W    0x885f7c45 /* ldxr w5, [x2] */
#define LDXR_X3   0xc85f7c65 /* ldxr x5, [x3] */
#define ADD_2     0x910008a5 /* add x5, x5, #2 */
#define ORR_X1    0xaa0100a5 /* orr x5, x5, x1 */
#define ADDS_W    0x310004a5 /* adds w5, w5, #1 */
#define CBNZ_8    0xb5000045 /* cbnz x5, .+8 */
#define CBNZ_12   0xb5000065 /* cbnz x5, .+12 */
#define ADD_BASE  0x91002042 /* add x2, x2, #8 */
#define ADD_X7    0x910004e7 /* add x7, x7, #1 */
#define MOV_X7    0xd2800027 /* mov x7, #1 */
#define LDR_X9    0xf9400109 /* ldr x9, [x8] */
#define BACKWARDS 0x54ffffe0 /* b.eq .-4 */
#define CSEL_EQ   0x9a8100a5 /* csel x5, x5, x1, eq */
#define UBFX      0xd3485ca5 /* ubfx x5, x5, #8, #16 */
#define STXR      0xc8007c45 /* stxr w0, x5, [x2] */
#define STXRB     0x08007c45 /* stxrb w0, w5, [x2] */

#define NZCV_Z UINT64_C(0x40000000)
#define NZCV_C UINT64_C(0x20000000)

static uint64_t x[31];
static uint64_t nzcv;

static int start(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 31; i++)
        x[i] = 100 + i;
    nzcv = 0;
    return 0;
}

/* line: as it stands in memory; up to six instructions, 0 ends. */
static bool holds(uint32_t store, const uint32_t line[6], uint64_t memory)
{
    struct store_insn insn;
    uint32_t before[6];
    unsigned int count = 0;

    while (count < 6 && line[count] != 0)
        count++;
    for (unsigned int i = 0; i < count; i++)
        before[i] = line[count - 1 - i];
    decode_store(store, &insn);
    return exclusive_holds(&insn, before, count, memory, x, nzcv);
}

static void registers_are_what_the_line_makes_of_memory(void **state)
{
    (void)state;
    x[5] = 0x1002;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, ADD_2}, 0x1000));
    assert_false(holds(STXR, (uint32_t[6]){LDXR, ADD_2}, 0x1001));
    x[5] = 0x1003 | x[1];
    assert_true(holds(STXR, (uint32_t[6]){LDXR, ADD_2, ORR_X1}, 0x1001));
    x[5] = 0x2345;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, UBFX}, 0x01234567));
    assert_true(holds(STXR, (uint32_t[6]){LDXR, UBFX}, 0xff012345ff));
}

static void narrow_lines_are_zero_extended(void **state)
{
    (void)state;
    x[5] = 0x101;
    assert_true(holds(STXRB, (uint32_t[6]){LDXRB, ADD_2}, 0xff));
    x[5] = 0x1ff;
    assert_false(holds(STXRB, (uint32_t[6]){LDXRB, ADD_2}, 0xff));
}

static void flags_count_too(void **state)
{
    (void)state;
    x[5] = 0;
    nzcv = NZCV_Z | NZCV_C;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, ADDS_W}, 0xffffffff));
    nzcv = NZCV_Z;
    assert_false(holds(STXR, (uint32_t[6]){LDXR, ADDS_W}, 0xffffffff));
    /* Flags from before the line may be read, */
    x[5] = 77;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, CSEL_EQ}, 77));
    /* but not if the line has changed them since. */
    x[5] = 0;
    nzcv = NZCV_Z | NZCV_C;
    assert_false(holds(STXR, (uint32_t[6]){LDXR, CSEL_EQ, ADDS_W}, 0xffffffff));
}

static void branch_inside_the_line_is_followed(void **state)
{
    (void)state;
    x[5] = 0;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, CBNZ_8}, 0));
    x[5] = 9; /* over the addition, to the store */
    assert_false(holds(STXR, (uint32_t[6]){LDXR, CBNZ_8, MOV_X7}, 9)); /* was x7 written? */
    x[5] = 2;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, CBNZ_8, ADD_2}, 0));
    x[5] = 9;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, CBNZ_8, ADD_2}, 9));
}

static void branch_over_the_store_is_no_store(void **state)
{
    (void)state;
    x[5] = 9;
    assert_false(holds(STXR, (uint32_t[6]){LDXR, CBNZ_12, 0xd503201f}, 9));
    x[5] = 0;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, CBNZ_12, 0xd503201f}, 0));
}

static void lines_that_cannot_be_run_again(void **state)
{
    (void)state;
    x[5] = 50;
    x[7] = 1;
    assert_true(holds(STXR, (uint32_t[6]){LDXR, MOV_X7}, 50));
    assert_false(holds(STXR, (uint32_t[6]){LDXR, ADD_X7}, 50)); /* reads what it writes */
    assert_false(holds(STXR, (uint32_t[6]){LDXR, ADD_BASE}, 50));
    assert_false(holds(STXR, (uint32_t[6]){LDXR, LDR_X9}, 50));
    assert_false(holds(STXR, (uint32_t[6]){LDXR, BACKWARDS}, 50));
    assert_false(holds(STXR, (uint32_t[6]){ADD_2}, 48)); /* no load */
    assert_false(holds(STXR, (uint32_t[6]){LDXR_X3}, 50));
    assert_false(holds(STXR, (uint32_t[6]){LDXR_W}, 50));
    assert_false(holds(STXRB, (uint32_t[6]){LDXR}, 50));
}

/* The CPU came by another way: x5 is not the line's. */
static void another_value_than_the_lines(void **state)
{
    (void)state;
    x[5] = 0x6600;
    assert_false(holds(STXR, (uint32_t[6]){LDXR, ADD_2}, 0x1000));
}

/* Every word as the middle of a line: nothing is read or shifted out of range. */
static void any_word_is_survived(void **state)
{
    unsigned int held = 0;

    (void)state;
    for (uint32_t i = 0; i < 1 << 21; i++) {
        uint32_t word = (i * 2654435761U & 0xe3ffffff) | (i % 2 != 0 ? 0x0a000000 : 0x10000000);

        held += holds(STXR, (uint32_t[6]){LDXR, word}, x[5]) ? 1 : 0;
    }
    assert_true(held > 0);
}

#define T(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(registers_are_what_the_line_makes_of_memory),
        T(narrow_lines_are_zero_extended),
        T(flags_count_too),
        T(branch_inside_the_line_is_followed),
        T(branch_over_the_store_is_no_store),
        T(lines_that_cannot_be_run_again),
        T(another_value_than_the_lines),
        T(any_word_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

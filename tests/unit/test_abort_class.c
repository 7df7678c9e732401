/* SPDX-License-Identifier: Apache-2.0 */
/* core/abort_class.c: one test for each row of the table of aborts, and for their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/abort_class.h"

#define WALK BIT64(31)

#define TRANSLATION 0x04
#define ACCESS      0x08
#define PERMISSION  0x0c
#define EXTERNAL    0x10
#define WALK_ABORT  0x14
#define CONFLICT    0x30

static struct trap data(uint64_t iss, uint64_t ipa)
{
    return (struct trap){.iss = (uint32_t)iss, .ipa = ipa_of(ipa)};
}

static struct trap fetch(uint64_t iss, uint64_t ipa)
{
    return (struct trap){.iss = (uint32_t)iss, .ipa = ipa_of(ipa), .instruction = true};
}

static void expect(struct trap trap, enum abort_class class)
{
    assert_int_equal(abort_classify(&trap, WALK), class);
}

static void a_walk_into_the_walk_window_is_a_reconnect(void **state)
{
    (void)state;
    for (uint64_t level = 0; level < 4; level++) {
        expect(data(ISS_ABT_S1PTW | TRANSLATION | level, WALK | 0x7fe00000), ABORT_WALK);
        expect(fetch(ISS_ABT_S1PTW | TRANSLATION | level, WALK | 0x7fe00000), ABORT_WALK);
    }
}

/* AT sets both; a store sets WnR; neither is what the walker did. */
static void what_the_guest_did_does_not_matter_to_a_walk(void **state)
{
    (void)state;
    expect(data(ISS_ABT_S1PTW | TRANSLATION | ISS_DABT_WNR, WALK), ABORT_WALK);
    expect(data(ISS_ABT_S1PTW | TRANSLATION | ISS_DABT_WNR | ISS_DABT_CM, WALK), ABORT_WALK);
    expect(data(ISS_ABT_S1PTW | TRANSLATION | ISS_DABT_CM, WALK), ABORT_WALK);
}

static void a_walk_elsewhere_is_none(void **state)
{
    (void)state;
    expect(data(ISS_ABT_S1PTW | TRANSLATION, 0x7fe00000), ABORT_WALK_OTHER);
    expect(data(ISS_ABT_S1PTW | ACCESS, WALK), ABORT_WALK_OTHER);
    expect(data(ISS_ABT_S1PTW | WALK_ABORT | 3, WALK), ABORT_WALK_OTHER);
}

static void a_walk_that_stores_is_a_hardware_update(void **state)
{
    (void)state;
    expect(data(ISS_ABT_S1PTW | PERMISSION | 3, WALK), ABORT_WALK_UPDATE);
    expect(data(ISS_ABT_S1PTW | PERMISSION | 3 | ISS_DABT_WNR, WALK), ABORT_WALK_UPDATE);
}

static void the_walk_window_is_not_to_be_used(void **state)
{
    (void)state;
    expect(data(TRANSLATION | 3, WALK | 0x7fe00000), ABORT_WINDOW);
    expect(data(TRANSLATION | 3 | ISS_DABT_WNR, WALK | 0x7fe00000), ABORT_WINDOW);
    expect(fetch(TRANSLATION | 3, WALK | 0x7fe00000), ABORT_WINDOW);
}

static void nothing_is_where_nothing_is_mapped(void **state)
{
    (void)state;
    expect(data(TRANSLATION | 2, 0x08000000), ABORT_UNMAPPED);
    expect(data(TRANSLATION | 1 | ISS_DABT_WNR, 0x1000), ABORT_UNMAPPED);
    expect(fetch(TRANSLATION, 0x1000), ABORT_UNMAPPED);
}

/* HPFAR_EL2 is UNKNOWN then: whatever stands in `ipa` must not count. */
static void a_permission_fault_is_judged_without_its_ipa(void **state)
{
    static const uint64_t poison[] = {0, WALK, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(poison); i++) {
        expect(data(PERMISSION | 3 | ISS_DABT_WNR, poison[i]), ABORT_STORE);
        expect(data(PERMISSION | 3, poison[i]), ABORT_LOAD);
        expect(fetch(PERMISSION | 3, poison[i]), ABORT_EXECUTE);
    }
}

static void cache_maintenance_is_no_store(void **state)
{
    (void)state;
    expect(data(PERMISSION | 3 | ISS_DABT_WNR | ISS_DABT_CM, 0), ABORT_MAINTENANCE);
}

static void the_rest_is_nobodys(void **state)
{
    (void)state;
    expect(data(0, 0), ABORT_OTHER); /* address size, level 0 */
    expect(data(ACCESS | 3, 0), ABORT_OTHER);
    expect(data(EXTERNAL, 0), ABORT_OTHER);
    expect(data(WALK_ABORT | 1, 0), ABORT_OTHER);
    expect(data(CONFLICT, 0), ABORT_CONFLICT);
    expect(fetch(CONFLICT | ISS_ABT_S1PTW, WALK), ABORT_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_into_the_walk_window_is_a_reconnect),
        cmocka_unit_test(what_the_guest_did_does_not_matter_to_a_walk),
        cmocka_unit_test(a_walk_elsewhere_is_none),
        cmocka_unit_test(a_walk_that_stores_is_a_hardware_update),
        cmocka_unit_test(the_walk_window_is_not_to_be_used),
        cmocka_unit_test(nothing_is_where_nothing_is_mapped),
        cmocka_unit_test(a_permission_fault_is_judged_without_its_ipa),
        cmocka_unit_test(cache_maintenance_is_no_store),
        cmocka_unit_test(the_rest_is_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

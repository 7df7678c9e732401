/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random guests on the model, always the same ones: operations of several CPUs, and stores of other
 * CPUs between any two effects of an operation. TRACE=n in the environment shows guest n, GUESTS=n
 * runs so many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/mmu/world.h"

#define GUESTS       300
#define ACTIONS_EACH 160

static struct world w;
static uint64_t random_state;

/* Xorshift: the numbers matter less than that they are the same everywhere. */
static uint8_t next_byte(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint8_t)(random_state >> 24);
}

static void draw(struct action *a)
{
    uint8_t bytes[ACTION_BYTES];

    for (unsigned int i = 0; i < sizeof(bytes); i++)
        bytes[i] = next_byte();
    *a = action_decode(&w, bytes);
}

/* Another CPU stores where it can. */
static void interfere(struct mmu *m)
{
    struct action a;

    if (next_byte() % 8 != 0)
        return;
    draw(&a);
    m->hook = NULL;
    (void)mmu_guest_store(m, a.frame, a.index, action_value(&w, a.value), next_byte() % 3);
    m->hook = interfere;
}

static void trace(unsigned int step, const struct action *a)
{
    char text[120];

    action_print(&w, a, text, sizeof(text));
    print_message("%4u %s\n", step, text);
}

enum kind { DIRECT, GUARDED };

static void guest(uint64_t seed, enum kind kind, bool interference, bool show)
{
    uint8_t bytes[2];

    random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    bytes[0] = next_byte();
    bytes[1] = next_byte();
    bytes[0] = (uint8_t)(kind == GUARDED ? bytes[0] | 192U : bytes[0] & 127U);
    world_decode(&w, bytes);
    w.mmu.hook = interference ? interfere : NULL;
    for (unsigned int i = 0; i < ACTIONS_EACH && !w.crashed; i++) {
        struct action a;

        draw(&a);
        if (show)
            trace(i, &a);
        (void)action_run(&w, &a);
        if (w.mmu.failed[0] == '\0')
            continue;
        trace(i, &a);
        fail_msg("guest %llu: %s", (unsigned long long)seed, w.mmu.failed);
    }
    /* Nobody who waits is lost. */
    world_drain(&w, true);
    if (w.mmu.failed[0] != '\0')
        fail_msg("guest %llu: %s", (unsigned long long)seed, w.mmu.failed);
}

static void guests(enum kind kind, bool interference)
{
    const char *seed = getenv("TRACE");
    const char *many = getenv("GUESTS");
    uint64_t count = many != NULL ? strtoull(many, NULL, 10) : GUESTS;
    struct ptwr_counters seen = {0};

    if (seed != NULL) {
        guest(strtoull(seed, NULL, 10), kind, interference, true);
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        guest(i, kind, interference, false);
        seen.emulated += w.p.count.emulated;
        seen.opened += w.p.count.opened;
        seen.promoted += w.p.count.promoted;
        seen.demoted += w.p.count.demoted;
        seen.walk_faults += w.p.count.walk_faults;
        seen.batch_entries += w.p.count.batch_entries;
    }
    /* A run in which little happens shows little. */
    assert_true(seen.emulated > count && seen.opened > count / 2 && seen.promoted > count);
    assert_true(seen.demoted > count && seen.walk_faults > count && seen.batch_entries > count / 3);
}

static void random_guests(void **unused)
{
    (void)unused;
    guests(DIRECT, false);
}

static void random_guests_with_stores_between_effects(void **unused)
{
    (void)unused;
    guests(DIRECT, true);
}

static void random_guarded_guests(void **unused)
{
    (void)unused;
    guests(GUARDED, false);
}

static void random_guarded_guests_with_stores_between_effects(void **unused)
{
    (void)unused;
    guests(GUARDED, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_guests),
        cmocka_unit_test(random_guests_with_stores_between_effects),
        cmocka_unit_test(random_guarded_guests),
        cmocka_unit_test(random_guarded_guests_with_stores_between_effects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

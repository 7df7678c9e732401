/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine on the model under libFuzzer. Two bytes make the domain; every six after them make an
 * action, or a store of another CPU inside one of the next actions. At the end everyone who was
 * told to come back does so, and has to be done. Says at exit how many operations it ran: calls of
 * the engine, accesses and stores, not inputs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/mmu/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct world w;
static unsigned long long operations;

/* A store that waits for its effect: so many effects from now. */
static struct {
    struct action action;
    unsigned int countdown;
} waiting;

static void interfere(struct mmu *m)
{
    if (waiting.countdown == 0 || --waiting.countdown != 0)
        return;
    m->hook = NULL;
    (void)mmu_guest_store(m, waiting.action.frame, waiting.action.index,
                          action_value(&w, waiting.action.value), waiting.action.option % 3);
    m->hook = interfere;
}

static void say_how_many(void) { (void)fprintf(stderr, "operations: %llu\n", operations); }

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return atexit(say_how_many);
}

static void expect_sound(void)
{
    if (w.mmu.failed[0] == '\0')
        return;
    (void)fprintf(stderr, "fuzz_ptwr: %s\n", w.mmu.failed);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    world_decode(&w, data);
    waiting.countdown = 0;
    w.mmu.hook = interfere;
    for (size_t i = 2; i + ACTION_BYTES <= size && !w.crashed; i += ACTION_BYTES) {
        struct action a = action_decode(&w, data + i);

        if (data[i] >= 240) { /* the same for every kind: they are fewer */
            waiting.action = a;
            waiting.countdown = 1 + data[i + 1] / 8U;
            continue;
        }
        operations += action_run(&w, &a);
        expect_sound();
    }
    world_drain(&w, true);
    expect_sound();
    return 0;
}

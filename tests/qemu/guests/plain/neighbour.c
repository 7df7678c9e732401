/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works next to a guest that is tested: fills memory with what can be recomputed, and checks it
 * again and again, for some seconds. Nobody else may change it, or keep it from its work.
 */
#include "common/print.h"
#include "plain/guest.h"
#include "plain/timer.h"

#define WORDS   32768 /* 256 KiB */
#define SECONDS 2

static uint64_t memory[WORDS];

static uint64_t word(uint64_t round, uint64_t i)
{
    return (round * WORDS + i) * UINT64_C(6364136223846793005) + 1442695040888963407;
}

void guest_main(uint64_t dtb)
{
    uint64_t end = timer_now() + timer_ms(SECONDS * 1000);
    uint64_t rounds = 0;

    (void)dtb;
    print("neighbour: begins\n");
    while (timer_now() < end) {
        for (uint64_t i = 0; i < WORDS; i++)
            memory[i] = word(rounds, i);
        for (uint64_t i = 0; i < WORDS; i++) {
            if (memory[i] == word(rounds, i))
                continue;
            print("neighbour: FAILED: word %lu of round %lu\n", i, rounds);
            return;
        }
        rounds++;
    }
    print("neighbour: all words right\n");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timed loops for comparing a Linux guest with and without the hypervisor. Each prints
 * "bench: NAME OPERATIONS TICKS", TICKS of the virtual counter; one more line tells its
 * frequency, and "boot" how long the guest took from its start to here. `workload NAME...` runs
 * only those named.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "workload.h"

static uint64_t clock_ticks, clock_since;
static int clock_runs;

static inline uint64_t counter(void)
{
    uint64_t value;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value)::"memory");
    return value;
}

static inline uint64_t frequency(void)
{
    uint64_t value;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}

void clock_start(void)
{
    clock_runs = 1;
    clock_since = counter();
}

void clock_stop(void)
{
    uint64_t now = counter();

    if (clock_runs) {
        clock_ticks += now - clock_since;
    }
    clock_runs = 0;
}

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
    }
    return argc < 2;
}

static int measure(const struct loop *loop)
{
    /* One round unmeasured: the first one pays for memory that later ones find ready. */
    (void)loop->run(loop->count / 16 + 1);
    clock_ticks = 0;
    clock_start();
    int failed = loop->run(loop->count);
    clock_stop();

    if (failed != 0) {
        printf("bench: %s failed\n", loop->name);
        return 1;
    }
    printf("bench: %s %lu %llu\n", loop->name, loop->count, (unsigned long long)clock_ticks);
    (void)fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct loop *const lists[] = {process_loops, memory_loops, command_loops};
    /* The counter is 0 when the guest starts. */
    uint64_t boot = counter();

    printf("bench: frequency %llu\n", (unsigned long long)frequency());
    printf("bench: boot 1 %llu\n", (unsigned long long)boot);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (const struct loop *loop = lists[i]; loop->name != NULL; loop++) {
            if (wanted(loop->name, argc, argv) && measure(loop) != 0) {
                return 1;
            }
        }
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vCPUs of a domain other than the one that is measured: in WFI, or storing to live tables of
 * their own without end.
 */
#pragma once

#include "direct/guest.h"
#include "direct/table.h"
#include "direct/worker.h"

#define OTHERS_VA  UINT64_C(0x40000000)
#define OTHERS_RUN 16u /* stores of one to its table before it walks it */

/* Level-3 tables in the spaces of the workers, and the entries that they store. */
static uint64_t *others_table[MAX_WORKERS];
static const uint64_t *others_entries;

static inline void yield(void) { __asm__ volatile("yield" ::: "memory"); }

static inline void others_idle(struct worker *me)
{
    PUT(me->rounds, 1);
    for (;;)
        wfi();
}

/* Gives way after each store: nobody else ends its turn on a machine that runs one CPU at a time.
 */
static inline void others_busy(struct worker *me)
{
    uint64_t *table = others_table[me->id];

    for (unsigned int n = 0;; n++) {
        unsigned int at = n % TABLE_ENTRIES;

        *(volatile uint64_t *)&table[at] = n / TABLE_ENTRIES % 2 == 0 ? others_entries[at] : 0;
        if (n % OTHERS_RUN == OTHERS_RUN - 1) {
            tlbi_all();
            __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(OTHERS_VA) : "memory");
        }
        PUT(me->rounds, me->rounds + 1);
        yield();
    }
}

/* The assist is on. `entries`: TABLE_ENTRIES leaves. Loads the space of vCPU 0's worker. */
static inline void others_prepare(const uint64_t *entries)
{
    others_entries = entries;
    workers_init();
    for (unsigned int i = 0; i < nr_workers; i++)
        others_table[i] = space_entry(&workers[i].space, OTHERS_VA, 3);
}

/* As the command line says: "idle", "busy", or they stay off. All are at it when this returns. */
static inline void others_start(void)
{
    job_fn job = guest_option("idle") ? others_idle : guest_option("busy") ? others_busy : NULL;

    for (unsigned int i = 1; job != NULL && i < nr_workers; i++) {
        if (!worker_up(&workers[i]))
            guest_crash();
        worker_give(&workers[i], job);
        while (GET(workers[i].rounds) == 0)
            yield();
    }
}

static inline uint64_t others_rounds(void)
{
    uint64_t sum = 0;

    for (unsigned int i = 1; i < nr_workers; i++)
        sum += GET(workers[i].rounds);
    return sum;
}

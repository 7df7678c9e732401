/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's vCPUs as workers: vCPU 0, which runs guest_main(), gives the others jobs. Only it
 * prints, allocates and uses try_call().
 */
#pragma once

#include <latch/abi.h>

#include "direct/table.h"

#define MAX_WORKERS 8

struct worker;
typedef void (*job_fn)(struct worker *me);

struct worker {
    void *stack; /* first: worker_entry.S */
    unsigned int id;
    job_fn job;          /* to do; NULL once it is done */
    unsigned int starts; /* times that it came up */
    uint64_t wrong;      /* the job's findings */
    uint64_t rounds;
    struct space space; /* its own, pinned; loaded when it comes up */
};

extern struct worker workers[MAX_WORKERS];
extern unsigned int nr_workers;

#define GET(x)    __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define PUT(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

/* A worker for each vCPU, each with an empty space; loads that of vCPU 0. Wants the assist on. */
void workers_init(void);

/* What vcpu_op wants to bring this one up with. */
struct latch_vcpu_context worker_context(struct worker *w);
/* Where CPU_ON has to send it, with the worker as context. */
extern char worker_entry[];

/* By vcpu_op; false: it did not come up. */
bool worker_up(struct worker *w);
/* Has it come up so often, within a while? Is it down? */
bool worker_started(const struct worker *w, unsigned int times);
bool worker_is_down(const struct worker *w);

/* The job on one worker, or on all, vCPU 0 included; false: it did not end, or went wrong. */
void worker_give(struct worker *w, job_fn job);
bool worker_wait(const struct worker *w);
bool workers_run(job_fn job);

/* For worker_entry.S and Latch. */
void worker_begin(struct worker *me);

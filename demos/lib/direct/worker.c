/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/worker.h"

#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"
#include "direct/memory.h"

#define PATIENCE_MS 20000
#define CPACR_FPEN  0x300000

extern char guest_vectors[];

struct worker workers[MAX_WORKERS];
unsigned int nr_workers;

/* Within a time that is long for any machine. */
#define UNTIL(condition)                                                                           \
    ({                                                                                             \
        uint64_t until_ = timer_now() + timer_ms(PATIENCE_MS);                                     \
        bool came_;                                                                                \
        while (!(came_ = (condition)) && timer_now() < until_)                                     \
            ;                                                                                      \
        came_;                                                                                     \
    })

void worker_begin(struct worker *me)
{
    write_sysreg(CPACR_FPEN, cpacr_el1);
    isb();
    PUT(me->starts, me->starts + 1);
    for (;;) {
        job_fn job = GET(me->job);

        if (job == NULL)
            continue;
        job(me);
        PUT(me->job, NULL);
    }
}

void workers_init(void)
{
    nr_workers = (unsigned int)start_info->nr_vcpus;
    for (unsigned int i = 0; i < nr_workers; i++) {
        struct worker *w = &workers[i];

        w->id = i;
        w->stack = page_alloc();
        space_create(&w->space, (uint16_t)(1 + i));
        space_pin(&w->space);
    }
    space_load(&workers[0].space);
}

struct latch_vcpu_context worker_context(struct worker *w)
{
    return (struct latch_vcpu_context){
        .pc = (uint64_t)(uintptr_t)worker_begin,
        .sp = va_of(w->stack) + PAGE_SIZE,
        .x0 = va_of(w),
        .vbar = va_of(guest_vectors),
        .ttbr0 = space_ttbr(&w->space),
        .ttbr1 = read_sysreg(ttbr1_el1),
    };
}

bool worker_started(const struct worker *w, unsigned int times)
{
    return UNTIL(GET(w->starts) == times);
}

bool worker_is_down(const struct worker *w)
{
    return UNTIL(hyp_vcpu_op(VCPUOP_is_up, w->id, NULL) == 0);
}

bool worker_up(struct worker *w)
{
    struct latch_vcpu_context context = worker_context(w);
    unsigned int times = GET(w->starts) + 1;

    return hyp_vcpu_op(VCPUOP_initialise, w->id, &context) == 0 &&
           hyp_vcpu_op(VCPUOP_up, w->id, NULL) == 0 && worker_started(w, times);
}

void worker_give(struct worker *w, job_fn job)
{
    w->wrong = 0;
    w->rounds = 0;
    PUT(w->job, job);
}

bool worker_wait(const struct worker *w) { return UNTIL(GET(w->job) == NULL); }

bool workers_run(job_fn job)
{
    bool good = true;

    for (unsigned int i = 1; i < nr_workers; i++)
        worker_give(&workers[i], job);
    workers[0].wrong = 0;
    job(&workers[0]);
    for (unsigned int i = 1; i < nr_workers; i++)
        good = worker_wait(&workers[i]) && good;
    for (unsigned int i = 0; i < nr_workers; i++)
        good = good && workers[i].wrong == 0;
    return good;
}

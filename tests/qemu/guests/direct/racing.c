/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second vCPU changes a call's arguments in memory while the call reads them: what Latch judged
 * and what it performs must be the same value.
 */
#include "direct/cases.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/worker.h"

#define CALLS 4000

static struct rig rig;
static struct mmu_update request;
static struct mmuext_op operation;
static uint64_t good[2], bad[2]; /* of two words that belong together */
static unsigned int stop;

static void alternate(volatile uint64_t *a, volatile uint64_t *b)
{
    while (GET(stop) == 0) {
        *a = bad[0];
        *b = bad[1];
        *a = good[0];
        *b = good[1];
    }
}

static void change_request(struct worker *me)
{
    (void)me;
    alternate(&request.ptr, &request.val);
}

static void change_operation(struct worker *me)
{
    (void)me;
    alternate(&operation.arg1, &operation.arg2);
}

static void while_changing(job_fn job, void (*call)(void))
{
    PUT(stop, 0);
    worker_give(&workers[1], job);
    for (unsigned int i = 0; i < CALLS; i++)
        call();
    PUT(stop, 1);
    expect(worker_wait(&workers[1]), "the other vCPU");
}

/* A good entry for ours, or another's frame for another's frame, in any mixture. */
static void update(void)
{
    volatile uint64_t *entry = &rig.level3[7];
    int64_t answer = hyp_mmu_update(&request, 1, NULL);

    expect(answer == 0 || answer == -LATCH_EINVAL || answer == -LATCH_EPERM, "the answer");
    expect(*entry == 0 || *entry == good[1], "the entry");
    *entry = 0;
}

static void racing_update(void)
{
    good[0] = virt_to_machine(&rig.level3[7]);
    good[1] = entry_page(rig.page[1], PAGE_PRIVATE);
    bad[0] = foreign_mfn(0) << PAGE_SHIFT;
    bad[1] = foreign_mfn(0) << PAGE_SHIFT | PAGE_PRIVATE;
    while_changing(change_request, update);
}

/* A frame that can be pinned, or another's: it is pinned once, or not at all. */
static void pin(void)
{
    uint64_t mfn = good[0];
    int64_t answer;

    operation.cmd = MMUEXT_PIN_L1_TABLE;
    answer = hyp_mmuext_op(&operation, 1, NULL);
    expect(answer == 0 || answer == -LATCH_EPERM, "the answer");
    expect_equal((uint64_t)hyp_mmuext(MMUEXT_UNPIN_TABLE, mfn),
                 answer == 0 ? 0 : (uint64_t)-LATCH_EINVAL, "unpin");
}

static void racing_pin(void)
{
    uint64_t *table = table_alloc();

    good[0] = virt_to_mfn(table);
    good[1] = 0;
    bad[0] = foreign_mfn(0);
    bad[1] = ~UINT64_C(0);
    while_changing(change_operation, pin);
    page_free(table);
}

#define CASE(fn) {#fn, fn, false},
static const struct test_case cases[] = {CASE(racing_update) CASE(racing_pin)};

void guest_main(void)
{
    (void)assist_set(true);
    workers_init();
    rig_make(&rig);
    if (!worker_up(&workers[1]))
        guest_crash();
    cases_run(cases, ARRAY_SIZE(cases));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/known.h"

/* Entries without work from which on the port finds the next one with work sooner. */
#define IDLE 16

void known_learn(struct ptwr *p, desc_t d)
{
    uint64_t kind = known_kind(d);
    const struct frame *f = frame_get(p->frames, pa_to_mfn(pa_of(desc_oa(d))));

    /* One of a contiguous group stands for more than its page, and code is not judged by its kind.
     */
    if (!desc_is_valid(d) || (d.raw & DESC_CONTIGUOUS) != 0 || seal_counts(p, d) || f == NULL ||
        f->owner != p->owner)
        return;
    p->kinds[known_place(kind)] = kind;
}

/* Pages of the same kind in the same region: the next ones are most likely of it too. */
static struct frame_run run_of(const struct ptwr *p, desc_t d)
{
    mfn_t mfn = pa_to_mfn(pa_of(desc_oa(d)));
    uint32_t region = (mfn.raw >> (REGION_SHIFT - PAGE_SHIFT)) - p->frames->first;

    if (!desc_is_valid(d) || frame_get(p->frames, mfn) == NULL)
        return (struct frame_run){0};
    return (struct frame_run){
        .key = frame_run_turn(d.raw & ~GENMASK64(REGION_SHIFT - 1, PAGE_SHIFT)),
        .frames = p->frames->region[region],
        .count = FRAMES_PER_REGION,
    };
}

static inline bool run_has(const struct frame_run *run, uint8_t owner, desc_t d)
{
    uint64_t place = frame_run_place(run, d.raw);

    return place < run->count && frame_is_ordinary(&run->frames[place], owner);
}

unsigned int known_row(const struct ptwr *p, const desc_t *entries, unsigned int count)
{
    struct frame_run run = {0};
    unsigned int idle = 0;
    unsigned int i = 0;

    while (i < count) {
        const struct frame_run same = run; /* in registers */
        desc_t d = desc_of(0);

        for (; i < count; i++) {
            d = ptwr_view_load(&entries[i]);
            if (run_has(&same, p->owner, d))
                continue;
            if (desc_is_valid(d) || ++idle == IDLE)
                break;
        }
        if (i == count || idle == IDLE || !known_is(p, d))
            break;
        run = run_of(p, d);
        i++;
    }
    return i;
}

unsigned int known_changes(const struct ptwr *p, struct ptwr_view view, unsigned int count,
                           unsigned int *changed)
{
    struct frame_run run = {0};
    unsigned int idle = 0;
    unsigned int i = 0;

    while (i < count) {
        const struct frame_run same = run; /* in registers */
        desc_t d = desc_of(0);

        for (; i < count; i++) {
            desc_t then = ptwr_view_load(&view.then[i]);

            d = ptwr_view_load(&view.now[i]);
            if (!desc_eq(d, then)) {
                if ((!run_has(&same, p->owner, d) && desc_is_valid(d)) || known_is_code(p, then))
                    break;
            } else if (++idle == IDLE) {
                break;
            }
        }
        if (i == count || idle == IDLE || !known_is(p, d) ||
            known_is_code(p, ptwr_view_load(&view.then[i])))
            break;
        run = run_of(p, d);
        i++;
    }
    *changed += i - idle + (idle == IDLE);
    return i;
}

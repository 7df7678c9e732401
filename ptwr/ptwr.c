/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's interface: names, the assist, frames in and out. */
#include "ptwr/ptwr.h"

#include "ptwr/port.h"
#include "ptwr/sequence.h"
#include "ptwr/slot.h"
#include "ptwr/stale.h"
#include "ptwr/type.h"
#include "ptwr/validate.h"

const char *ptwr_rule_name(enum ptwr_rule rule)
{
    static const char *const name[PTWR_RULES] = {
        [PTWR_RULE_NONE] = "none",
        [PTWR_RULE_RESERVED] = "reserved encoding, or contiguous",
        [PTWR_RULE_LEVEL] = "no such entry at this level",
        [PTWR_RULE_WINDOW] = "wrong window",
        [PTWR_RULE_OWNER] = "not a frame of this domain",
        [PTWR_RULE_MEMTYPE] = "wrong memory type",
        [PTWR_RULE_TYPE] = "frame is in use as something else",
        [PTWR_RULE_WRITABLE] = "writable mapping of a page table, assist off",
        [PTWR_RULE_EL0_TABLE] = "page table writable at EL0",
        [PTWR_RULE_FOREIGN] = "frame that others write",
        [PTWR_RULE_COUNT] = "too many references",
        [PTWR_RULE_UNALIGNED] = "store that can be neither emulated nor batched",
        [PTWR_RULE_REGIME] = "register that gives descriptors their meaning",
        [PTWR_RULE_EXECUTE] = "kernel code that is writable, or in reach of user space",
        [PTWR_RULE_SEALED] = "sealed kernel image",
        [PTWR_RULE_TEXT] = "change of kernel code",
    };

    return rule < PTWR_RULES ? name[rule] : "?";
}

const char *ptwr_trigger_name(enum ptwr_trigger trigger)
{
    static const char *const name[PTWR_TRIGGERS] = {
        [PTWR_T_SLOT] = "slot",           [PTWR_T_WALK] = "walk",
        [PTWR_T_PREEMPT] = "preempt",     [PTWR_T_BLOCK] = "block",
        [PTWR_T_HYPERCALL] = "hypercall", [PTWR_T_REGIME] = "regime",
        [PTWR_T_ASSIST] = "assist",       [PTWR_T_CONFLICT] = "conflict",
        [PTWR_T_MEMORY] = "memory",       [PTWR_T_LIFE] = "life",
        [PTWR_T_REFERENCE] = "reference", [PTWR_T_EL2_WALK] = "el2-walk",
    };

    return trigger < PTWR_TRIGGERS ? name[trigger] : "?";
}

void ptwr_init(struct ptwr *p)
{
    for (unsigned int i = 0; i < PTWR_MAX_VCPUS; i++) {
        p->base[i][0] = MFN_NONE;
        p->base[i][1] = MFN_NONE;
        p->va_bits[i][0] = p->guarded ? 0 : PAGE_SHIFT + 4 * PTWR_INDEX_BITS;
        p->va_bits[i][1] = p->va_bits[i][0];
    }
    for (unsigned int i = 0; i < PTWR_PREDICTOR; i++)
        p->predictor[i] = (struct ptwr_place){.table = MFN_NONE.raw};
    for (unsigned int i = 0; i < PTWR_ENDINGS; i++)
        p->endings[i].places = 0;
    for (unsigned int i = 0; i < PTWR_MAX_VCPUS; i++)
        p->foretold[i].open = false;
    p->nr_endings = 0;
    type_forget(p);
    p->last_empty = MFN_NONE;
    p->kept = MFN_NONE;
    p->assist = p->assist || p->guarded;
    p->settling = false;
    p->flush_due = false;
    p->links++;
    slot_init(p);
    stale_init(p);
}

void ptwr_set_normal_attrs(struct ptwr *p, uint8_t normal)
{
    if (normal != p->normal_attrs)
        type_forget(p);
    p->normal_attrs = normal;
}

enum hv_err ptwr_assist(struct ptwr *p, bool on, unsigned int *budget)
{
    enum hv_err err = HV_OK;

    if (!on) {
        err = ptwr_sync(p, PTWR_T_ASSIST, budget);
        if (err != HV_OK)
            return err;
        if (p->tables_with_writers != 0)
            err = stale_teardown(p, budget); /* perhaps mapped by these only */
        if (err != HV_OK)
            return err;
        if (p->tables_with_writers != 0)
            return HV_EBUSY;
    }
    p->assist = on;
    return HV_OK;
}

void ptwr_flush(struct ptwr *p, unsigned int *budget)
{
    sequence_flush(p);
    (void)ptwr_work(p, budget);
}

/* --- Frames in and out ------------------------------------------------------------------------ */

enum hv_err ptwr_frame_add(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    if (f == NULL)
        return HV_ENOENT;
    if (f->owner != FRAME_NO_OWNER)
        return HV_EBUSY;
    /* Leaves may map it already, uncounted. */
    if (validate_is_frameless(p, mfn_to_pa(mfn).raw, PAGE_SIZE))
        return HV_EINVAL;
    *f = (struct frame){.owner = p->owner};
    return HV_OK;
}

void ptwr_region_add(struct ptwr *p, uint32_t region)
{
    struct frame *f = p->frames->region[region - p->frames->first];

    for (uint32_t i = 0; i < 1U << (REGION_SHIFT - PAGE_SHIFT); i++) {
        if (f[i].owner == FRAME_NO_OWNER)
            f[i] = (struct frame){.owner = p->owner};
    }
}

enum hv_err ptwr_settle(struct ptwr *p, mfn_t mfn, unsigned int *budget)
{
    const struct frame *f = frame_get(p->frames, mfn);

    if (f->state == FRAME_PROTECTING && type_slot(p, mfn) == NULL)
        type_cancel(p, mfn);
    return f->state == FRAME_STALE ? stale_finish(p, mfn, budget) : HV_OK;
}

enum hv_err ptwr_frame_remove(struct ptwr *p, mfn_t mfn, unsigned int *budget)
{
    struct frame *f = type_frame(p, mfn);
    enum hv_err err = ptwr_sync(p, PTWR_T_MEMORY, budget);

    if (err != HV_OK)
        return err;
    if (f == NULL)
        return HV_EPERM;
    if (f->counts != 0) /* perhaps by what stale tables still hold only */
        err = stale_teardown(p, budget);
    if (err == HV_OK)
        err = ptwr_settle(p, mfn, budget);
    if (err != HV_OK)
        return err;
    if (f->counts != 0 || f->readonly) /* a table has a count */
        return HV_EBUSY;
    sequence_unmap(p, mfn);
    *f = (struct frame){.owner = FRAME_NO_OWNER};
    return HV_OK;
}

/* What a frame is before its domain starts: the seal ends with the guest that was sealed. */
static struct frame fresh(const struct ptwr *p, const struct frame *f)
{
    struct frame new = {.owner = p->owner, .readonly = f->readonly};

    if (frame_has(f, FRAME_SEALED))
        new.readonly = 0;
    if (frame_has(f, FRAME_FOREIGN) && !(p->guarded && frame_is_table(f)))
        frame_set(&new, FRAME_FOREIGN);
    return new;
}

void ptwr_reset(struct ptwr *p)
{
    const struct frame_table *t = p->frames;

    for (uint32_t region = 0; region < t->count; region++) {
        if (t->region[region] == NULL)
            continue;
        for (uint32_t i = 0; i < 1U << (REGION_SHIFT - PAGE_SHIFT); i++) {
            struct frame *f = &t->region[region][i];

            if (f->owner == p->owner)
                *f = fresh(p, f);
        }
    }
    p->assist = false;
    p->seal = (struct ptwr_seal){
        .state = p->guarded ? SEAL_OPEN : SEAL_NEVER, .text = p->seal.text, .audit = p->seal.audit};
    p->blocks = false;
    p->tables_with_writers = 0;
    p->pause = 0;
    p->pause_shift = 0;
    p->empty_batches = 0;
    p->count = (struct ptwr_counters){0};
    p->violation = (struct ptwr_violation){0};
    p->fatal = (struct ptwr_violation){0};
    ptwr_init(p);
}

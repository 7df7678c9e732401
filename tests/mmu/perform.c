/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions, carried out as core/ does: each attempt under the domain's lock, the next one whenever
 * its vCPU comes back. Between two attempts others have their turn, or the vCPU does something
 * else, or it never comes back.
 */
#include "tests/mmu/world.h"

/* No operation on tables this small takes more calls than this, whoever has been there before. */
#define MAX_CALLS 400

/* HV_EAGAIN, or how it ended. */
static enum hv_err store_once(struct world *w, const struct action *a, unsigned int budget)
{
    struct ptwr_store store = {
        .table = mfn_of(a->frame),
        .offset = (uint16_t)(a->index * 8),
        .size = 8,
        .decoded = a->option != STORE_UNDECODED,
        .emulatable = a->option != STORE_UNDECODED,
        .el0 = a->option == STORE_EL0,
        .value = action_value(w, a->value).raw,
        .pc = 0x1000 + 4U * a->frame,
        .va = mmu_va(a->index),
    };

    if (a->option == STORE_LOW || a->option == STORE_HIGH)
        store.size = 4;
    if (a->option == STORE_HIGH) {
        store.offset = (uint16_t)(store.offset + 4U);
        store.value >>= 32;
    }
    if (a->option == STORE_CAS) {
        store.old_valid = true;
        store.old = mmu_entry_value(&w->mmu, a->frame, a->index).raw;
    }
    if (a->option == STORE_OPEN)
        w->p.policy = PTWR_POLICY_OPEN;
    else if (a->option != STORE_UNDECODED)
        w->p.policy = PTWR_POLICY_EMULATE;
    return world_store_once(w, a->cpu, &store, MMU_CACHEABLE, budget) == PTWR_RETRY ? HV_EAGAIN
                                                                                    : HV_OK;
}

/* Past the caches; where it would fault, it is a store like any other. */
static void store_nc(struct world *w, const struct action *a)
{
    (void)mmu_guest_store(&w->mmu, a->frame, a->index, action_value(w, a->value),
                          a->option != 0 ? MMU_NC_DIRTY : MMU_NC_CLEAN);
}

static void expect(struct world *w, bool good, const char *what)
{
    if (!good)
        mmu_fail(&w->mmu, "%s was said to be done and is not", what);
}

/* The register is written before the lock is given back. */
static enum hv_err base_once(struct world *w, const struct action *a, unsigned int *budget)
{
    unsigned int which = a->kind == ACT_BASE ? a->option & 1U : 0;
    mfn_t root = a->kind == ACT_BASE ? mfn_of(a->frame) : MFN_NONE;
    enum hv_err err = ptwr_load_base(&w->p, a->cpu, which, root, budget);

    if (err == HV_OK) {
        world_write_base(w, a->cpu, which);
        expect(w, mfn_eq(w->p.base[a->cpu][which], root), "a base");
    }
    return err;
}

/* Guarded: TTBR0_EL1's tables are judged at the first walk, TTBR1_EL1's before it is written. */
static enum hv_err guarded_base_once(struct world *w, const struct action *a, unsigned int *budget)
{
    unsigned int frame = a->kind == ACT_BASE ? a->frame : MMU_NONE;
    unsigned int level = a->kind == ACT_BASE ? a->option / 2U % 4 : 0;
    enum hv_err err;

    if (a->kind == ACT_NO_BASE || (a->option & 1U) == 0) {
        world_user_base(w, a->cpu, frame, level);
        return HV_OK;
    }
    err = ptwr_set_kernel_base(&w->p, a->cpu, mfn_of(frame), WORLD_VA_BITS(level), budget);
    if (err == HV_OK) {
        world_written(w, a->cpu, 1, mfn_of(frame), level);
        expect(w,
               frame_has(&w->frames[frame], FRAME_PINNED) &&
                   w->frames[frame].state == FRAME_ATTACHED,
               "a base");
    }
    w->crashed = w->crashed || err == HV_EPERM;
    return err;
}

static enum hv_err pin_once(struct world *w, const struct action *a, unsigned int *budget)
{
    const struct frame *f = &w->frames[a->frame];
    enum hv_err err = ptwr_pin(&w->p, mfn_of(a->frame), a->option & 3U, budget);

    if (err == HV_OK) {
        expect(w,
               frame_has(f, FRAME_PINNED) && f->state == FRAME_ATTACHED &&
                   f->type == FRAME_TABLE_L0 + (a->option & 3U),
               "a pin");
    }
    return err;
}

static enum hv_err update_once(struct world *w, const struct action *a, unsigned int *budget)
{
    desc_t value = action_value(w, a->value);
    enum hv_err err = ptwr_update(&w->p, mfn_of(a->frame), a->index, value, budget);

    if (err == HV_OK)
        expect(w, desc_eq(mmu_entry_value(&w->mmu, a->frame, a->index), value), "an update");
    return err;
}

static enum hv_err remove_once(struct world *w, const struct action *a, unsigned int *budget)
{
    enum hv_err err = ptwr_frame_remove(&w->p, mfn_of(a->frame), budget);

    if (err == HV_OK)
        expect(w, w->frames[a->frame].owner == FRAME_NO_OWNER, "the removal of a frame");
    return err;
}

/* Calls before which core/ reconnects all open tables, within the same budget. */
static enum hv_err call_once(struct world *w, const struct action *a, unsigned int *budget)
{
    enum hv_err err = ptwr_sync(&w->p, PTWR_T_HYPERCALL, budget);

    if (err == HV_EPERM)
        w->crashed = true;
    if (err != HV_OK)
        return err;
    expect(w, w->p.nr_open == 0, "reconnecting all");
    switch (a->kind) {
    case ACT_UPDATE:
        return update_once(w, a, budget);
    case ACT_PIN:
        return pin_once(w, a, budget);
    case ACT_UNPIN:
        return ptwr_unpin(&w->p, mfn_of(a->frame), budget);
    case ACT_BASE:
    case ACT_NO_BASE:
        return base_once(w, a, budget);
    case ACT_ASSIST:
        return ptwr_assist(&w->p, (a->option & 1U) != 0, budget);
    case ACT_REMOVE:
        return remove_once(w, a, budget);
    case ACT_OFF:
        if (w->p.guarded) {
            world_off(w, a->cpu);
            return HV_OK;
        }
        mmu_set_base(&w->mmu, a->cpu, 0, MMU_NONE);
        mmu_set_base(&w->mmu, a->cpu, 1, MMU_NONE);
        ptwr_unload(&w->p, a->cpu);
        return HV_OK;
    default:
        return HV_OK;
    }
}

static enum hv_err access_once(struct world *w, const struct action *a, unsigned int budget)
{
    unsigned int page = (a->frame * PTWR_ENTRIES + a->index) % MMU_PAGES;

    return world_access_once(w, a->cpu, page, a->option != 0, budget) == WORLD_RETRY ? HV_EAGAIN
                                                                                     : HV_OK;
}

/* One attempt. HV_EAGAIN: it wants to be tried again. */
static enum hv_err attempt(struct world *w, const struct action *a, unsigned int budget)
{
    enum hv_err err;

    w->mmu.cpu = a->cpu;
    switch (a->kind) {
    case ACT_STORE:
        return store_once(w, a, budget);
    case ACT_NC:
        store_nc(w, a);
        return HV_OK;
    case ACT_ACCESS:
        return access_once(w, a, budget);
    case ACT_QUICK:
        w->p.policy = PTWR_POLICY_EMULATE;
        return world_quick_once(w, a->cpu, a->frame * PTWR_ENTRIES % MMU_PAGES,
                                action_value(w, a->value), budget) == WORLD_RETRY
                   ? HV_EAGAIN
                   : HV_OK;
    case ACT_PREEMPT:
        ptwr_protect_open(&w->p, a->cpu, PTWR_T_PREEMPT);
        return HV_OK;
    case ACT_WALK:
        if (w->p.guarded && w->mmu.ttbr[a->cpu][0] == MMU_NONE)
            return HV_OK;
        if (w->p.guarded)
            return world_access_once(w, a->cpu, a->index, false, budget) == WORLD_RETRY ? HV_EAGAIN
                                                                                        : HV_OK;
        err = ptwr_walk_fault(&w->p, a->cpu, mfn_of(a->frame), &budget);
        w->crashed = w->crashed || err == HV_EPERM;
        return err;
    case ACT_FLUSH:
        ptwr_flush(&w->p, &(unsigned int){PTWR_BUDGET});
        return HV_OK;
    case ACT_WORK:
        return ptwr_work(&w->p, &budget);
    case ACT_ADD:
        (void)world_add(w, a->frame);
        return HV_OK;
    case ACT_RESET:
        world_reset(w);
        return HV_OK;
    case ACT_BASE:
    case ACT_NO_BASE:
        return w->p.guarded ? guarded_base_once(w, a, &budget) : call_once(w, a, &budget);
    default:
        return call_once(w, a, &budget);
    }
}

/* Until it is done; nobody else has a turn. */
static void whole(struct world *w, const struct action *a, unsigned int budget)
{
    char text[120];

    for (unsigned int i = 0; i < MAX_CALLS; i++) {
        if (attempt(w, a, budget) != HV_EAGAIN || w->crashed)
            return;
    }
    action_print(w, a, text, sizeof(text));
    mmu_fail(&w->mmu, "no progress: %s", text);
}

static void once(struct world *w, const struct action *a)
{
    enum hv_err err = attempt(w, a, a->budget);

    w->suspended[a->cpu] = err == HV_EAGAIN ? *a : (struct action){.kind = ACT_NONE};
}

static bool is_action(const struct world *w, const struct action *a)
{
    if (a->kind == ACT_NONE || a->kind >= ACTIONS || a->cpu >= w->mmu.cpus)
        return false;
    if (a->kind == ACT_AGAIN)
        return w->suspended[a->cpu].kind != ACT_NONE;
    return a->index < PTWR_ENTRIES && a->value < ACTION_VALUES && a->frame != 0 &&
           (a->frame < MMU_FRAMES || a->kind == ACT_ACCESS || a->kind == ACT_QUICK);
}

bool action_run(struct world *w, const struct action *a)
{
    if (!is_action(w, a) || (w->crashed && a->kind != ACT_RESET))
        return false;
    if (a->kind == ACT_AGAIN) {
        struct action again = w->suspended[a->cpu];

        again.budget = a->budget;
        w->suspended[a->cpu].kind = ACT_NONE;
        if (again.budget == 0)
            whole(w, &again, PTWR_BUDGET);
        else
            once(w, &again);
    } else if (a->budget != 0) {
        once(w, a);
    } else {
        whole(w, a, PTWR_BUDGET);
    }
    world_check(w);
    return true;
}

static bool any_suspended(const struct world *w)
{
    for (unsigned int cpu = 0; cpu < w->mmu.cpus; cpu++) {
        if (w->suspended[cpu].kind != ACT_NONE)
            return true;
    }
    return false;
}

void world_drain(struct world *w, bool alone)
{
    char text[120];

    for (unsigned int i = 0; i < MAX_CALLS && any_suspended(w); i++) {
        for (unsigned int cpu = 0; cpu < w->mmu.cpus; cpu++)
            (void)action_run(w,
                             &(struct action){.kind = ACT_AGAIN, .cpu = (uint8_t)cpu, .budget = 1});
    }
    for (unsigned int cpu = 0; alone && cpu < w->mmu.cpus; cpu++) {
        struct action a = w->suspended[cpu];

        if (a.kind != ACT_NONE && !w->crashed)
            whole(w, &a, 1);
        w->suspended[cpu].kind = ACT_NONE;
    }
    for (unsigned int cpu = 0; cpu < w->mmu.cpus && !w->crashed; cpu++) {
        if (w->suspended[cpu].kind == ACT_NONE)
            continue;
        action_print(w, &w->suspended[cpu], text, sizeof(text));
        mmu_fail(&w->mmu, "kept from getting on by other vCPUs: %s", text);
    }
    if (w->mmu.failed[0] == '\0')
        world_check(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/mmu/world.h"

#include <string.h>

#include "ptwr/invariant.h"

/* No operation on tables this small takes more calls than this, whoever interferes. */
#define MAX_CALLS 64

static frames_t bit(unsigned int frame) { return (frames_t)(1U << frame); }

static void map(struct world *w, unsigned int frame, enum ptwr_perm perm)
{
    ptwr_port_s2_store(&w->mmu, PTWR_DATA, mfn_of(frame), perm);
    ptwr_port_dsb_ish(&w->mmu);
}

/* Domain numbers. */
enum { OWNER = 1, NEIGHBOUR = 2, OTHERS = 3 };

static void init_domain(struct world *w, struct frame_table *table, struct mmu_memory *memory,
                        const struct world_config *config, unsigned int owner)
{
    w->p = (struct ptwr){
        .frames = table,
        .port = &w->mmu,
        .walk = MMU_WALK,
        .owner = (uint8_t)owner,
        .nr_slots = (uint8_t)config->slots,
        .normal_attrs = MMU_NORMAL,
        .devices = {{MMU_DEVICE, MMU_DEVICE_SIZE}},
        .assist = config->assist,
        .policy = config->policy,
        .action = config->action,
        .guarded = config->guarded,
        .count_users = config->count_users,
    };
    ptwr_init(&w->p);
    mmu_init(&w->mmu, &w->p, memory, config->cpus != 0 ? config->cpus : 2);
}

void world_init_neighbour(struct world *w, struct world *neighbour)
{
    const struct world_config config = {
        .slots = w->p.nr_slots,
        .assist = w->p.assist,
        .policy = w->p.policy,
        .action = w->p.action,
        .cpus = w->mmu.cpus,
    };

    memset(neighbour, 0, sizeof(*neighbour));
    init_domain(neighbour, &w->table, &w->memory, &config, NEIGHBOUR);
    w->mmu.neighbour = &neighbour->mmu;
    neighbour->mmu.neighbour = &w->mmu;
}

void world_init(struct world *w, const struct world_config *config)
{
    memset(w, 0, sizeof(*w));
    w->nr_frames = config->frames;
    for (unsigned int i = 0; i < MMU_REGIONS; i++)
        w->region[i] = &w->frames[(size_t)i * MMU_REGION];
    w->table = (struct frame_table){.region = w->region, .first = 0, .count = MMU_REGIONS};
    for (unsigned int i = 0; i < MMU_FRAMES; i++)
        w->frames[i].owner = FRAME_NO_OWNER;
    if (!config->guarded)
        w->frames[0].owner = OTHERS;
    init_domain(w, &w->table, &w->memory, config, OWNER);
    for (unsigned int i = config->guarded ? 0 : 1;
         i <= (config->guarded ? MMU_FRAMES - 1 : config->frames); i++) {
        if (world_add(w, i) != HV_OK)
            mmu_fail(&w->mmu, "frame %u cannot be given to the domain", i);
    }
}

void world_make_readonly(struct world *w, unsigned int frame)
{
    map(w, frame, PTWR_RO);
    ptwr_port_tlbi_vmalls12e1is(&w->mmu);
    ptwr_port_dsb_ish(&w->mmu);
    ptwr_port_tlbi_repeat(&w->mmu);
    w->frames[frame].readonly = 1;
}

desc_t table_desc(unsigned int frame)
{
    return desc_of((uint64_t)frame << PAGE_SHIFT | MMU_WALK | DESC_TABLE | DESC_VALID);
}

desc_t guarded_table_desc(unsigned int frame) { return desc_of(table_desc(frame).raw & ~MMU_WALK); }

desc_t page_desc(unsigned int frame, uint64_t bits)
{
    return desc_of((uint64_t)frame << PAGE_SHIFT | DESC_AF | DESC_TABLE | DESC_VALID | bits);
}

desc_t block_desc(unsigned int frame, uint64_t bits)
{
    return desc_of((uint64_t)frame << PAGE_SHIFT | DESC_AF | DESC_VALID | bits);
}

/* --- Stores ----------------------------------------------------------------------------------- */

void world_fill(struct world *w, unsigned int frame, desc_t first, desc_t second)
{
    if (!mmu_guest_store(&w->mmu, frame, 0, first, MMU_CACHEABLE) ||
        !mmu_guest_store(&w->mmu, frame, 1, second, MMU_CACHEABLE))
        mmu_fail(&w->mmu, "frame %u cannot be filled", frame);
}

static void store_now(struct world *w, const struct ptwr_store *store, enum mmu_store how)
{
    unsigned int index = store->offset / 8U;
    unsigned int shift = store->offset % 8U * 8;
    uint64_t mask = store->size == 8 ? UINT64_MAX : BIT64(store->size * 8) - 1;
    uint64_t old = mmu_entry_value(&w->mmu, store->table.raw, index).raw;
    uint64_t value = (old & ~(mask << shift)) | (store->value & mask) << shift;

    (void)mmu_guest_store(&w->mmu, store->table.raw, index, desc_of(value), how);
}

enum ptwr_outcome world_store_once(struct world *w, unsigned int cpu, struct ptwr_store *store,
                                   enum mmu_store how, unsigned int budget)
{
    bool decodes = store->decoded || store->emulatable;
    enum ptwr_outcome outcome;

    w->mmu.cpu = (uint8_t)cpu;
    store->vcpu = (uint8_t)cpu;
    if ((mmu_storable(&w->mmu) & bit(store->table.raw)) != 0) {
        store_now(w, store, how);
        return PTWR_DONE;
    }
    outcome = ptwr_store_fault(&w->p, store, &budget);
    if (outcome == PTWR_DECODE && !store->decoded && decodes) {
        store->decoded = true;
        outcome = ptwr_store_fault(&w->p, store, &budget);
    }
    w->crashed = w->crashed || outcome == PTWR_CRASH;
    return outcome;
}

enum ptwr_outcome world_store_as(struct world *w, unsigned int cpu, struct ptwr_store *store,
                                 enum mmu_store how)
{
    for (unsigned int i = 0; i < MAX_CALLS; i++) {
        enum ptwr_outcome outcome = world_store_once(w, cpu, store, how, PTWR_BUDGET);

        if (outcome != PTWR_RETRY)
            return outcome;
    }
    mmu_fail(&w->mmu, "a store to frame %u makes no progress", store->table.raw);
    return PTWR_INJECT;
}

enum ptwr_outcome world_store(struct world *w, unsigned int cpu, unsigned int frame,
                              unsigned int index, desc_t value)
{
    struct ptwr_store store = {
        .table = mfn_of(frame),
        .offset = (uint16_t)(index * 8),
        .size = 8,
        .decoded = true,
        .emulatable = true,
        .value = value.raw,
        .pc = 0x1000,
        .va = mmu_va(0),
    };

    return world_store_as(w, cpu, &store, MMU_CACHEABLE);
}

/* --- Accesses by VA --------------------------------------------------------------------------- */

static enum hv_err walk_fault(struct world *w, unsigned int frame, unsigned int budget)
{
    enum hv_err err = ptwr_walk_fault(&w->p, w->mmu.cpu, mfn_of(frame), &budget);

    /* What a table or a base named was a table: the guest did nothing to deserve an abort. A
     * guarded one's bases may name anything. */
    if (err == HV_EINVAL && !w->p.guarded)
        mmu_fail(&w->mmu, "a walk comes to frame %u, which EL2 does not know", frame);
    w->crashed = w->crashed || err == HV_EPERM;
    return err;
}

static enum world_result result_of(enum ptwr_outcome outcome)
{
    if (outcome == PTWR_CRASH)
        return WORLD_CRASHED;
    if (outcome == PTWR_RETRY)
        return WORLD_RETRY;
    return outcome == PTWR_INJECT ? WORLD_INJECTED : WORLD_OK;
}

/* As core/abort.c: which frame it was is found by EL2's own walk. */
static enum world_result permission_fault(struct world *w, unsigned int cpu, unsigned int page,
                                          unsigned int budget)
{
    struct ptwr_walk walk;
    struct ptwr_store store = {.size = 8, .vcpu = (uint8_t)cpu, .va = mmu_va(page), .pc = 0x2000};
    enum hv_err err = ptwr_translate(&w->p, cpu, mmu_va(page), &walk);
    enum ptwr_outcome outcome;

    if (err == HV_EAGAIN) {
        if (ptwr_sync(&w->p, PTWR_T_EL2_WALK, &budget) != HV_EPERM)
            return WORLD_RETRY;
        w->crashed = true;
        return WORLD_CRASHED;
    }
    if (err != HV_OK)
        return WORLD_STAGE1;
    store.table = pa_to_mfn(pa_of(walk.oa));
    if (store.table.raw >= MMU_FRAMES)
        return WORLD_INJECTED;
    store.decoded = true;
    store.emulatable = true;
    store.value = mmu_entry_value(&w->mmu, store.table.raw, 0).raw;
    outcome = ptwr_store_fault(&w->p, &store, &budget);
    w->crashed = w->crashed || outcome == PTWR_CRASH;
    return result_of(outcome);
}

enum world_result world_access_once(struct world *w, unsigned int cpu, unsigned int page,
                                    bool write, unsigned int budget)
{
    unsigned int frame;
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    switch (mmu_access(&w->mmu, cpu, page, write, &frame)) {
    case MMU_HIT:
        return WORLD_OK;
    case MMU_STAGE1:
        return WORLD_STAGE1;
    case MMU_WALK_FAULT:
        err = walk_fault(w, frame, budget);
        if (err == HV_OK || err == HV_EAGAIN)
            return WORLD_RETRY;
        return err == HV_EPERM ? WORLD_CRASHED : WORLD_INJECTED;
    case MMU_PERMISSION:
    default:
        return permission_fault(w, cpu, page, budget);
    }
}

enum world_result world_quick_once(struct world *w, unsigned int cpu, unsigned int page,
                                   desc_t value, unsigned int budget)
{
    const va_t va = va_of(mmu_va(page).raw + sizeof(desc_t));
    struct ptwr_walk walk;
    unsigned int frame;
    enum mmu_fault fault;

    w->mmu.cpu = (uint8_t)cpu;
    fault = mmu_access(&w->mmu, cpu, page, true, &frame);
    if (fault == MMU_HIT) {
        (void)mmu_guest_store(&w->mmu, frame, 1, value, MMU_CACHEABLE);
        return WORLD_OK;
    }
    if (fault == MMU_PERMISSION) {
        if (ptwr_store_page(&w->p, &w->memo[cpu], va, 0x3000, value) ||
            (ptwr_memo_extend(&w->p, &w->memo[cpu], &w->way[cpu], va) &&
             ptwr_store_page(&w->p, &w->memo[cpu], va, 0x3000, value)))
            return WORLD_OK;
        if (ptwr_translate(&w->p, cpu, va, &walk) == HV_OK && walk.oa < MMU_DEVICE) {
            struct ptwr_store store = {
                .table = pa_to_mfn(pa_of(walk.oa)),
                .offset = sizeof(desc_t),
                .size = 8,
                .decoded = true,
                .emulatable = true,
                .value = value.raw,
                .pc = 0x3000,
                .va = va,
            };

            ptwr_memo_fill(&w->p, &w->memo[cpu], &w->way[cpu], va, &walk);
            return result_of(world_store_once(w, cpu, &store, MMU_CACHEABLE, budget));
        }
    }
    return world_access_once(w, cpu, page, true, budget);
}

enum world_result world_access(struct world *w, unsigned int cpu, unsigned int page, bool write)
{
    for (unsigned int i = 0; i < MAX_CALLS; i++) {
        enum world_result result = world_access_once(w, cpu, page, write, PTWR_BUDGET);

        if (result != WORLD_RETRY)
            return result;
    }
    mmu_fail(&w->mmu, "an access to page %u makes no progress", page);
    return WORLD_INJECTED;
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* One of the engine's functions with a budget, again and again. */
#define UNTIL_DONE(w, result, call)                                                                \
    do {                                                                                           \
        unsigned int calls = 0, budget;                                                            \
        do {                                                                                       \
            budget = PTWR_BUDGET;                                                                  \
            (result) = (call);                                                                     \
        } while ((result) == HV_EAGAIN && ++calls < MAX_CALLS);                                    \
        if ((result) == HV_EAGAIN)                                                                 \
            mmu_fail(&(w)->mmu, "%s makes no progress", #call);                                    \
    } while (0)

enum hv_err world_update(struct world *w, unsigned int cpu, unsigned int frame, unsigned int index,
                         desc_t value)
{
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_sync(&w->p, PTWR_T_HYPERCALL, &budget));
    if (err == HV_OK)
        UNTIL_DONE(w, err, ptwr_update(&w->p, mfn_of(frame), index, value, &budget));
    return err;
}

enum hv_err world_pin(struct world *w, unsigned int cpu, unsigned int frame, unsigned int level)
{
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_pin(&w->p, mfn_of(frame), level, &budget));
    return err;
}

enum hv_err world_unpin(struct world *w, unsigned int cpu, unsigned int frame)
{
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_unpin(&w->p, mfn_of(frame), &budget));
    return err;
}

void world_write_base(struct world *w, unsigned int cpu, unsigned int which)
{
    mfn_t base = w->p.base[cpu][which];
    uint8_t now = mfn_is_none(base) ? MMU_NONE : (uint8_t)base.raw;

    if (w->mmu.ttbr[cpu][which] == now)
        return;
    /* What is walked between the write and the flush is walked for nobody, and flushed. */
    mmu_set_base(&w->mmu, cpu, which, MMU_NONE);
    if (w->p.blocks)
        ptwr_flush(&w->p, &(unsigned int){PTWR_BUDGET});
    mmu_set_base(&w->mmu, cpu, which, now);
}

enum hv_err world_base(struct world *w, unsigned int cpu, unsigned int which, unsigned int frame)
{
    mfn_t base = frame == MMU_NONE ? MFN_NONE : mfn_of(frame);
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_load_base(&w->p, cpu, which, base, &budget));
    if (err == HV_OK)
        world_write_base(w, cpu, which);
    return err;
}

/* --- Guarded: registers ----------------------------------------------------------------------- */

static uint8_t mmu_frame(mfn_t root) { return mfn_is_none(root) ? MMU_NONE : (uint8_t)root.raw; }

/* What is walked between the write and the flush is walked for nobody, and flushed. */
void world_written(struct world *w, unsigned int cpu, unsigned int which, mfn_t root,
                   unsigned int level)
{
    if (w->p.flush_due) {
        mmu_set_base(&w->mmu, cpu, which, MMU_NONE);
        ptwr_base_written(&w->p);
    }
    mmu_set_base_at(&w->mmu, cpu, which, mmu_frame(root), level);
}

void world_user_base(struct world *w, unsigned int cpu, unsigned int frame, unsigned int level)
{
    mfn_t root = frame == MMU_NONE ? MFN_NONE : mfn_of(frame);

    w->mmu.cpu = (uint8_t)cpu;
    root = ptwr_set_user_base(&w->p, cpu, root, WORLD_VA_BITS(level));
    world_written(w, cpu, 0, root, level);
}

enum hv_err world_kernel_base(struct world *w, unsigned int cpu, unsigned int frame,
                              unsigned int level)
{
    mfn_t root = frame == MMU_NONE ? MFN_NONE : mfn_of(frame);
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_set_kernel_base(&w->p, cpu, root, WORLD_VA_BITS(level), &budget));
    if (err == HV_OK)
        world_written(w, cpu, 1, root, level);
    return err;
}

void world_off(struct world *w, unsigned int cpu)
{
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_sync(&w->p, PTWR_T_LIFE, &budget));
    mmu_set_base(&w->mmu, cpu, 0, MMU_NONE);
    mmu_set_base(&w->mmu, cpu, 1, MMU_NONE);
    ptwr_stage1_off(&w->p, cpu);
}

enum hv_err world_sync(struct world *w, unsigned int cpu, enum ptwr_trigger why)
{
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_sync(&w->p, why, &budget));
    return err;
}

enum hv_err world_assist(struct world *w, unsigned int cpu, bool on)
{
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_assist(&w->p, on, &budget));
    return err;
}

enum hv_err world_remove(struct world *w, unsigned int cpu, unsigned int frame)
{
    enum hv_err err;

    w->mmu.cpu = (uint8_t)cpu;
    UNTIL_DONE(w, err, ptwr_frame_remove(&w->p, mfn_of(frame), &budget));
    return err;
}

enum hv_err world_add(struct world *w, unsigned int frame)
{
    enum hv_err err = ptwr_frame_add(&w->p, mfn_of(frame));

    if (err == HV_OK)
        map(w, frame, PTWR_RW);
    return err;
}

/* No vCPU runs, and the caller invalidates everything: what core/ does at a restart. */
void world_reset(struct world *w)
{
    ptwr_reset(&w->p);
    w->crashed = false;
    memset(w->suspended, 0, sizeof(w->suspended));
    memset(w->memo, 0, sizeof(w->memo));
    memset(w->mmu.ttbr, MMU_NONE, sizeof(w->mmu.ttbr));
    memset(&w->mmu.now, 0, sizeof(w->mmu.now));
    memset(w->mmu.seen_type, 0, sizeof(w->mmu.seen_type));
    w->mmu.nr_pending = 0;
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        const struct frame *f = &w->frames[i];
        enum ptwr_perm perm = f->readonly ? PTWR_RO : PTWR_RW;

        w->mmu.s2[PTWR_WALK][i] = PTWR_UNMAPPED;
        w->mmu.s2[PTWR_DATA][i] = (uint8_t)(f->owner == w->p.owner ? perm : PTWR_UNMAPPED);
    }
    mmu_publish(&w->mmu);
    mmu_settle(&w->mmu);
}

/* --- Checks between operations ---------------------------------------------------------------- */

static void check_table(struct world *w, unsigned int frame)
{
    const struct frame *f = &w->frames[frame];

    for (unsigned int i = 0; i < PTWR_ENTRIES; i++) {
        desc_t d = mmu_entry_value(&w->mmu, frame, i);

        if ((d.raw & DESC_VALID) != 0)
            mmu_judge(&w->mmu, (unsigned int)f->type - FRAME_TABLE_L0, frame, d);
    }
    if (!w->p.guarded && ((w->mmu.s2_seen[PTWR_WALK][frame] >> PTWR_RO) & 1) == 0)
        mmu_fail(&w->mmu, "frame %u is attached and no walk can come to it", frame);
}

void world_check(struct world *w)
{
    frames_t storable = mmu_storable(&w->mmu);
    const char *wrong;

    w->mmu.may_read = true;
    wrong = ptwr_check(&w->p);
    w->mmu.may_read = false;
    if (wrong != NULL)
        mmu_fail(&w->mmu, "%s", wrong);
    if (w->mmu.nr_pending != 0)
        mmu_fail(&w->mmu, "an operation ends before its TLBI is complete");
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        const struct frame *f = &w->frames[i];

        if (f->owner != w->p.owner)
            continue;
        if (f->state == FRAME_ATTACHED)
            check_table(w, i);
        if ((f->state == FRAME_ATTACHED || f->state == FRAME_PROTECTING) &&
            (storable & bit(i)) != 0)
            mmu_fail(&w->mmu, "frame %u is protected and can be stored to", i);
        if ((f->state == FRAME_PLAIN || f->state == FRAME_OPEN) && !f->readonly &&
            (storable & bit(i)) == 0)
            mmu_fail(&w->mmu, "frame %u is plain or open and cannot be stored to", i);
    }
}

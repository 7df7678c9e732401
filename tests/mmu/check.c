/* SPDX-License-Identifier: Apache-2.0 */
/* What must never be: judged after every effect, by the architecture's text and not the engine's.
 */
#include "tests/mmu/mmu.h"

static frames_t bit(unsigned int frame) { return (frames_t)(1U << frame); }

static frames_t any(const frames_t *sets, size_t count)
{
    frames_t all = 0;

    for (size_t i = 0; i < count; i++)
        all |= sets[i];
    return all;
}

/* Those that are in use. */
static size_t contexts(const struct mmu *m) { return (size_t)m->cpus * MMU_ASIDS; }

/*
 * Stage 2 alone counts: a guest may have a writable stage-1 leaf for any frame, and the model does
 * not ask whether it has one now.
 */
frames_t mmu_storable(const struct mmu *m)
{
    frames_t all = m->late_stores;

    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        if ((m->s2_seen[PTWR_DATA][i] & 1U << PTWR_RW) != 0)
            all |= bit(i);
    }
    all |= any(m->now.s2_rw, m->cpus);
    return all | any(&m->now.rw[0][0], contexts(m) * MMU_PAGES);
}

frames_t mmu_walkable(const struct mmu *m)
{
    frames_t all = m->late_walks;

    /* Direct: tables alone are in the walk window. Guarded: walks come where entries lead. */
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        if ((m->s2_seen[PTWR_WALK][i] & ~(1U << PTWR_UNMAPPED)) != 0)
            all |= bit(i);
    }
    all |= any(m->now.s2_walk, m->cpus);
    return all | any(&m->now.next_pa[0][0], contexts(m) * MMU_PREFIXES);
}

/* Frames that can be reached at all, for loads as well. */
static frames_t reachable(const struct mmu *m)
{
    frames_t all = mmu_storable(m) | mmu_walkable(m);

    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        if ((m->s2_seen[PTWR_DATA][i] & ~(1U << PTWR_UNMAPPED)) != 0)
            all |= bit(i);
    }
    all |= any(m->now.s2_ro, m->cpus);
    return all | any(&m->now.ro[0][0], contexts(m) * MMU_PAGES);
}

static const struct frame *record(const struct mmu *m, uint64_t frame)
{
    return frame < MMU_FRAMES ? frame_get(m->p->frames, mfn_of(frame)) : NULL;
}

static bool is_owned(const struct mmu *m, const struct frame *f)
{
    return f != NULL && f->owner == m->p->owner;
}

static bool is_device(uint64_t address, uint64_t size)
{
    return address >= MMU_DEVICE && address + size <= MMU_DEVICE + MMU_DEVICE_SIZE;
}

#define ATTR(d) ((unsigned int)((d).raw >> 2) & 7)

/* Bits that have no meaning the engine could vouch for, by kind of entry (Arm ARM D8.3). */
#define NEVER_IN_TABLE (GENMASK64(50, 48) | BIT64(63))
#define NEVER_IN_LEAF  (GENMASK64(50, 48) | BIT64(52) | GENMASK64(63, 59))

static const char *judge_table(const struct mmu *m, unsigned int level, desc_t d)
{
    uint64_t address = d.raw & GENMASK64(47, 12);
    const struct frame *f = record(m, (address & ~MMU_WALK) >> PAGE_SHIFT);

    if ((d.raw & NEVER_IN_TABLE) != 0)
        return "a table descriptor with reserved bits";
    if (((address & MMU_WALK) == 0) != m->p->guarded)
        return m->p->guarded ? "a guarded table descriptor in the walk window"
                             : "a table descriptor outside the walk window";
    if (!is_owned(m, f))
        return "a table descriptor that names what is not the domain's";
    if (f->readonly || (f->flags & FRAME_FOREIGN) != 0)
        return "a table descriptor that names a frame which others write";
    if (f->type != FRAME_TABLE_L0 + level + 1)
        return "a table descriptor that names no table of the next level";
    return NULL;
}

static const char *judge_frame(const struct mmu *m, const struct frame *f, desc_t d)
{
    bool writable = (d.raw & DESC_AP_RO) == 0 || (d.raw & DESC_DBM) != 0;

    if (!is_owned(m, f))
        return "a leaf that maps what is not the domain's";
    if (ATTR(d) >= 2)
        return "a leaf that maps memory as a device";
    if (writable && f->readonly)
        return "a leaf that maps a read-only frame writable";
    if (writable && (d.raw & DESC_AP_EL0) != 0 &&
        (f->state == FRAME_ATTACHED || f->state == FRAME_OPEN))
        return "a leaf that maps a table writable for EL0";
    return NULL;
}

/* A guarded guest's leaf: stage 2 stands behind it, whatever it names. */
static const char *judge_guarded_leaf(const struct mmu *m, unsigned int level, desc_t d)
{
    uint64_t size = PAGE_SIZE << PTWR_INDEX_BITS * (3 - level);
    uint64_t address = d.raw & GENMASK64(47, 12);
    bool writable = (d.raw & DESC_AP_RO) == 0 || (d.raw & DESC_DBM) != 0;

    if (level == 0 || (level == 3 && (d.raw & DESC_TABLE) == 0))
        return "a leaf at a level that has none";
    if ((d.raw & NEVER_IN_LEAF & ~BIT64(52)) != 0 || (address & (size - 1)) != 0)
        return "a leaf with reserved bits";
    if ((address & ~(MMU_WALK - 1)) != 0)
        return "a leaf in the walk window or beyond";
    if ((d.raw & BIT64(52)) != 0) {
        size *= PTWR_ENTRIES < 16 ? PTWR_ENTRIES : 16;
        address &= ~(size - 1);
    }
    for (uint64_t i = 0; i < size >> PAGE_SHIFT; i++) {
        const struct frame *f = record(m, (address >> PAGE_SHIFT) + i);

        if (f != NULL && ATTR(d) >= 2)
            return "a leaf that maps memory as a device";
        if (f != NULL && m->p->count_users && writable && (d.raw & DESC_AP_EL0) != 0 &&
            (f->state == FRAME_ATTACHED || f->state == FRAME_OPEN))
            return "a leaf that maps a table writable for EL0";
    }
    return NULL;
}

static const char *judge_leaf(const struct mmu *m, unsigned int level, desc_t d)
{
    uint64_t size = PAGE_SIZE << PTWR_INDEX_BITS * (3 - level);
    uint64_t address = d.raw & GENMASK64(47, 12);

    if (m->p->guarded)
        return judge_guarded_leaf(m, level, d);
    if (level < 2 || (level == 3 && (d.raw & DESC_TABLE) == 0))
        return "a leaf at a level that has none";
    if ((d.raw & NEVER_IN_LEAF) != 0 || (address & (size - 1)) != 0)
        return "a leaf with reserved bits";
    if (is_device(address, size))
        return ATTR(d) >= 2 ? NULL : "a leaf that maps a device as memory";
    for (uint64_t i = 0; i < size >> PAGE_SHIFT; i++) {
        const char *wrong = judge_frame(m, record(m, (address >> PAGE_SHIFT) + i), d);

        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

/* M9, Arm ARM D8.16.1: what differs in more than rights; the engine's own idea is not asked. */
bool mmu_needs_break(desc_t old, desc_t value)
{
    uint64_t free = BIT64(6) | BIT64(7) | BIT64(10) | BIT64(51) | GENMASK64(58, 53);

    return (old.raw & 1) != 0 && (value.raw & 1) != 0 && ((old.raw ^ value.raw) & ~free) != 0;
}

/* A walker (or a check) finds this valid value in a table of `level`. */
void mmu_judge(struct mmu *m, unsigned int level, unsigned int frame, desc_t d)
{
    const struct frame *f = record(m, frame);
    const char *wrong;

    if (!is_owned(m, f) || f->type != FRAME_TABLE_L0 + level) {
        mmu_fail(m, "a walk of level %u reads frame %u, which is no table of it", level, frame);
        return;
    }
    wrong =
        level < 3 && (d.raw & DESC_TABLE) != 0 ? judge_table(m, level, d) : judge_leaf(m, level, d);
    if (wrong != NULL)
        mmu_fail(m, "a walk of level %u finds in frame %u: %s (%#llx)", level, frame, wrong,
                 (unsigned long long)d.raw);
}

static bool is_table_type(unsigned int type)
{
    return type >= FRAME_TABLE_L0 && type <= FRAME_TABLE_L3;
}

/* I1: a type goes only when nothing refers to it and no walker can come. */
static void check_type(struct mmu *m, unsigned int frame, const struct frame *f, frames_t walkable)
{
    unsigned int before = m->seen_type[frame];

    m->seen_type[frame] = f->type;
    if (before == f->type || !is_table_type(before))
        return;
    if (f->type_count != 0)
        mmu_fail(m, "frame %u changes its type while it is referred to", frame);
    if ((walkable & bit(frame)) != 0)
        mmu_fail(m, "frame %u changes its type while walks may come to it", frame);
}

void mmu_check(struct mmu *m)
{
    frames_t storable = mmu_storable(m);
    frames_t walkable = mmu_walkable(m);
    frames_t reached = reachable(m);

    if ((storable & walkable) != 0)
        mmu_fail(m, "frame %d can be stored to while walks may come to it",
                 __builtin_ctz(storable & walkable));
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        const struct frame *f = record(m, i);

        if (!is_owned(m, f)) {
            if ((reached & bit(i)) != 0)
                mmu_fail(m, "frame %u is not the domain's and can be reached", i);
            continue;
        }
        if (f->readonly && (storable & bit(i)) != 0)
            mmu_fail(m, "frame %u is EL2's to write and can be stored to", i);
        check_type(m, i, f, walkable);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What CPUs may hold, and how it comes and goes. */
#include "tests/mmu/mmu.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void mmu_fail(struct mmu *m, const char *format, ...)
{
    va_list args;

    if (m->failed[0] != '\0')
        return;
    va_start(args, format);
    (void)vsnprintf(m->failed, sizeof(m->failed), format, args);
    va_end(args);
}

void mmu_init(struct mmu *m, struct ptwr *p, struct mmu_memory *memory, unsigned int cpus)
{
    memset(m, 0, sizeof(*m));
    m->p = p;
    m->memory = memory;
    m->cpus = (uint8_t)cpus;
    memset(m->ttbr, MMU_NONE, sizeof(m->ttbr));
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        m->s2_seen[PTWR_DATA][i] = 1U << PTWR_UNMAPPED;
        m->s2_seen[PTWR_WALK][i] = 1U << PTWR_UNMAPPED;
    }
}

static frames_t bit(unsigned int frame) { return (frames_t)(1U << frame); }

/* --- Filling: M3, M4, M5 ---------------------------------------------------------------------- */

struct fill {
    struct mmu *m;
    struct mmu_cache *cache;
    unsigned int context;
    bool judge;
};

/* Entries of a contiguous group: a leaf in one may be cached for all of it. */
#define GROUP (PTWR_ENTRIES < 16 ? PTWR_ENTRIES : 16)

/* `count` pages in a row to frames in a row: each on its own, so that a TLBI by VA gets rid of as
 * little as it can (M5). */
static void add_pages(const struct fill *fill, unsigned int page, unsigned int frame,
                      unsigned int count, desc_t d, bool grouped)
{
    for (unsigned int i = 0; i < count && frame + i < MMU_FRAMES; i++) {
        fill->cache->leaf[fill->context][page + i] |= bit(frame + i);
        if (grouped)
            fill->cache->grouped[fill->context][(page + i) / 16] |= bit((page + i) % 16);
        if ((d.raw & DESC_AP_RO) == 0)
            fill->cache->leaf_w[fill->context][page + i] |= bit(frame + i);
    }
}

/* A leaf that covers `count` pages; a contiguous one as it stands, and as its group's place in
 * memory says. */
static void add_leaf(const struct fill *fill, unsigned int page, unsigned int count, desc_t d)
{
    uint64_t first = desc_oa(d) >> PAGE_SHIFT;
    unsigned int frame = first < MMU_FRAMES ? (unsigned int)first : MMU_FRAMES;

    add_pages(fill, page, frame, count, d, false);
    if ((d.raw & DESC_CONTIGUOUS) == 0)
        return;
    count *= GROUP;
    add_pages(fill, page & ~(count - 1), frame & ~(count - 1), count, d, true);
}

/* The frame that a leaf begins with, if it is one of the machine's. */
static frames_t leaf_frame(desc_t d)
{
    uint64_t frame = desc_oa(d) >> PAGE_SHIFT;

    return frame < MMU_FRAMES ? bit((unsigned int)frame) : 0;
}

static void add_entry(const struct fill *fill, unsigned int level, unsigned int prefix, desc_t d)
{
    unsigned int below = PTWR_INDEX_BITS * (3 - level);
    uint64_t table = (d.raw & DESC_OA & ~MMU_WALK) >> PAGE_SHIFT;

    if (level == 2 && (d.raw & DESC_TABLE) == 0)
        fill->cache->block[fill->context][prefix] |= leaf_frame(d);
    if (level == 1 && (d.raw & DESC_TABLE) == 0)
        fill->cache->block1[fill->context][prefix] |= leaf_frame(d);
    if (level == 3 || (d.raw & DESC_TABLE) == 0)
        add_leaf(fill, prefix << below, 1U << below, d);
    else if (table < MMU_FRAMES)
        fill->cache->next_ipa[fill->context][MMU_PREFIXES_BELOW(level + 1) + prefix] |=
            bit((unsigned int)table);
}

static void read_value(const struct fill *fill, unsigned int level, unsigned int frame,
                       unsigned int prefix, desc_t d)
{
    if ((d.raw & DESC_VALID) == 0)
        return;
    if (fill->judge)
        mmu_judge(fill->m, level, frame, d);
    fill->cache->used[fill->context] |= bit(frame);
    add_entry(fill, level, prefix, d);
}

/* A walker reads a table: every entry, every value that an entry may show it. */
static void read_table(const struct fill *fill, unsigned int level, unsigned int frame,
                       unsigned int prefix)
{
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++) {
        const struct mmu_entry *e = &fill->m->memory->entry[frame][i];
        unsigned int below = prefix << PTWR_INDEX_BITS | i;

        read_value(fill, level, frame, below, e->line);
        if (fill->judge && e->has_old && mmu_needs_break(e->old, e->line))
            mmu_fail(fill->m, "a walk may find both values of an entry of frame %u", frame);
        if (e->mixed)
            read_value(fill, level, frame, below, e->dram);
        if (e->has_old)
            read_value(fill, level, frame, below, e->old);
    }
}

/* VA prefix of a base: the lowest one of its level, or the highest. */
static unsigned int base_prefix(unsigned int which, unsigned int level)
{
    return which == 0 ? MMU_PREFIXES_BELOW(level) : MMU_PREFIXES_BELOW(level + 1) - 1;
}

static void fill_bases(const struct fill *fill, unsigned int cpu)
{
    struct mmu_cache *c = fill->cache;
    const struct mmu *m = fill->m;

    for (unsigned int which = 0; which < 2; which++) {
        unsigned int level = m->first[cpu][which];

        if (m->ttbr[cpu][which] == MMU_NONE)
            continue;
        if (which == 0)
            c->root_ipa[fill->context][level] |= bit(m->ttbr[cpu][which]);
        else
            c->next_ipa[fill->context][base_prefix(1, level)] |= bit(m->ttbr[cpu][which]);
    }
    for (unsigned int level = 0; level < 4; level++)
        c->next_pa[fill->context][base_prefix(0, level)] |=
            c->root_ipa[fill->context][level] & c->s2_walk[cpu];
}

static void fill_walks(const struct fill *fill, unsigned int cpu)
{
    struct mmu_cache *c = fill->cache;
    frames_t shown = c->s2_walk[cpu];

    if (fill->m->p->guarded)
        shown = c->s2_ro[cpu] | c->s2_rw[cpu];
    fill_bases(fill, cpu);
    for (unsigned int level = 0; level < 4; level++) {
        unsigned int first = MMU_PREFIXES_BELOW(level);

        for (unsigned int i = first; i < MMU_PREFIXES_BELOW(level + 1); i++) {
            frames_t left = c->next_pa[fill->context][i] |= c->next_ipa[fill->context][i] & shown;

            for (; left != 0; left &= left - 1)
                read_table(fill, level, (unsigned int)__builtin_ctz(left), i - first);
        }
    }
}

/*
 * M10: a block and a table for one VA, neither of which was broken and flushed before the other was
 * made: the address of the one, taken for a table's, leads to a frame that nobody judged.
 */
static void check_blocks(const struct fill *fill)
{
    const struct mmu_cache *c = fill->cache;
    unsigned int first = MMU_PREFIXES_BELOW(3);

    for (unsigned int i = 0; i < MMU_PAGES / PTWR_ENTRIES; i++) {
        if (c->block[fill->context][i] != 0 &&
            (c->next_ipa[fill->context][first + i] | c->next_pa[fill->context][first + i]) != 0)
            mmu_fail(fill->m, "a walk may take the block of page %u for a table", i * PTWR_ENTRIES);
    }
    first = MMU_PREFIXES_BELOW(2);
    for (unsigned int i = 0; i < MMU_PAGES / PTWR_ENTRIES / PTWR_ENTRIES; i++) {
        if (c->block1[fill->context][i] != 0 &&
            (c->next_ipa[fill->context][first + i] | c->next_pa[fill->context][first + i]) != 0)
            mmu_fail(fill->m, "a walk may take the large block of page %u for a table",
                     i * PTWR_ENTRIES * PTWR_ENTRIES);
    }
}

static void fill_leaves(const struct fill *fill, unsigned int cpu)
{
    struct mmu_cache *c = fill->cache;

    for (unsigned int page = 0; page < MMU_PAGES; page++) {
        frames_t leaf = c->leaf[fill->context][page];

        if (leaf == 0)
            continue;
        /* M10: several leaves for one page were never broken; one's address, the other's rights. */
        if (c->leaf_w[fill->context][page] != 0)
            c->leaf_w[fill->context][page] = leaf;
        c->ro[fill->context][page] |= c->leaf_w[fill->context][page] & c->s2_ro[cpu];
        c->rw[fill->context][page] |= c->leaf_w[fill->context][page] & c->s2_rw[cpu];
    }
}

/* M3: a CPU may hold any stage-2 entry that it can read, whether its guest has use for it or not.
 */
static void fill_stage2(const struct mmu *m, struct mmu_cache *c, unsigned int cpu)
{
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        if ((m->s2_seen[PTWR_DATA][i] & 1U << PTWR_RO) != 0)
            c->s2_ro[cpu] |= bit(i);
        if ((m->s2_seen[PTWR_DATA][i] & 1U << PTWR_RW) != 0)
            c->s2_rw[cpu] |= bit(i);
        if ((m->s2_seen[PTWR_WALK][i] & ~(1U << PTWR_UNMAPPED)) != 0)
            c->s2_walk[cpu] |= bit(i);
    }
}

static void fill_cache(struct mmu *m, struct mmu_cache *c, bool judge)
{
    for (unsigned int cpu = 0; cpu < m->cpus; cpu++) {
        fill_stage2(m, c, cpu);
        for (unsigned int asid = 0; asid < MMU_ASIDS; asid++) {
            struct fill fill = {m, c, cpu * MMU_ASIDS + asid, judge};

            fill_walks(&fill, cpu);
            fill_leaves(&fill, cpu);
            if (judge)
                check_blocks(&fill);
        }
    }
}

static void settle(struct mmu *m)
{
    fill_cache(m, &m->now, true);
    if (m->nr_pending != 0) {
        for (unsigned int i = 0; i < 3; i++)
            fill_cache(m, &m->early[i], false);
    }
    mmu_check(m);
}

void mmu_settle(struct mmu *m)
{
    settle(m);
    if (m->neighbour != NULL)
        settle(m->neighbour);
}

void mmu_set_base(struct mmu *m, unsigned int cpu, unsigned int which, uint8_t base)
{
    mmu_set_base_at(m, cpu, which, base, 0);
}

void mmu_set_base_at(struct mmu *m, unsigned int cpu, unsigned int which, uint8_t base,
                     unsigned int level)
{
    m->ttbr[cpu][which] = base;
    m->first[cpu][which] = (uint8_t)level;
    mmu_settle(m);
}

/* --- TLBI: M6 --------------------------------------------------------------------------------- */

/* M12: IS reaches every CPU. */
static bool reaches(const struct mmu_pending *op, unsigned int cpu)
{
    (void)op;
    return cpu < MMU_CPUS;
}

/* What it acts on is the VMID in VTTBR_EL2: the one whose engine runs. */
static struct mmu *current(struct mmu *m) { return m; }

static void kill_stage2(struct mmu_cache *c, const struct mmu_pending *op)
{
    for (unsigned int cpu = 0; cpu < MMU_CPUS; cpu++) {
        frames_t gone = op->kind == MMU_VMALLS12E1 ? UINT16_MAX : bit(op->arg);

        if (!reaches(op, cpu))
            continue;
        if (op->kind == MMU_VMALLS12E1 || op->window == PTWR_WALK)
            c->s2_walk[cpu] &= (frames_t)~gone;
        if (op->kind == MMU_VMALLS12E1 || op->window == PTWR_DATA) {
            c->s2_ro[cpu] &= (frames_t)~gone;
            c->s2_rw[cpu] &= (frames_t)~gone;
        }
    }
}

static unsigned int prefix_of(unsigned int page, unsigned int level)
{
    return MMU_PREFIXES_BELOW(level) + (page >> PTWR_INDEX_BITS * (4 - level));
}

/* Not the leaf only: the pointers on the way too (VAAE1; VAALE1 would leave them). */
static void kill_page(struct mmu_cache *c, unsigned int context, unsigned int page)
{
    for (unsigned int level = 0; level < 4; level++) {
        c->next_ipa[context][prefix_of(page, level)] = 0;
        c->next_pa[context][prefix_of(page, level)] = 0;
        if (prefix_of(page, level) == base_prefix(0, level))
            c->root_ipa[context][level] = 0;
    }
    c->grouped[context][page / 16] &= (frames_t)~bit(page % 16);
    c->leaf[context][page] = 0;
    c->leaf_w[context][page] = 0;
    c->ro[context][page] = 0;
    c->rw[context][page] = 0; /* a block's other pages stay, so the block does (M5) */
}

static void kill_all(struct mmu_cache *c, unsigned int context)
{
    memset(c->next_ipa[context], 0, sizeof(c->next_ipa[context]));
    memset(c->next_pa[context], 0, sizeof(c->next_pa[context]));
    memset(c->root_ipa[context], 0, sizeof(c->root_ipa[context]));
    memset(c->leaf[context], 0, sizeof(c->leaf[context]));
    memset(c->leaf_w[context], 0, sizeof(c->leaf_w[context]));
    memset(c->ro[context], 0, sizeof(c->ro[context]));
    memset(c->rw[context], 0, sizeof(c->rw[context]));
    memset(c->block[context], 0, sizeof(c->block[context]));
    memset(c->block1[context], 0, sizeof(c->block1[context]));
    memset(c->grouped[context], 0, sizeof(c->grouped[context]));
    c->used[context] = 0;
}

static void kill_stage1(struct mmu_cache *c, const struct mmu_pending *op)
{
    for (unsigned int cpu = 0; cpu < MMU_CPUS; cpu++) {
        if (!reaches(op, cpu))
            continue;
        for (unsigned int asid = 0; asid < MMU_ASIDS; asid++) {
            if (op->kind == MMU_VAAE1)
                kill_page(c, cpu * MMU_ASIDS + asid, op->arg);
            else
                kill_all(c, cpu * MMU_ASIDS + asid);
        }
    }
}

/*
 * A TLBI may take effect at any moment from its issue to the DSB, each in its own time, and what it
 * has dropped may come back as long as its source is there. Four courses cover the worst of each:
 * early[0]  all took effect at issue          early[1]  those of stage 1 did, those of stage 2 late
 * early[2]  those of stage 2 did, stage 1's late         now  none did
 * A late one takes effect at the DSB, stage 1 before stage 2: in the other order less is left.
 */
#define COURSES 4
#define NOW     3

/* VMALLS12E1 is one instruction: what it takes of both stages goes at once. */
static bool is_both(const struct mmu_pending *op) { return op->kind == MMU_VMALLS12E1; }
static bool is_stage2(const struct mmu_pending *op) { return op->kind == MMU_IPAS2E1; }

static bool is_early(const struct mmu_pending *op, unsigned int course)
{
    if (course == NOW || course == 0 || is_both(op))
        return course != NOW;
    return is_stage2(op) == (course == 2);
}

static void kill_by(struct mmu_cache *c, const struct mmu_pending *op)
{
    if (is_stage2(op) || is_both(op))
        kill_stage2(c, op);
    if (!is_stage2(op))
        kill_stage1(c, op);
}

void mmu_tlbi(struct mmu *engine, enum mmu_tlbi kind, enum ptwr_window window, unsigned int arg)
{
    struct mmu *m = current(engine);
    const struct mmu_pending op = {(uint8_t)kind, (uint8_t)window, engine->cpu, (uint16_t)arg};

    if (m->nr_pending == MMU_MAX_PENDING) {
        mmu_fail(m, "more than %d TLBIs without a DSB", MMU_MAX_PENDING);
        return;
    }
    if (m->nr_pending == 0) {
        for (unsigned int i = 0; i < NOW; i++)
            m->early[i] = m->now;
    }
    m->pending[m->nr_pending++] = op;
    for (unsigned int i = 0; i < NOW; i++) {
        if (is_early(&op, i))
            kill_by(&m->early[i], &op);
    }
}

static void complete_late(struct mmu *m, struct mmu_cache *c, unsigned int course)
{
    for (unsigned int late = 0; late < 2; late++) {
        for (unsigned int i = 0; i < m->nr_pending; i++) {
            const struct mmu_pending *op = &m->pending[i];

            if (!is_early(op, course) && (is_stage2(op) || is_both(op)) == (late == 1))
                kill_by(c, op);
        }
        fill_cache(m, c, false);
    }
}

static void merge(struct mmu_cache *into, const struct mmu_cache *from)
{
    frames_t *a = (frames_t *)into;
    const frames_t *b = (const frames_t *)from;

    for (size_t i = 0; i < sizeof(*into) / sizeof(frames_t); i++)
        a[i] |= b[i];
}

void mmu_dsb(struct mmu *engine)
{
    struct mmu *m = current(engine);
    frames_t stored, walked;

    if (m->nr_pending == 0)
        return;
    for (unsigned int i = 0; i < m->nr_pending; i++) {
        if (m->pending[i].cpu != engine->cpu)
            return;
    }
    stored = mmu_storable(m);
    walked = mmu_walkable(m);
    complete_late(m, &m->now, NOW);
    for (unsigned int i = 0; i < NOW; i++) {
        complete_late(m, &m->early[i], i);
        merge(&m->now, &m->early[i]);
    }
    m->nr_pending = 0;
    if (m->erratum) {
        m->late_stores |= stored & (frames_t)~mmu_storable(m);
        m->late_walks |= walked & (frames_t)~mmu_walkable(m);
    }
}

/* --- Guests ----------------------------------------------------------------------------------- */

bool mmu_guest_store(struct mmu *m, unsigned int frame, unsigned int index, desc_t value,
                     enum mmu_store how)
{
    struct mmu_entry *e = &m->memory->entry[frame][index];

    if ((mmu_storable(m) & bit(frame)) == 0)
        return false;
    if (how == MMU_CACHEABLE || m->fwb) {
        e->line = value;
        if (!e->mixed)
            e->dram = value;
    } else {
        e->dram = value;
        e->mixed = e->line.raw != value.raw;
        e->keep_line = how == MMU_NC_DIRTY;
    }
    mmu_settle(m);
    return true;
}

desc_t mmu_entry_value(const struct mmu *m, unsigned int frame, unsigned int index)
{
    return m->memory->entry[frame][index].line;
}

va_t mmu_va(unsigned int page)
{
    uint64_t va = (uint64_t)page << PAGE_SHIFT;

    if (page >= MMU_PAGES / 2)
        va |= ~UINT64_C(0) << (PAGE_SHIFT + 4 * PTWR_INDEX_BITS);
    return va_of(va);
}

/* Frames whose page in a window a walker may find unmapped. */
static frames_t unmapped(const struct mmu *m, enum ptwr_window window)
{
    frames_t all = 0;

    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        if ((m->s2_seen[window][i] & 1U << PTWR_UNMAPPED) != 0)
            all |= bit(i);
    }
    return all;
}

/* By which window walks come to tables, but for what TTBR0_EL1 names. */
static enum ptwr_window walked_by(const struct mmu *m)
{
    return m->p->guarded ? PTWR_DATA : PTWR_WALK;
}

bool mmu_sees_hole(const struct mmu *m, unsigned int cpu, unsigned int page)
{
    unsigned int which = page >= MMU_PAGES / 2;
    unsigned int frame = m->ttbr[cpu][which];
    enum ptwr_window window = which == 0 ? PTWR_WALK : walked_by(m);

    for (unsigned int level = m->first[cpu][which]; level < 4; level++) {
        frames_t held =
            window == PTWR_WALK ? m->now.s2_walk[cpu] : m->now.s2_ro[cpu] | m->now.s2_rw[cpu];
        const struct mmu_entry *e;

        if ((unmapped(m, window) & bit(frame)) != 0 && (held & bit(frame)) == 0)
            return false;
        window = walked_by(m);
        e = &m->memory->entry[frame][page >> PTWR_INDEX_BITS * (3 - level) & (PTWR_ENTRIES - 1)];
        if ((e->line.raw & DESC_VALID) == 0 || (e->has_old && (e->old.raw & DESC_VALID) == 0))
            return true;
        if (level == 3 || (e->line.raw & DESC_TABLE) == 0)
            return false;
        frame = (unsigned int)((e->line.raw & DESC_OA & ~MMU_WALK) >> PAGE_SHIFT) % MMU_FRAMES;
    }
    return false;
}

/* Nobody has to cache what he may: what stage 2 does not show any more can fault. A walk that can
 * fault starts at what the registers name now. */
static frames_t walk_faults(const struct mmu *m, unsigned int cpu, unsigned int page)
{
    unsigned int which = page >= MMU_PAGES / 2;
    unsigned int context = cpu * MMU_ASIDS;
    frames_t all = 0;

    if (which == 0 && m->ttbr[cpu][0] != MMU_NONE)
        all = bit(m->ttbr[cpu][0]) & unmapped(m, PTWR_WALK);
    for (unsigned int level = 0; all == 0 && level < 4; level++)
        all = m->now.next_ipa[context][prefix_of(page, level)] & unmapped(m, walked_by(m));
    return all;
}

enum mmu_fault mmu_access(struct mmu *m, unsigned int cpu, unsigned int page, bool write,
                          unsigned int *frame)
{
    unsigned int context = cpu * MMU_ASIDS;
    const struct mmu_cache *c = &m->now;
    frames_t found;

    mmu_settle(m);
    found = walk_faults(m, cpu, page);
    if (found != 0) {
        *frame = (unsigned int)__builtin_ctz(found);
        return MMU_WALK_FAULT;
    }
    /* A group whose entries disagree may yield either for ever: nobody owes its guest progress. */
    found = c->leaf[context][page];
    if ((c->grouped[context][page / 16] & bit(page % 16)) != 0 && (found & (found - 1)) != 0)
        return MMU_STAGE1;
    found = write ? c->ro[context][page] : 0;
    if (found != 0) {
        *frame = (unsigned int)__builtin_ctz(found);
        return MMU_PERMISSION;
    }
    found = write ? c->rw[context][page] : c->leaf[context][page];
    if (found == 0)
        return MMU_STAGE1;
    *frame = (unsigned int)__builtin_ctz(found);
    return MMU_HIT;
}

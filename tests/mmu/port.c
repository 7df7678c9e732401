/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptwr/port.h on the model: before every effect the other CPUs act, after it the caches take what
 * they can get.
 */
#include "ptwr/port.h"

#include "tests/mmu/mmu.h"

static unsigned int number(mfn_t frame) { return frame.raw & (MMU_FRAMES - 1); }

void mmu_effect(struct mmu *m)
{
    if (m->may_read)
        return;
    m->effects++;
    if (m->hook != NULL)
        m->hook(m);
}

/*
 * EL2 judges what it reads here, so nobody may change it any more. A pending clean is ordered
 * before EL2's own load of the same line (Arm ARM D7.5.9), so the load sees what it will leave.
 */
static desc_t read(struct mmu *m, mfn_t table, unsigned int index)
{
    const struct mmu_entry *e = &m->memory->entry[number(table)][index];

    return e->cleaning && !e->keep_line ? e->dram : e->line;
}

static void check_read(struct mmu *m, mfn_t table)
{
    if (!m->may_read && (mmu_storable(m) >> number(table) & 1) != 0)
        mmu_fail(m, "EL2 reads frame %u while a CPU can store to it", number(table));
}

desc_t ptwr_port_load(void *port, mfn_t table, unsigned int index)
{
    mmu_effect(port);
    check_read(port, table);
    return read(port, table, index);
}

/* M9: the old value must be out of every walker's reach, and all that was made of it. */
static void check_break(struct mmu *m, unsigned int table, desc_t old, desc_t value)
{
    frames_t used = 0;

    if (!mmu_needs_break(old, value))
        return;
    for (unsigned int i = 0; i < MMU_CONTEXTS; i++)
        used |= m->now.used[i];
    if (((mmu_walkable(m) | used) >> table & 1) != 0)
        mmu_fail(m, "EL2 changes a valid entry of frame %u that was not broken before", table);
}

void ptwr_port_store(void *port, mfn_t table, unsigned int index, desc_t value)
{
    struct mmu *m = port;
    struct mmu_entry *e = &m->memory->entry[number(table)][index];

    mmu_effect(m);
    check_break(m, number(table), e->line, value);
    e->old = e->line;
    e->has_old = true;
    e->line = value;
    if (!e->mixed)
        e->dram = value;
    mmu_settle(m);
}

void ptwr_port_read(void *port, mfn_t table, unsigned int first, unsigned int count, desc_t *out)
{
    mmu_effect(port);
    check_read(port, table);
    for (unsigned int i = 0; i < count; i++)
        out[i] = read(port, table, first + i);
}

void ptwr_port_snapshot_take(void *port, unsigned int snapshot, mfn_t table)
{
    struct mmu *m = port;

    mmu_effect(m);
    check_read(m, table);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        m->snapshot[snapshot][i] = read(m, table, i);
}

void ptwr_port_snapshot_read(void *port, unsigned int snapshot, unsigned int first,
                             unsigned int count, desc_t *out)
{
    const struct mmu *m = port;

    for (unsigned int i = 0; i < count; i++)
        out[i] = m->snapshot[snapshot][first + i];
}

/* A copy: whoever looks at it later than he may sees what was there before. */
struct ptwr_view ptwr_port_view(void *port, unsigned int snapshot, mfn_t table)
{
    static desc_t now[PTWR_ENTRIES], then[PTWR_ENTRIES];

    ptwr_port_read(port, table, 0, PTWR_ENTRIES, now);
    ptwr_port_snapshot_read(port, snapshot, 0, PTWR_ENTRIES, then);
    return (struct ptwr_view){now, then};
}

unsigned int ptwr_port_next_change(void *port, unsigned int snapshot, mfn_t table,
                                   unsigned int from)
{
    struct mmu *m = port;

    mmu_effect(m);
    check_read(m, table);
    while (from < PTWR_ENTRIES && desc_eq(read(m, table, from), m->snapshot[snapshot][from]))
        from++;
    return from;
}

unsigned int ptwr_port_next_nonzero(void *port, mfn_t table, unsigned int from)
{
    struct mmu *m = port;

    mmu_effect(m);
    check_read(m, table);
    while (from < PTWR_ENTRIES && read(m, table, from).raw == 0)
        from++;
    return from;
}

void ptwr_port_s2_store(void *port, enum ptwr_window window, mfn_t frame, enum ptwr_perm perm)
{
    struct mmu *m = port;

    mmu_effect(m);
    if (window == PTWR_WALK && perm == PTWR_RW)
        mmu_fail(m, "frame %u is made writable in the walk window", number(frame));
    m->s2[window][number(frame)] = (uint8_t)perm;
    m->s2_seen[window][number(frame)] |= (uint8_t)(1U << perm);
    mmu_settle(m);
}

/*
 * M8: before the barrier walkers may see the old value of a store or the new one. Stores that
 * another CPU made under the lock were seen by this one, so they are complete as well.
 */
void mmu_publish(struct mmu *m)
{
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        m->s2_seen[PTWR_DATA][i] = (uint8_t)(1U << m->s2[PTWR_DATA][i]);
        m->s2_seen[PTWR_WALK][i] = (uint8_t)(1U << m->s2[PTWR_WALK][i]);
        for (unsigned int j = 0; j < PTWR_ENTRIES; j++)
            m->memory->entry[i][j].has_old = false;
    }
}

/* Waits for stores only: no TLBI, no clean is complete (Arm ARM B2.3.12). */
void ptwr_port_dsb_ishst(void *port)
{
    mmu_effect(port);
    mmu_publish(port);
    mmu_settle(port);
}

static void complete_cleans(struct mmu *m)
{
    for (unsigned int i = 0; i < MMU_FRAMES; i++) {
        for (unsigned int j = 0; j < PTWR_ENTRIES; j++) {
            struct mmu_entry *e = &m->memory->entry[i][j];

            if (!e->cleaning)
                continue;
            if (e->keep_line)
                e->dram = e->line;
            e->line = e->dram;
            e->mixed = false;
            e->cleaning = false;
        }
    }
}

void ptwr_port_dsb_ish(void *port)
{
    mmu_effect(port);
    mmu_publish(port);
    mmu_dsb(port);
    complete_cleans(port);
    mmu_settle(port);
}

/* Nothing in the model waits for one: EL2 leaves by ERET, which is one (Arm ARM D1.4.4). */
void ptwr_port_isb(void *port) { mmu_effect(port); }

void ptwr_port_tlbi_ipas2e1is(void *port, enum ptwr_window window, mfn_t frame)
{
    mmu_effect(port);
    mmu_tlbi(port, MMU_IPAS2E1, window, number(frame));
    mmu_settle(port);
}

void ptwr_port_tlbi_vaae1is(void *port, va_t va)
{
    mmu_effect(port);
    mmu_tlbi(port, MMU_VAAE1, PTWR_DATA, (unsigned int)(va.raw >> PAGE_SHIFT) & (MMU_PAGES - 1));
    mmu_settle(port);
}

void ptwr_port_tlbi_vmalle1is(void *port)
{
    mmu_effect(port);
    mmu_tlbi(port, MMU_VMALLE1, PTWR_DATA, 0);
    mmu_settle(port);
}

void ptwr_port_tlbi_vmalls12e1is(void *port)
{
    mmu_effect(port);
    mmu_tlbi(port, MMU_VMALLS12E1, PTWR_DATA, 0);
    mmu_settle(port);
}

void ptwr_port_tlbi_repeat(void *port)
{
    struct mmu *m = port;

    mmu_effect(m);
    m->late_stores = 0;
    m->late_walks = 0;
    mmu_settle(m);
}

void ptwr_port_dc_civac_page(void *port, mfn_t frame)
{
    struct mmu *m = port;

    mmu_effect(m);
    if (m->fwb)
        return;
    for (unsigned int j = 0; j < PTWR_ENTRIES; j++) {
        struct mmu_entry *e = &m->memory->entry[number(frame)][j];

        e->cleaning = e->mixed;
    }
    complete_cleans(m); /* its DSB belongs to it */
    mmu_settle(m);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/sequence.h"

#include "ptwr/port.h"
#include "ptwr/root.h"

/* Above this many stage-2 entries one invalidation of everything is cheaper than one for each. */
#define BY_IPA_MAX 8
/* Nor is a longer list of stale frames looked through for the few that were roots. */
#define STALE_MAX 32

/* What went stale since the last flush and was in the walk window. */
static void stale_by_ipa(const struct ptwr *p, uint32_t count)
{
    mfn_t table = p->unflushed;

    for (uint32_t i = 0; i < count; i++) {
        const struct frame *f = frame_get(p->frames, table);

        if (sequence_is_walked(p, f))
            ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK, table);
        table = mfn_of(f->parent);
    }
}

/* An invalidation of everything is complete with this, and what was stale has seen it. */
static void flushed(struct ptwr *p)
{
    ptwr_port_dsb_ish(p->port);
    ptwr_port_tlbi_repeat(p->port);
    ptwr_port_isb(p->port);
    p->count.tlbi_all++;
    p->epoch++;
    p->nr_flushed = p->nr_stale;
    p->stale_roots = 0;
    p->unflushed = MFN_NONE;
}

/*
 * The invalidation behind every reduction of stage 2: of `count` entries of one window, and of the
 * walk entries of the tables that went stale since the last time.
 *
 * TLBI IPAS2E1IS drops stage-2 entries only; combined and walk-cache entries are tagged by VA and
 * go with the stage-1 invalidation. The DSB between the two is not optional: before stage 2's own
 * entry is gone everywhere, a walk could build a new combined entry from it. tlbi_repeat is for
 * CPUs whose broadcast TLBI completes before others' stores are seen.
 */
static void flush(struct ptwr *p, enum ptwr_window window, const mfn_t *frames, unsigned int count)
{
    uint32_t stale = p->nr_stale - p->nr_flushed;

    ptwr_port_dsb_ishst(p->port);
    if (count + p->stale_roots > BY_IPA_MAX || (p->stale_roots != 0 && stale > STALE_MAX)) {
        ptwr_port_tlbi_vmalls12e1is(p->port);
    } else {
        for (unsigned int i = 0; i < count; i++)
            ptwr_port_tlbi_ipas2e1is(p->port, window, frames[i]);
        if (p->stale_roots != 0)
            stale_by_ipa(p, stale);
        p->count.tlbi_ipa += count + p->stale_roots;
        if (count + p->stale_roots != 0)
            ptwr_port_dsb_ish(p->port);
        ptwr_port_tlbi_vmalle1is(p->port);
    }
    flushed(p);
}

void sequence_flush(struct ptwr *p) { flush(p, PTWR_DATA, NULL, 0); }

void sequence_protect(struct ptwr *p, const mfn_t *frames, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        ptwr_port_s2_store(p->port, PTWR_DATA, frames[i], PTWR_RO);
    flush(p, PTWR_DATA, frames, count);
    /* A non-cacheable alias may have stored to memory behind a clean line: what EL2 reads and what
     * a walker reads later must be the same. */
    for (unsigned int i = 0; i < count; i++)
        ptwr_port_dc_civac_page(p->port, frames[i]);
    p->count.cleaned += count;
}

/* Two stores of one CPU may be seen in either order, by a walker too (Arm ARM D8.2.6). */
void sequence_repaired(struct ptwr *p) { ptwr_port_dsb_ishst(p->port); }

void sequence_attach(struct ptwr *p, mfn_t table)
{
    ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_RO);
    /* From nothing to something: no TLBI. The barrier lets the walk that waits for it succeed. */
    ptwr_port_dsb_ish(p->port);
}

void sequence_detach(struct ptwr *p, mfn_t table, const va_t *va)
{
    ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);
    if (va == NULL) {
        flush(p, PTWR_WALK, &table, 1);
        return;
    }
    ptwr_port_dsb_ishst(p->port);
    ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK, table);
    ptwr_port_dsb_ish(p->port);
    /* Not the leaf form: it is the pointer to the table that must go (Arm ARM D8.14.5). */
    ptwr_port_tlbi_vaae1is(p->port, *va);
    ptwr_port_dsb_ish(p->port);
    ptwr_port_tlbi_repeat(p->port);
    ptwr_port_isb(p->port);
    p->count.tlbi_ipa++;
    p->count.tlbi_va++;
}

/* Either alone would let the store fault for ever where stage 2 and combined entries are cached
 * apart. */
void sequence_relax(struct ptwr *p, mfn_t frame, va_t va)
{
    ptwr_port_tlbi_ipas2e1is(p->port, PTWR_DATA, frame);
    ptwr_port_dsb_ish(p->port);
    ptwr_port_tlbi_vaae1is(p->port, va);
    ptwr_port_dsb_ish(p->port);
    ptwr_port_isb(p->port);
    p->count.tlbi_ipa++;
    p->count.tlbi_va++;
}

void sequence_release(struct ptwr *p, mfn_t frame, va_t va)
{
    /* What was read of it (the snapshot) was read before anybody can store: a load and a later
     * store to another place may be seen in either order. */
    ptwr_port_dsb_ish(p->port);
    ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_RW);
    ptwr_port_dsb_ishst(p->port);
    sequence_relax(p, frame, va);
}

/*
 * Break-before-make without a hole that another CPU could see at EL1: while the page that walks
 * come by is unmapped, a walk faults to EL2 and waits there for the lock. In a guarded domain that
 * is the data window's, and for a root the walk window's too; loads of it wait as well.
 */
void sequence_replace(struct ptwr *p, mfn_t table, unsigned int index, desc_t value)
{
    bool walked = sequence_is_walked(p, frame_get(p->frames, table));

    if (walked)
        ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);
    if (!p->guarded) {
        flush(p, PTWR_WALK, &table, 1);
    } else {
        ptwr_port_s2_store(p->port, PTWR_DATA, table, PTWR_UNMAPPED);
        if (walked) {
            ptwr_port_dsb_ishst(p->port);
            ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK, table);
            p->count.tlbi_ipa++;
        }
        flush(p, PTWR_DATA, &table, 1);
    }
    ptwr_port_store(p->port, table, index, value);
    sequence_repaired(p);
    if (!p->guarded) {
        sequence_attach(p, table);
        return;
    }
    ptwr_port_s2_store(p->port, PTWR_DATA, table, PTWR_RO);
    ptwr_port_dsb_ish(p->port);
    if (walked)
        root_unpark(p, table);
}

void sequence_unmap(struct ptwr *p, mfn_t frame)
{
    ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_UNMAPPED);
    flush(p, PTWR_DATA, &frame, 1);
}

void sequence_seal(struct ptwr *p, mfn_t frame)
{
    ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_RO);
}

/* As flush(), of so many entries that one invalidation of all is cheaper. */
void sequence_sealed(struct ptwr *p)
{
    ptwr_port_dsb_ishst(p->port);
    ptwr_port_tlbi_vmalls12e1is(p->port);
    flushed(p);
}

void sequence_retire(struct ptwr *p, mfn_t table)
{
    ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);
}

void sequence_free(struct ptwr *p, mfn_t frame)
{
    ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_RW);
}

void sequence_freed(struct ptwr *p) { ptwr_port_dsb_ishst(p->port); }

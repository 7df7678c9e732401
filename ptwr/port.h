/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's only way to the world. Each call is ONE effect; every order of effects is engine
 * code (ptwr/sequence.c), so that a model behind the same port can kill each mutant of it.
 *
 * `port` is the domain's port context (struct ptwr.port), opaque to the engine. The functions are
 * resolved at link time: arch/aarch64/ptwr_port.c on the target, tests/unit/fake_port.c and
 * tests/mmu/ on the host.
 */
#pragma once

#include "ptwr/base.h"
#include "ptwr/desc.h"

/* The two stage-2 views of a domain's frames (docs/architecture.md, "Windows"). */
enum ptwr_window {
    PTWR_DATA, /* what the guest's loads and stores use */
    PTWR_WALK, /* the same frame at IPA | WALK: validated, attached tables only, read-only */
};

enum ptwr_perm {
    PTWR_UNMAPPED,
    PTWR_RO,
    PTWR_RW,
};

/* Descriptor memory: one single-copy atomic 64-bit access to entry `index` of frame `table`. */
desc_t ptwr_port_load(void *port, mfn_t table, unsigned int index);
void ptwr_port_store(void *port, mfn_t table, unsigned int index, desc_t value);

/*
 * Bulk forms for scans of a table that nobody can store to (same memory, no other effect; each
 * entry is read once, single-copy atomic). `snapshot` numbers a slot's snapshot page,
 * 0 .. PTWR_MAX_SLOTS - 1. read: entries first .. first + count - 1, of the table or the snapshot.
 * next_change: the first index >= from at which table and snapshot differ, or PTWR_ENTRIES;
 * next_nonzero: the first index >= from whose entry is not 0, or PTWR_ENTRIES.
 */
void ptwr_port_read(void *port, mfn_t table, unsigned int first, unsigned int count, desc_t *out);
void ptwr_port_snapshot_take(void *port, unsigned int snapshot, mfn_t table);
void ptwr_port_snapshot_read(void *port, unsigned int snapshot, unsigned int first,
                             unsigned int count, desc_t *out);
unsigned int ptwr_port_next_change(void *port, unsigned int snapshot, mfn_t table,
                                   unsigned int from);
unsigned int ptwr_port_next_nonzero(void *port, mfn_t table, unsigned int from);

/*
 * The same without a copy: a table and a snapshot of it side by side, to be read by
 * ptwr_view_load(). It lasts until the next call of the port.
 */
struct ptwr_view {
    const desc_t *now;
    const desc_t *then;
};
struct ptwr_view ptwr_port_view(void *port, unsigned int snapshot, mfn_t table);

/* One single-copy atomic access: the compiler may neither split nor repeat it. */
static inline desc_t ptwr_view_load(const desc_t *at)
{
    return desc_of(*(const volatile uint64_t *)&at->raw);
}

/* Store the stage-2 leaf entry of one frame in one window, in every view of the domain. No
 * barrier, no TLBI: those are the sequence's. */
void ptwr_port_s2_store(void *port, enum ptwr_window window, mfn_t frame, enum ptwr_perm perm);

/* Barriers and TLB maintenance, Arm ARM names. The VMID is the domain's (all its views in turn). */
void ptwr_port_dsb_ishst(void *port);
void ptwr_port_dsb_ish(void *port);
void ptwr_port_isb(void *port);
void ptwr_port_tlbi_ipas2e1is(void *port, enum ptwr_window window, mfn_t frame);
void ptwr_port_tlbi_vaae1is(void *port, va_t va);
void ptwr_port_tlbi_vmalle1is(void *port);
void ptwr_port_tlbi_vmalls12e1is(void *port);
/* The erratum's repeated TLBI + DSB where the CPU asks for it (REPEAT_TLBI), else nothing. */
void ptwr_port_tlbi_repeat(void *port);
/* DC CIVAC over one page and the DSB that completes it, which no other effect replaces: for memory
 * beyond the caches it is a DSB SY. Nothing where FEAT_S2FWB forces write-back. */
void ptwr_port_dc_civac_page(void *port, mfn_t frame);

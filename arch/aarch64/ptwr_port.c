/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptwr/port.h on real memory and real TLBs. EL2 maps memory one to one, so a machine address is a
 * pointer; a guarded domain's IPAs it maps once more, in their order, so that they are pointers
 * too. One call, one effect: no order of effects is decided here.
 *
 * TLB maintenance acts on the VMID in VTTBR_EL2: the engine runs while a vCPU of its domain is
 * loaded, or between s2_enter() and s2_leave().
 */
#include <arch/ptwr_port.h>

#include <arch/barrier.h>
#include <arch/tlb.h>

#include "ptwr/port.h"

#define BLOCK 32 /* entries that the scans of ptwr_scan.S look at together */

/* ptwr_scan.S */
void scan_copy(uint64_t *to, const uint64_t *from);
unsigned int scan_equal(const uint64_t *a, const uint64_t *b, unsigned int blocks);
unsigned int scan_zero(const uint64_t *a, unsigned int blocks);

/*
 * Two entries, each read with a single-copy atomic access (Arm ARM B2.2.1: LDP of 64-bit registers
 * is two of them). `at` is a constant in entries.
 */
#define LOAD_PAIR(from, at, a, b)                                                                  \
    __asm__ volatile("ldp %0, %1, [%2, %3]"                                                        \
                     : "=r"(a), "=r"(b)                                                            \
                     : "r"(from), "i"((at) * sizeof(uint64_t))                                     \
                     : "memory")

static inline uint64_t *entries(const struct paging_port *p, mfn_t table)
{
    return (uint64_t *)(uintptr_t)(p->view + mfn_to_pa(table).raw);
}

static inline uint64_t load_one(const uint64_t *from)
{
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

desc_t ptwr_port_load(void *port, mfn_t table, unsigned int index)
{
    return desc_of(load_one(&entries(port, table)[index]));
}

void ptwr_port_store(void *port, mfn_t table, unsigned int index, desc_t value)
{
    __atomic_store_n(&entries(port, table)[index], value.raw, __ATOMIC_RELAXED);
}

static void read(const uint64_t *from, unsigned int count, desc_t *to)
{
    for (; count >= 8; count -= 8, from += 8, to += 8) {
        LOAD_PAIR(from, 0, to[0].raw, to[1].raw);
        LOAD_PAIR(from, 2, to[2].raw, to[3].raw);
        LOAD_PAIR(from, 4, to[4].raw, to[5].raw);
        LOAD_PAIR(from, 6, to[6].raw, to[7].raw);
    }
    for (; count != 0; count--)
        *to++ = desc_of(load_one(from++));
}

void ptwr_port_read(void *port, mfn_t table, unsigned int first, unsigned int count, desc_t *out)
{
    read(entries(port, table) + first, count, out);
}

void ptwr_port_snapshot_read(void *port, unsigned int snapshot, unsigned int first,
                             unsigned int count, desc_t *out)
{
    const struct paging_port *p = port;

    read(p->snapshot[snapshot] + first, count, out);
}

struct ptwr_view ptwr_port_view(void *port, unsigned int snapshot, mfn_t table)
{
    const struct paging_port *p = port;

    return (struct ptwr_view){(const desc_t *)entries(port, table),
                              (const desc_t *)p->snapshot[snapshot]};
}

void ptwr_port_snapshot_take(void *port, unsigned int snapshot, mfn_t table)
{
    const struct paging_port *p = port;

    scan_copy(p->snapshot[snapshot], entries(p, table));
}

/*
 * Singly to a boundary of 8, where the next change of a run is found at once; then by blocks; then
 * singly to the place, or to the end.
 */
unsigned int ptwr_port_next_change(void *port, unsigned int snapshot, mfn_t table,
                                   unsigned int from)
{
    const struct paging_port *p = port;
    const uint64_t *a = entries(p, table);
    const uint64_t *b = p->snapshot[snapshot];

    for (; from < PTWR_ENTRIES && from % 8 != 0; from++) {
        if (load_one(&a[from]) != load_one(&b[from]))
            return from;
    }
    if (from < PTWR_ENTRIES)
        from += BLOCK * scan_equal(&a[from], &b[from], (PTWR_ENTRIES - from) / BLOCK);
    while (from < PTWR_ENTRIES && load_one(&a[from]) == load_one(&b[from]))
        from++;
    return from < PTWR_ENTRIES ? from : PTWR_ENTRIES;
}

unsigned int ptwr_port_next_nonzero(void *port, mfn_t table, unsigned int from)
{
    const uint64_t *a = entries(port, table);

    for (; from < PTWR_ENTRIES && from % 8 != 0; from++) {
        if (load_one(&a[from]) != 0)
            return from;
    }
    if (from < PTWR_ENTRIES)
        from += BLOCK * scan_zero(&a[from], (PTWR_ENTRIES - from) / BLOCK);
    while (from < PTWR_ENTRIES && load_one(&a[from]) == 0)
        from++;
    return from < PTWR_ENTRIES ? from : PTWR_ENTRIES;
}

static ipa_t window_ipa(const struct paging_port *p, enum ptwr_window window, mfn_t frame)
{
    return ipa_of(mfn_to_pa(frame).raw | (window == PTWR_WALK ? p->walk : 0));
}

#define S2_TABLE_ADDRESS GENMASK64(47, 12)
#define S2_L1_SHIFT      30
#define S2_ENTRIES       512

static uint64_t *s2_entry(const struct s2 *s2, ipa_t ipa)
{
    const uint64_t *level1 = (const uint64_t *)(uintptr_t)s2->root.raw;
    uint64_t *table = (uint64_t *)(uintptr_t)(level1[ipa.raw >> S2_L1_SHIFT] & S2_TABLE_ADDRESS);
    uint64_t entry = table[(ipa.raw >> REGION_SHIFT) % S2_ENTRIES];

    table = (uint64_t *)(uintptr_t)(entry & S2_TABLE_ADDRESS);
    return &table[(ipa.raw >> PAGE_SHIFT) % S2_ENTRIES];
}

static uint64_t machine_address(const struct paging_port *p, mfn_t frame)
{
    const unsigned int shift = REGION_SHIFT - PAGE_SHIFT;
    uint64_t region;

    if (p->chunk == NULL)
        return mfn_to_pa(frame).raw;
    region = p->chunk[(frame.raw >> shift) - p->first];
    return region << REGION_SHIFT | (uint64_t)(frame.raw & ((1U << shift) - 1)) << PAGE_SHIFT;
}

void ptwr_port_s2_store(void *port, enum ptwr_window window, mfn_t frame, enum ptwr_perm perm)
{
    const struct paging_port *p = port;
    uint64_t leaf = 0;

    if (perm != PTWR_UNMAPPED)
        leaf = machine_address(p, frame) | (perm == PTWR_RW ? p->leaf_rw : p->leaf_ro);
    __atomic_store_n(s2_entry(p->s2, window_ipa(p, window, frame)), leaf, __ATOMIC_RELAXED);
}

void paging_port_fill(const struct paging_port *port, ipa_t base)
{
    uint64_t *data = s2_entry(port->s2, base);
    uint64_t *walk = s2_entry(port->s2, ipa_of(base.raw | port->walk));
    uint64_t leaf = port->leaf_rw | machine_address(port, pa_to_mfn(pa_of(base.raw)));

    for (unsigned int i = 0; i < REGION_SIZE / PAGE_SIZE; i++, leaf += PAGE_SIZE) {
        data[i] = leaf;
        walk[i] = 0;
    }
}

void ptwr_port_dsb_ishst(void *port)
{
    (void)port;
    dsb_ishst();
}

void ptwr_port_dsb_ish(void *port)
{
    (void)port;
    dsb_ish();
}

void ptwr_port_isb(void *port)
{
    (void)port;
    isb();
}

void ptwr_port_tlbi_ipas2e1is(void *port, enum ptwr_window window, mfn_t frame)
{
    tlbi_ipas2e1is(window_ipa(port, window, frame));
}

void ptwr_port_tlbi_vaae1is(void *port, va_t va)
{
    (void)port;
    tlbi_vaae1is(va);
}

void ptwr_port_tlbi_vmalle1is(void *port)
{
    (void)port;
    tlbi_vmalle1is();
}

void ptwr_port_tlbi_vmalls12e1is(void *port)
{
    (void)port;
    tlbi_vmalls12e1is();
}

void ptwr_port_tlbi_repeat(void *port)
{
    (void)port;
    tlbi_repeat();
}

/* Four lines at a time: a loop of one is mostly loop. Its DSB belongs to it: without one the clean
 * is only begun. */
void ptwr_port_dc_civac_page(void *port, mfn_t frame)
{
    const struct paging_port *p = port;
    uint64_t at = p->view + mfn_to_pa(frame).raw;
    uint64_t end = at + PAGE_SIZE;
    uint64_t line = p->line;

    if (p->write_back)
        return;
    for (; at < end; at += 4 * line) {
        __asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
        __asm__ volatile("dc civac, %0" ::"r"(at + line) : "memory");
        __asm__ volatile("dc civac, %0" ::"r"(at + 2 * line) : "memory");
        __asm__ volatile("dc civac, %0" ::"r"(at + 3 * line) : "memory");
    }
    dsb_sy();
}

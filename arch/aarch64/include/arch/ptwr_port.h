/* SPDX-License-Identifier: Apache-2.0 */
/* What ptwr_port.c needs to know of a domain: struct ptwr.port points to one of these. */
#pragma once

#include <arch/stage2.h>

#include "ptwr/ptwr.h"

struct paging_port {
    const struct s2 *s2;   /* level-3 tables of both windows exist for every frame of the domain */
    uint64_t walk;         /* the WALK bit, as an IPA */
    uint64_t view;         /* where EL2 sees frame 0: 0, or a guarded domain's view */
    const uint32_t *chunk; /* guarded: PA >> REGION_SHIFT of each of its regions; else NULL */
    uint32_t first;        /* IPA >> REGION_SHIFT of the first of them */
    uint64_t leaf_ro;      /* s2_leaf() of address 0 */
    uint64_t leaf_rw;
    uint64_t line;   /* bytes of a data cache line, at most a quarter of a page */
    bool write_back; /* stage 2 forces write-back: nothing to clean */
    uint64_t *snapshot[PTWR_MAX_SLOTS];
};

/*
 * The whole 2 MiB region at `base`: writable in the data window, nothing in the walk window. No
 * barrier, no TLBI: for a domain that does not run.
 */
void paging_port_fill(const struct paging_port *port, ipa_t base);

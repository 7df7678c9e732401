/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that a direct domain gives away and gets back. They stay reserved for it, so that what it
 * was promised at the start can always be had again, and nobody else ever sees them.
 *
 * Both: the domain's lock is held and its vCPU is loaded.
 */
#pragma once

#include "ptwr/base.h"

struct domain;

/*
 * Take a frame from the domain. Afterwards no translation of any CPU has it, and its m2p entry is
 * LATCH_M2P_NONE. HV_EPERM: it is not the domain's. HV_EBUSY: an entry or a base refers to it, it
 * is a page table, or EL2's to write. HV_EAGAIN: call again; one that only waits for a flush gets
 * it.
 */
NODISCARD
enum hv_err balloon_take(struct domain *d, mfn_t mfn, unsigned int *budget);

/* The frame that balloon_give() would give; MFN_NONE: the domain has all of its frames. */
mfn_t balloon_next(const struct domain *d);

/* The pseudo-physical frame that a frame of the domain's regions was at the start. */
uint64_t balloon_home(const struct domain *d, mfn_t mfn);

/*
 * Give the domain balloon_next(), zeroed, as this pseudo-physical frame. Precondition: there is
 * one, and pfn is below direct_nr_pfns().
 */
void balloon_give(struct domain *d, uint64_t pfn);

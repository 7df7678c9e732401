/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct domain's m2p table: which pseudo-physical frame each machine frame is. Its frames are
 * the domain's to read and EL2's to write, so that a guest cannot be told by itself that it owns
 * what it does not. EL2 never reads it.
 */
#pragma once

#include "ptwr/base.h"

struct domain;

/* Precondition: mfn lies in one of the domain's regions. */
void m2p_set(struct domain *d, mfn_t mfn, uint64_t pfn);

/*
 * MMU_MACHPHYS_UPDATE: what the guest wants there. HV_EPERM: not a frame that it has, or one of the
 * m2p itself. HV_EINVAL: neither one of its pseudo-physical frames nor LATCH_M2P_NONE.
 * Precondition: the domain's lock is held.
 */
NODISCARD
enum hv_err m2p_update(struct domain *d, mfn_t mfn, uint64_t pfn);

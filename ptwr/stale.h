/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that lost their last reference. Walk caches may still point to them, so they stay
 * read-only until a full flush has completed after that, and what their entries refer to is
 * dropped piece by piece (XSA-286, 401, 408 are what Xen's way of forgetting this cost).
 */
#pragma once

#include "ptwr/ptwr.h"

/* The stale list of a domain that starts. */
void stale_init(struct ptwr *p);

/*
 * The frame's last type reference is gone. `taken`: entries below this index hold references.
 * Precondition: the frame is a table, ATTACHED or PROTECTING, of no slot.
 */
void stale_add(struct ptwr *p, mfn_t mfn, unsigned int taken);

/* Make a stale frame PLAIN, flushing if need be. HV_EAGAIN: the budget ran out. */
NODISCARD
enum hv_err stale_finish(struct ptwr *p, mfn_t mfn, unsigned int *budget);

/*
 * Drop all that stale tables still refer to: counts and types then say what the live ones do.
 * HV_EAGAIN: the budget ran out first.
 */
NODISCARD
enum hv_err stale_teardown(struct ptwr *p, unsigned int *budget);

/* A frame that was a table, or text, is PLAIN again, and writable unless it is sealed. */
void stale_rest(struct ptwr *p, mfn_t mfn);

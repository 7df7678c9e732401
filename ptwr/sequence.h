/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every order of stores, barriers, TLB invalidations and cleans. Nothing else in the engine calls
 * the port for any of them. What each order rests on stands beside it (Arm ARM D8.14, D8.16).
 */
#pragma once

#include "ptwr/ptwr.h"

#define SEQUENCE_MAX 16

/*
 * Take the data window's write permission away from up to SEQUENCE_MAX frames and wait until no CPU
 * can store to them, then clean what went behind the caches. Afterwards their contents stand still
 * and may be read. A full flush.
 */
void sequence_protect(struct ptwr *p, const mfn_t *frames, unsigned int count);

/*
 * After EL2 stored to entries of a table that is hidden from walkers, before sequence_attach():
 * a walker that sees the walk page must not see what these entries held before.
 */
void sequence_repaired(struct ptwr *p);

/* Show a validated table to the walkers. */
void sequence_attach(struct ptwr *p, mfn_t table);

/*
 * Hide a table from all walkers, with all that they cache of it: its descriptors, not the leaves.
 * va NULL: a full flush; else the one VA at which the level-3 table is hooked, proven. Guarded: the
 * root is hidden, the VA is that of the table below it that is to be written.
 */
void sequence_detach(struct ptwr *p, mfn_t table, const va_t *va);

/*
 * Let the guest store to a frame again, and drop what the CPU that faulted at `va` caches of the
 * old permission. Precondition: no walker can reach the frame.
 */
void sequence_release(struct ptwr *p, mfn_t frame, va_t va);

/* The CPU that faulted at `va` drops its stale read-only translation of the frame. */
void sequence_relax(struct ptwr *p, mfn_t frame, va_t va);

/* Change a live valid entry so that no walker sees both values, nor a hole. A full flush. */
void sequence_replace(struct ptwr *p, mfn_t table, unsigned int index, desc_t value);

/* Take a frame out of the data window for good. A full flush. */
void sequence_unmap(struct ptwr *p, mfn_t frame);

/* Drop everything that any CPU caches of the domain's stage 1. A full flush. */
void sequence_flush(struct ptwr *p);

/* Direct: any table; guarded: only roots. Others are walked by the data window. */
static inline bool sequence_is_walked(const struct ptwr *p, const struct frame *f)
{
    return !p->guarded || frame_has(f, FRAME_ROOT);
}

/* A frame of the image becomes read-only; sequence_sealed() makes it true. */
void sequence_seal(struct ptwr *p, mfn_t frame);
/* After any number of them. A full flush. */
void sequence_sealed(struct ptwr *p);

/* A table that lost its last reference leaves the walk window; the next full flush ends it. */
void sequence_retire(struct ptwr *p, mfn_t table);

/* A stale frame that has seen a full flush becomes writable; see sequence_freed(). */
void sequence_free(struct ptwr *p, mfn_t frame);
/* After one or more sequence_free(). */
void sequence_freed(struct ptwr *p);

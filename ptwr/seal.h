/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seal of a guarded domain: from it on, what the kernel executes and what it cannot write stay
 * what they were (docs/guarding.md). Until then leaves are confined by stage 2 alone.
 *
 * What is sealed: frames of the kernel image that EL1 executes (FRAME_TEXT and FRAME_SEALED), its
 * read-only ones (readonly and FRAME_SEALED), its writable ones (FRAME_KDATA), and the tables on
 * the way to them (FRAME_SEALED).
 */
#pragma once

#include "ptwr/leaf.h"
#include "ptwr/type.h"

/* Leaves are judged by the rules of the seal. */
static inline bool seal_judges(const struct ptwr *p) { return p->seal.state >= SEAL_CHECKING; }

/*
 * May EL1 execute what this leaf maps? Where EL0 may write it may not (Arm ARM D8.4.1). That is as
 * AP says it: DBM alone, by which desc_is_writable() goes too, takes no right to execute away.
 */
static inline bool seal_is_code(desc_t d)
{
    return (d.raw & DESC_PXN) == 0 && (d.raw & (DESC_AP_EL0 | DESC_AP_RO)) != DESC_AP_EL0;
}

/* Is it a leaf of code, where those count? What was learnt of others says nothing of it. */
static inline bool seal_counts(const struct ptwr *p, desc_t d)
{
    return seal_judges(p) && seal_is_code(d);
}

/*
 * Rules R2, R3, R4 and R7 for a leaf and the frames of RAM that it maps. HV_OK; HV_EINVAL;
 * NOT_READY: *child is to become text, by seal_make_text() of the whole range.
 */
NODISCARD
enum hv_err seal_judge_leaf(struct ptwr *p, desc_t d, struct leaf_frames range, mfn_t *child);

/* The frames of a leaf of code become text: read-only, for as long as leaves of code map them. */
NODISCARD
enum hv_err seal_make_text(struct ptwr *p, struct leaf_frames range, unsigned int *budget);

/* A leaf of code was taken, or dropped. */
void seal_count_text(struct ptwr *p, struct leaf_frames range);
void seal_drop_text(struct ptwr *p, struct leaf_frames range);

/* Rule R5: may this entry of a table with FRAME_SEALED change so? */
NODISCARD
bool seal_admits(struct ptwr *p, struct type_at at, desc_t old, desc_t value);

/* Rule R6: may TTBR1_EL1 name this root? */
bool seal_admits_root(struct ptwr *p, mfn_t root);

/* Rule R7 for a store to text. PTWR_RULE_NONE: perform it. */
enum ptwr_rule seal_judge_store(struct ptwr *p);

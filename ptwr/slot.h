/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open tables: detached from the walkers, written by the guest, judged and reconnected when
 * something needs them. A slot holds one type reference on its table.
 */
#pragma once

#include "ptwr/ptwr.h"

void slot_init(struct ptwr *p);

/* Can the table be hidden from walkers? Guarded: it has one place, below a root of TTBR0_EL1. */
bool slot_can_open(const struct ptwr *p, mfn_t table);

/* Guarded: the root above the table's only place, if that was in TTBR0_EL1 only; else MFN_NONE. */
mfn_t slot_user_root(const struct ptwr *p, mfn_t table);

/* Guarded: is a table open that walks reach by this one, or this one itself? */
bool slot_is_below(const struct ptwr *p, mfn_t table);

/*
 * Guarded: the open table nearest above, or one that may be; NULL: there is none. The guest may
 * have taken `table` out of that one, and use it for something else.
 */
struct ptwr_slot *slot_above(struct ptwr *p, mfn_t table);

/*
 * Detach an attached table and let the guest write it. Precondition: slot_can_open(). HV_OK: open.
 * Otherwise no slot was free and the oldest could not be reconnected yet: as slot_close().
 */
NODISCARD
enum hv_err slot_open(struct ptwr *p, const struct ptwr_store *store, unsigned int *budget);

/* Guarded: end the batches of open tables that nothing refers to any more. HV_OK or HV_EAGAIN. */
NODISCARD
enum hv_err slot_give_up_lost(struct ptwr *p, unsigned int *budget);

/*
 * Reconnect one open table. HV_OK; HV_EAGAIN; HV_EPERM: an entry was illegal and the action is
 * crash; the table holds its old entries from there on and is attached all the same.
 */
NODISCARD
enum hv_err slot_close(struct ptwr *p, struct ptwr_slot *slot, enum ptwr_trigger why,
                       unsigned int *budget);

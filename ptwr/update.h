/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of an attached table changes: by hypercall, or by a store that is emulated. */
#pragma once

#include "ptwr/ptwr.h"
#include "ptwr/type.h"

/*
 * Judge, take, store, drop. Precondition: the table is attached. Errors as ptwr_update(), which
 * see; nothing is changed then.
 */
NODISCARD
enum hv_err update_entry(struct ptwr *p, struct type_at at, desc_t value, unsigned int *budget);

/* SPDX-License-Identifier: Apache-2.0 */
/* What a direct domain finds at its start: image, tables, p2m, m2p, start info, registers. */
#pragma once

#include "ptwr/base.h"

struct domain;

/* Before memory is given out: can the kernel be used at all? HV_EINVAL: the reason is printed. */
NODISCARD
enum hv_err direct_inspect(const struct domain *d);

/*
 * Fill the domain's memory from the boot modules, have the engine validate the tables, set the
 * vCPU's registers. Precondition: all memory is zero and the domain's, nothing has a type, and
 * VTTBR_EL2 is its. HV_EINVAL: the reason is printed.
 */
NODISCARD
enum hv_err direct_build(struct domain *d);

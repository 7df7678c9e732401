/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct domains: guests that hold machine addresses in page tables which Latch validates. This is
 * their life; direct_build.c makes what they find at the start, direct_regime.c judges register
 * writes, hypercall.c and abort.c serve them while they run.
 */
#pragma once

#include <latch/abi.h>

#include "core/direct_map.h"
#include "core/direct_plan.h"
#include "ptwr/ptwr.h"

struct domain;
struct vcpu;

struct direct {
    struct direct_map map;
    struct direct_plan plan;
    uint32_t nr_frames; /* that it owns now */
    mfn_t spare;        /* frames it gave away, a list through frame.parent; MFN_NONE: none */
};

/*
 * Memory, stage 2, image and page tables of a new domain; its vCPU can run. HV_ENOMEM, or another
 * error whose reason has been printed.
 */
NODISCARD
enum hv_err direct_create(struct domain *d);

/* The same from the pristine image, with the memory the domain has. None of its vCPUs is loaded. */
NODISCARD
enum hv_err direct_reset(struct domain *d);

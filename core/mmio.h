/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of a guest to addresses that Latch emulates. */
#pragma once

#include "ptwr/base.h"

struct vcpu;

/*
 * Find the device at `ipa` (aligned to `size`, which is 1, 2, 4 or 8) and let it do the access;
 * *value is zero-extended. false: nothing is there.
 */
bool mmio_access(struct vcpu *vcpu, ipa_t ipa, unsigned int size, bool write, uint64_t *value);

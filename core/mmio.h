/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of a guest to addresses that Latch emulates. */
#pragma once

#include "ptwr/base.h"

struct vcpu;

enum mmio_result {
    MMIO_NONE, /* no device is there */
    MMIO_DONE,
    MMIO_AGAIN, /* a read that another CPU has to help with: the guest is to try it again */
};

/*
 * Find the device at `ipa` (aligned to `size`, which is 1, 2, 4 or 8) and let it do the access;
 * *value is zero-extended.
 */
enum mmio_result mmio_access(struct vcpu *vcpu, ipa_t ipa, unsigned int size, bool write,
                             uint64_t *value);

/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of a guest to addresses that Latch emulates. */
#pragma once

#include "ptwr/base.h"

struct vcpu;

struct mmio {
    ipa_t ipa;
    uint8_t size;   /* 1, 2, 4, 8 bytes; ipa is aligned to it */
    bool write;
    uint64_t value; /* zero-extended; a device's read handler sets it */
};

/*
 * Find the device and let it do the access: vgic_mmio(vcpu, m), vpl011_mmio(vcpu, m), both of which
 * return false for an address that is not theirs. false: nothing is there.
 */
bool mmio_access(struct vcpu *vcpu, struct mmio *m);

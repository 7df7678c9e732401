/* SPDX-License-Identifier: Apache-2.0 */
/* What vectors.S saves of an exception that EL2 itself raised. */
#pragma once

#include <assert.h>
#include <stddef.h>

#include <arch/asm_offsets.h>

#include "ptwr/base.h"

struct panic_frame {
    uint64_t x[31];
    uint64_t sp;
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
};
static_assert(offsetof(struct panic_frame, sp) == PANIC_SP, "vectors.S");
static_assert(offsetof(struct panic_frame, elr) == PANIC_ELR, "vectors.S");
static_assert(offsetof(struct panic_frame, esr) == PANIC_ESR, "vectors.S");
static_assert(sizeof(struct panic_frame) == PANIC_SIZE, "vectors.S");

_Noreturn void panic_exception(const struct panic_frame *frame, unsigned int vector);

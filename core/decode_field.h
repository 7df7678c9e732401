/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an instruction word, for the decoders; and what these share. */
#pragma once

#include "core/decode.h"

#define XZR 31

static inline unsigned int field(uint32_t insn, unsigned int low, unsigned int width)
{
    return (insn >> low) & ((1U << width) - 1);
}

static inline int64_t sign_extend(uint64_t value, unsigned int bits)
{
    uint64_t sign = BIT64(bits - 1);

    return (int64_t)((value ^ sign) - sign);
}

static inline bool match(uint32_t insn, uint32_t mask, uint32_t value)
{
    return (insn & mask) == value;
}

/* Stores of vector registers, and DC ZVA. False: the word is none; *out may have changed. */
bool decode_vector(uint32_t insn, struct store_insn *out);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line of instructions from a load-exclusive to its store-exclusive, checked by running it once
 * more. Pure; also built on the host.
 *
 * A line that only computes, from the loaded value and from registers that it does not write, can
 * be run again from its start. If that leaves the registers as they are, the store-exclusive may as
 * well succeed: nobody can tell the CPU's load from one that finds what memory holds now. It also
 * may if the CPU came to the store by another way, with the same in its registers.
 */
#pragma once

#include "core/decode.h"

/*
 * `store`: the store-exclusive; before[0 .. count - 1]: the instructions before it, the nearest
 * first; `memory`: what its address holds, in the low bytes; x, nzcv (PSTATE bits 31 to 28): as
 * they are at the store. False also if there is no such line.
 */
bool exclusive_holds(const struct store_insn *store, const uint32_t *before, unsigned int count,
                     uint64_t memory, const uint64_t x[31], uint64_t nzcv);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that is no single access to one entry: unaligned, across pages, of vector registers, DC
 * ZVA. It is performed piece by piece, as the architecture allows, each piece being what it changes
 * of one entry; what a piece makes of its entry is judged as a whole.
 *
 * Such a store may be begun again after some of its pieces: it has no result but memory. An access
 * of 16 bytes is two entries here; between the two another CPU may see it half done, each half
 * whole.
 */
#pragma once

#include <arch/trap.h>

#include "core/decode.h"
#include "ptwr/ptwr.h"

struct vcpu;

struct store_bytes {
    uint64_t va;        /* of the first byte */
    unsigned int count; /* of bytes */
    unsigned int done;
    mfn_t page[2]; /* the frame of the first byte, and of the next page if it reaches so far */
    uint8_t byte[DECODE_BYTES];
};

/*
 * What the instruction stores, and where. Precondition: the lock is held, the vCPU is loaded, a
 * store from EL1 faulted. HV_OK; HV_ENOENT: it is no such store, or not the one that faulted, or
 * not all of it is in frames of the domain that EL1 may write: let the CPU find out by itself;
 * HV_EAGAIN, HV_EPERM: of the walk.
 */
NODISCARD
enum hv_err store_bytes_find(struct vcpu *vcpu, const struct trap *trap,
                             const struct store_insn *insn, struct store_bytes *bytes,
                             unsigned int *budget);

/*
 * The next piece that hits a frame which is read-only: it is described in *store (table, offset,
 * size, value, va), for the engine. What lies before it in writable frames is performed. False:
 * nothing is left.
 */
bool store_bytes_next(struct vcpu *vcpu, struct store_bytes *bytes, struct ptwr_store *store);

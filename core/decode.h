/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A64 instructions that store, as far as emulating one store to a page table needs. Pure: an
 * instruction word in, a description out; also built on the host. What is not recognised is
 * OPAQUE: the answer is to open the table, never to guess.
 *
 * STTR is as good as STR here. With EL0's permissions it never comes so far: stage 1 is judged
 * first, no entry gives EL0 a page table to write, and none that a TLB remembers outlives the flush
 * that makes a frame one. With PSTATE.UAO it has EL1's.
 */
#pragma once

#include "ptwr/base.h"

enum store_kind {
    STORE_OPAQUE,    /* CASP, STXP, tags, everything unknown */
    STORE_PLAIN,     /* STR, STUR, STTR, STLR, STLUR and their narrow forms */
    STORE_PAIR,      /* STP, STNP */
    STORE_VECTOR,    /* STR, STUR, STP, STNP of vector registers */
    STORE_STRUCTURE, /* ST1 to ST4 of whole registers or of one element of each */
    STORE_ZERO,      /* DC ZVA: rn is Rt, and 31 is XZR there */
    STORE_EXCLUSIVE, /* STXR, STLXR */
    STORE_CAS,       /* CAS and its acquire and release forms */
    STORE_ATOMIC,    /* SWP, LD<op>, ST<op> */
};

enum store_atomic {
    ATOMIC_ADD,
    ATOMIC_CLR,
    ATOMIC_EOR,
    ATOMIC_SET,
    ATOMIC_SMAX,
    ATOMIC_SMIN,
    ATOMIC_UMAX,
    ATOMIC_UMIN,
    ATOMIC_SWP,
};

enum store_index {
    INDEX_NONE,     /* base + offset, base unchanged */
    INDEX_POST,     /* base; then base += offset */
    INDEX_PRE,      /* base += offset; base */
    INDEX_REGISTER, /* base + extended, shifted rm */
    INDEX_POST_RM,  /* base; then base += rm */
};

struct store_insn {
    enum store_kind kind;
    enum store_index index;
    enum store_atomic op;
    uint8_t size; /* bytes of one register's store: 1, 2, 4, 8; VECTOR: 16 too; 0: see decoder */
    uint8_t rt;   /* (first) register stored; ATOMIC, CAS: see rs */
    uint8_t rt2;  /* PAIR, VECTOR with count 2: second register */
    uint8_t rn;   /* base; 31 is SP */
    uint8_t rs;   /* EXCLUSIVE: status; CAS: compared and result; ATOMIC: operand (rt: result) */
    uint8_t rm;
    uint8_t extend; /* INDEX_REGISTER: option field */
    uint8_t shift;  /* INDEX_REGISTER: left shift of rm */
    /* STRUCTURE: `repeat` times, from register rt on, `elements` structures of `count` elements,
     * of `size` bytes each, from element number `first` on. VECTOR: `count` registers. */
    uint8_t count;
    uint8_t repeat;
    uint8_t elements;
    uint8_t first;
    bool ordered; /* acquire or release: its place among other accesses is fixed */
    int64_t offset;
};

void decode_store(uint32_t insn, struct store_insn *out);

/* The address of the (first) store. x: x0..x30; sp: the stack pointer the instruction uses. */
uint64_t decode_address(const struct store_insn *insn, const uint64_t x[31], uint64_t sp);

/* What LD<op> or SWP of `size` bytes makes of the old value and the operand. */
uint64_t decode_atomic(enum store_atomic op, unsigned int size, uint64_t old, uint64_t operand);

/* What the base changes by. x as above. */
uint64_t decode_writeback(const struct store_insn *insn, const uint64_t x[31]);

/* Four vector registers, or all that DC ZVA may zero and still be emulated. */
#define DECODE_BYTES 64

/*
 * Of stores that are no more than bytes in memory (PLAIN, PAIR, VECTOR, STRUCTURE): which, in the
 * order of their addresses, and how many. q: V0..V31, two words each, low one first; needed for the
 * latter two only. 0: no such store.
 */
unsigned int decode_bytes(const struct store_insn *insn, const uint64_t x[31], const uint64_t q[64],
                          uint8_t out[DECODE_BYTES]);

#define DECODE_WINDOW 8

/*
 * Is the store-exclusive `store` the end of a compare-and-swap whose load-exclusive is among the
 * `count` instructions before it (before[0] the nearest)? True only for a whole straight line:
 * load-exclusive of the same base and size, then data processing and forward conditional branches
 * that leave the loaded register and the base alone. *loaded is the register that still holds the
 * value that was loaded. Semantics for the caller: store only if memory still holds that value
 * (an ABA change goes unseen, as with CAS).
 */
bool decode_exclusive(const struct store_insn *store, const uint32_t *before, unsigned int count,
                      unsigned int *loaded);

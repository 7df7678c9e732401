/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct guest and what core/ does for it, on fake_port.h: every call of the engine is repeated
 * while it asks for that, the whole state is checked after each, and a number of repetitions that
 * no sound engine needs is a livelock and fails the test.
 */
#pragma once

#include "fake_port.h"

/* Frames of the address space that guest_space() makes, by fake_port.h's numbers. */
enum {
    ROOT = 1,  /* [0] -> MID1 */
    MID1 = 2,  /* [0] -> MID2 */
    MID2 = 3,  /* [0] -> LEAF */
    LEAF = 4,  /* [0..3] -> DATA .. DATA + 3, writable by EL1 */
    SPARE = 5, /* SPARE .. SPARE + 7: empty, plain */
    DATA = 16, /* DATA .. DATA + 15: plain */
    GUEST_FRAMES = 32,
};

enum guest_result {
    GUEST_DONE,
    GUEST_FAILED, /* a comparison was false: nothing stored */
    GUEST_INJECTED,
    GUEST_CRASHED,
};

#define RO      DESC_AP_RO
#define EL0     DESC_AP_EL0
#define ATTR(n) ((uint64_t)(n) << 2)

static inline uint64_t d_table(unsigned int number)
{
    return mfn_to_pa(fake_mfn(number)).raw | FAKE_WALK | 3;
}

/* .. in a guarded domain. */
static inline uint64_t g_table(unsigned int number) { return d_table(number) & ~FAKE_WALK; }

/* A page or, with d_block, a block of a frame: Normal write-back, inner shareable, accessed. */
static inline uint64_t d_page(unsigned int number, uint64_t flags)
{
    return mfn_to_pa(fake_mfn(number)).raw | DESC_AF | DESC_SH | 3 | flags;
}

static inline uint64_t d_block(unsigned int number, uint64_t flags)
{
    return (d_page(number, flags) & ~DESC_TABLE);
}

/* VA of a level-3 entry below TTBR<which>_EL1. */
uint64_t guest_va(unsigned int which, unsigned int l0, unsigned int l1, unsigned int l2,
                  unsigned int l3);

/* Adds frames and maps them in the data window, as domain creation does. */
void guest_add(struct fake *f, unsigned int first, unsigned int count);
/* GUEST_FRAMES frames and the space above, in plain memory. Nothing is pinned or loaded. */
void guest_space(struct fake *f);
/* .. and pinned, assist on, loaded in TTBR1_EL1 of vCPU 0, trace cleared. */
void guest_running(struct fake *f);

/*
 * Opens a table by a store that changes nothing, whatever the last batch was. Fails if it is not
 * opened by that.
 */
void guest_open(struct fake *f, unsigned int number);
bool guest_has_open(struct fake *f, unsigned int number);
bool guest_has_attached(struct fake *f, unsigned int number);
/* The i-th of fifteen more level-3 tables, and: `count` of them in MID2[1..], flushed. */
unsigned int guest_more(unsigned int i);
void guest_hook_more(struct fake *f, unsigned int count);

/* The engine's calls, repeated while they return HV_EAGAIN. */
enum hv_err guest_pin(struct fake *f, unsigned int number, unsigned int level);
enum hv_err guest_unpin(struct fake *f, unsigned int number);
enum hv_err guest_load(struct fake *f, unsigned int vcpu, unsigned int which, unsigned int number);
enum hv_err guest_load_none(struct fake *f, unsigned int vcpu, unsigned int which);
/* Guarded: registers that name a root, of an address space of so many bits. FAKE_FRAMES: none. */
void guest_user(struct fake *f, unsigned int vcpu, unsigned int number, unsigned int bits);
enum hv_err guest_kernel(struct fake *f, unsigned int vcpu, unsigned int number, unsigned int bits);
void guest_off(struct fake *f, unsigned int vcpu);
enum hv_err guest_sync(struct fake *f, enum ptwr_trigger why);
enum hv_err guest_assist(struct fake *f, bool on);
enum hv_err guest_work(struct fake *f);
enum hv_err guest_remove(struct fake *f, unsigned int number);
/* A hypercall that stores one entry: ptwr_sync(PTWR_T_HYPERCALL), then ptwr_update(). */
enum hv_err guest_update(struct fake *f, unsigned int table, unsigned int index, uint64_t value);
void guest_flush(struct fake *f);
void guest_preempt(struct fake *f, unsigned int vcpu, enum ptwr_trigger why);

/* Plain stores: f->vcpu, pc, el0, opaque say how. Done natively where stage 2 lets it, else the
 * engine is asked as core/ would. */
enum guest_result guest_store(struct fake *f, unsigned int number, unsigned int index,
                              uint64_t value);
enum guest_result guest_store_bytes(struct fake *f, unsigned int number, unsigned int offset,
                                    unsigned int size, uint64_t value);
/* Compare and swap: `seen` is what was there. */
struct guest_compare {
    unsigned int offset;
    unsigned int size;
    uint64_t old;
    uint64_t value;
    uint64_t seen;
};
enum guest_result guest_cas(struct fake *f, unsigned int number, struct guest_compare *compare);
/* One call of the engine for a store, without repetition. */
enum ptwr_outcome guest_fault(struct fake *f, struct ptwr_store *store);

/*
 * The MMU of f->vcpu translates va through the walk window, asking the engine where a table is
 * hidden. Fails on an entry that the rules forbid. *value: the last entry read.
 */
enum guest_result guest_walk(struct fake *f, uint64_t va, uint64_t *value);

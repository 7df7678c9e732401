/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page-type engine, as core/ sees it. One struct ptwr per direct or guarded domain.
 *
 * Every function below wants the domain's lock held. Every function with a budget returns
 * HV_EAGAIN when it has looked at that many entries; its progress is in the frames, calling it
 * again with the same arguments goes on. Nothing here ever waits.
 */
#pragma once

#include "ptwr/base.h"
#include "ptwr/desc.h"
#include "ptwr/frame.h"

#define PTWR_MAX_SLOTS 16
#define PTWR_MAX_VCPUS 8
#define PTWR_BUDGET    128 /* entries a trap may look at before it lets interrupts in */
#define PTWR_PREDICTOR 128
#define PTWR_KINDS     32

enum ptwr_policy { PTWR_POLICY_PREDICT, PTWR_POLICY_EMULATE, PTWR_POLICY_OPEN };
enum ptwr_action { PTWR_ACTION_CRASH, PTWR_ACTION_REFUSE };

/* Why open tables were reconnected. One counter each; one test each. */
enum ptwr_trigger {
    PTWR_T_SLOT,      /* another table wanted the slot */
    PTWR_T_WALK,      /* a walker met the detached table */
    PTWR_T_PREEMPT,   /* the vCPU was preempted or descheduled */
    PTWR_T_BLOCK,     /* WFI with another vCPU to run */
    PTWR_T_HYPERCALL, /* mmu_update, update_va_mapping, mmuext_op, on entry */
    PTWR_T_REGIME,    /* TTBRn, TCR, SCTLR, MAIR write */
    PTWR_T_ASSIST,    /* vm_assist disable */
    PTWR_T_CONFLICT,  /* a page-type conflict that counts alone cannot settle */
    PTWR_T_MEMORY,    /* grant, share, balloon of memory */
    PTWR_T_LIFE,      /* pause, stop, restart, dump, destroy, PSCI calls */
    PTWR_T_REFERENCE, /* a new reference to an open table */
    PTWR_T_EL2_WALK,  /* EL2's own software walk met it */
    PTWR_TRIGGERS
};

/* The rule that a refused descriptor or request broke; ptwr_rule_name() has the text. */
enum ptwr_rule {
    PTWR_RULE_NONE,
    PTWR_RULE_RESERVED,  /* reserved encoding or bit, or contiguous */
    PTWR_RULE_LEVEL,     /* block at a level that has none (or 1 GiB), same-level link */
    PTWR_RULE_WINDOW,    /* table without WALK, or leaf with it */
    PTWR_RULE_OWNER,     /* R1: not a frame the domain owns or was given */
    PTWR_RULE_MEMTYPE,   /* R1: RAM with a device memory type */
    PTWR_RULE_TYPE,      /* the frame is in use as something else */
    PTWR_RULE_WRITABLE,  /* writable mapping of a table, assist off */
    PTWR_RULE_EL0_TABLE, /* R4: EL0-writable mapping of a table */
    PTWR_RULE_FOREIGN,   /* R8, and frames that are only to be read */
    PTWR_RULE_COUNT,     /* a count would overflow */
    PTWR_RULE_UNALIGNED, /* store that is not a whole aligned part of one entry */
    PTWR_RULE_REGIME,    /* R6: write of a register that would change what descriptors mean */
    PTWR_RULE_EXECUTE,   /* R2, R3: executable at EL1, and writable or in reach of EL0 */
    PTWR_RULE_SEALED,    /* R4, R5: the kernel image's translation or memory */
    PTWR_RULE_TEXT,      /* R7: change of the kernel's code */
    PTWR_RULES
};

struct ptwr_violation {
    enum ptwr_rule rule;
    mfn_t table;
    uint16_t index;
    uint8_t level;
    desc_t old;
    desc_t new;
};

/* Read by guests through a hypercall: 64-bit, in this order (include/latch/abi.h repeats it). */
struct ptwr_counters {
    uint64_t store_faults; /* stage-2 write faults on table frames */
    uint64_t walk_faults;  /* stage-2 faults on stage-1 walks */
    uint64_t emulated;     /* entries stored by emulation */
    uint64_t opened;       /* detaches */
    uint64_t reconnected[PTWR_TRIGGERS];
    uint64_t batch_entries; /* entries found changed at reconnects */
    uint64_t validated;     /* entries judged (validation, batch, emulation, hypercall) */
    uint64_t updates;       /* entries stored by hypercall */
    uint64_t promoted;      /* frames that became tables */
    uint64_t demoted;       /* tables that became plain again */
    uint64_t refused;       /* violations */
    uint64_t tlbi_all;      /* VMALLE1IS and VMALLS12E1IS */
    uint64_t tlbi_va;       /* VAAE1IS */
    uint64_t tlbi_ipa;      /* IPAS2E1IS */
    uint64_t cleaned;       /* pages cleaned and invalidated */
    uint64_t released;      /* address spaces given up at once */
    uint64_t audited;       /* violations that were only reported */
};

/* One open table. The slot holds a type reference of its own, so that the table stays typed. */
struct ptwr_slot {
    mfn_t table; /* MFN_NONE: free. Published last (pitfall 23). */
    mfn_t root;  /* guarded: which is parked as long as it is open */
    uint8_t level;
    uint8_t vcpu;          /* who opened it */
    bool protected_;       /* data window is read-only and flushed again, contents not all judged */
    enum ptwr_trigger why; /* protected_: what reconnects it */
    enum ptwr_trigger blocked; /* why other slots have to go first: REFERENCE or CONFLICT */
    bool last;                 /* no other can go first: what is still in the way is refused */
    uint32_t tried;            /* blocked when p->closed was one less; 0: not blocked */
    uint32_t sequence;         /* age: the smallest is the oldest */
    uint64_t pc;               /* program place that opened it: feeds the predictor */
    uint16_t cursor;           /* protected_: entries below it are judged */
    uint16_t changed;          /* entries found changed so far */
    bool foreign;              /* another vCPU's walk had to wait for it */
    uint16_t dropped; /* protected_: entries below it that are invalid now hold nothing any more */
    bool given_up;    /* no table any more: what the snapshot refers to is dropped */
    uint16_t judged;  /* given_up: the cursor when that was found */
    uint16_t run;     /* stores of the same run that were emulated before */
    uint8_t worth;    /* so many entries pay for a batch */
};

/* What is known of a program place that stores to tables, or of all that share its number. */
struct ptwr_place {
    uint32_t table;     /* the table of its last emulated store */
    uint16_t run;       /* emulated stores in a row to that */
    uint16_t wait;      /* so many more are emulated before a run is taken for a batch again */
    uint8_t confidence; /* in long batches */
    uint8_t ends;       /* how often what it cleared belonged to an address space that ended */
    uint8_t shift;      /* how long the next wait is */
};

/* Guarded: who has cleared entries below a root since the last one was made there. */
#define PTWR_ENDINGS       4
#define PTWR_ENDING_PLACES 4
struct ptwr_ending {
    uint32_t root;
    uint8_t places; /* 0: not in use */
    uint8_t place[PTWR_ENDING_PLACES];
};

/* A vCPU's root was released because a place was believed: is that decided yet? */
struct ptwr_foretold {
    bool open;
    uint8_t place;
};

/* Addresses that leaves may map although no frame is there: the domain's devices. */
struct ptwr_range {
    uint64_t base;
    uint64_t size; /* 0: unused */
};
#define PTWR_MAX_DEVICES 4

/* Memory that other domains map too, and that has no frames either: it is never a table. */
struct ptwr_shared {
    struct ptwr_range range;
    bool writable; /* by this domain */
};
#define PTWR_MAX_SHARED 4

/* latch,text-policy: what becomes of a store to the kernel's code, and of new code. */
enum ptwr_text { PTWR_TEXT_ALLOW, PTWR_TEXT_AUDIT, PTWR_TEXT_DENY };

enum ptwr_seal_state {
    SEAL_NEVER, /* direct */
    SEAL_OPEN,
    SEAL_CHECKING, /* new leaves are judged by the rules already, the rest is being looked at */
    SEAL_MARKING,
    SEAL_DONE,
};

/* How the last attempt ended. */
enum ptwr_seal_end {
    PTWR_SEAL_SEALED,
    PTWR_SEAL_TOO_EARLY, /* nothing of the image is read-only yet */
    PTWR_SEAL_VIOLATION, /* p->violation says of what */
    PTWR_SEAL_SHARED,    /* the tables of the image have several places */
    PTWR_SEAL_NO_TABLES,
};

/* An attempt waits for so many more admissions of user code than the last, as a shift. */
#define PTWR_SEAL_WAIT_MAX 8

/* The seal of a guarded domain: ptwr/seal.h. */
struct ptwr_seal {
    enum ptwr_seal_state state;
    enum ptwr_seal_end end;
    enum ptwr_text text;
    bool audit;  /* latch,guard: what breaks a rule of the seal is reported and done */
    bool wanted; /* a leaf that EL0 may execute was admitted */
    uint32_t wait;
    uint8_t shift;
    va_t image_va; /* the kernel's image, whose VA less its IPA is the same throughout */
    uint64_t image_size;
    uint8_t role;                         /* cursor of the scan: roots of TTBR1_EL1 first, */
    mfn_t root;                           /* the root, */
    bool lost;                            /* which is one no more, */
    uint64_t va;                          /* and where in it; */
    bool ends;                            /* past the image's last data */
    uint32_t nr_text, nr_rodata, nr_data; /* frames */
    struct ptwr_violation audited;        /* the last */
};

struct ptwr {
    struct frame_table *frames;
    void *port;
    uint64_t walk;        /* the WALK bit, as an IPA */
    uint8_t owner;        /* the domain's number in struct frame */
    uint8_t nr_slots;     /* 1..PTWR_MAX_SLOTS */
    uint8_t normal_attrs; /* bit n: MAIR_EL1.Attr<n> is Normal memory */
    struct ptwr_range devices[PTWR_MAX_DEVICES];
    struct ptwr_shared shared[PTWR_MAX_SHARED];
    /*
     * An unmodified guest's: frame numbers are IPAs', entries hold them without WALK, leaves are
     * stage 2's business, and not tables but whole roots of TTBR0_EL1 are hidden from the walkers
     * ("parked") while tables below them are open.
     */
    bool guarded;
    bool count_users; /* guarded: count what EL0 may write, so that it never becomes a table */
    bool assist;      /* vm_assist writable_pagetables is on; always for a guarded domain */
    enum ptwr_policy policy;
    enum ptwr_action action;

    mfn_t base[PTWR_MAX_VCPUS][2];      /* loaded roots: TTBR0_EL1, TTBR1_EL1 */
    uint8_t va_bits[PTWR_MAX_VCPUS][2]; /* of the two halves; guarded: 0 while the MMU is off */
    mfn_t kept;                         /* guarded: roots, a list through frame.parent */
    struct ptwr_slot slots[PTWR_MAX_SLOTS];
    uint32_t sequence;
    uint32_t nr_open;
    uint32_t closed;  /* reconnections so far */
    bool last_resort; /* guarded: what is open cannot settle what is refused now */
    bool settling;    /* an update waits until all that was open then is reconnected */

    /*
     * Stale frames, oldest first, linked by frame.parent. The first nr_flushed of them have seen a
     * full flush since they went stale; `unflushed` is the one after those, `teardown` the first
     * that still holds references.
     */
    mfn_t stale_head, stale_tail;
    mfn_t unflushed, teardown;
    uint32_t nr_stale, nr_flushed;
    uint32_t stale_roots; /* of those not flushed: that were in the walk window */
    uint64_t epoch;       /* full flushes completed */
    uint64_t broken; /* epoch + 1 when an entry above level 3 was last made invalid; 0: never */
    uint64_t links;  /* changes whenever a way from a base to a table may have ended; never 0 */

    bool flush_due; /* guarded: when the registers are written: ptwr_base_written() */
    struct ptwr_seal seal;

    bool blocks; /* direct: some table has had a block since the domain started */

    struct frame_run taken, dropped; /* of single updates of level-3 entries */
    /*
     * Guarded, users not counted: what pages that were taken last had beside their address. Another
     * like them may map any ordinary frame of the domain. 0: none.
     */
    uint64_t kinds[PTWR_KINDS];

    uint32_t tables_with_writers; /* live tables that some leaf maps EL1-writable */

    struct ptwr_place predictor[PTWR_PREDICTOR]; /* by PC of the store */
    struct ptwr_ending endings[PTWR_ENDINGS];
    struct ptwr_foretold foretold[PTWR_MAX_VCPUS];
    uint8_t next_ending;
    uint8_t nr_endings;
    mfn_t last_empty;       /* table whose last batch changed nothing: emulate the next store */
    uint32_t pause;         /* so many stores are emulated before any table is opened again */
    uint8_t pause_shift;    /* how long the next pause is */
    uint64_t empty_pc;      /* program place whose batches change nothing, */
    uint32_t empty_batches; /* and so many in a row have not */
    struct ptwr_violation violation; /* the last refusal, for the report */
    struct ptwr_violation fatal; /* the first that crash has to answer; .rule NONE: there is none */
    struct ptwr_counters count;
};

/* Precondition: *p is zeroed and its configuration fields (frames .. action) are set. */
void ptwr_init(struct ptwr *p);

/* Guarded: which attributes of MAIR_EL1 are Normal memory. Precondition: no table is kept. */
void ptwr_set_normal_attrs(struct ptwr *p, uint8_t normal);

const char *ptwr_rule_name(enum ptwr_rule rule);
const char *ptwr_trigger_name(enum ptwr_trigger trigger);

/*
 * Frames in and out of the domain. add: the frame has no owner; afterwards PLAIN, and the caller
 * maps it writable in the data window. remove: HV_EBUSY while anything refers to it; on HV_OK it
 * is unmapped, flushed and ownerless (balloon, transfer).
 */
NODISCARD
enum hv_err ptwr_frame_add(struct ptwr *p, mfn_t mfn);
/* All frames of a 2 MiB region (PA >> REGION_SHIFT) that have no owner: a domain's RAM, no device.
 */
void ptwr_region_add(struct ptwr *p, uint32_t region);
NODISCARD
enum hv_err ptwr_frame_remove(struct ptwr *p, mfn_t mfn, unsigned int *budget);

/*
 * Pin `mfn` as a table of `level` (0..3): protect, flush, clean, judge it and all tables below.
 * HV_EINVAL: refused, p->violation says why; what was taken on the way is given back, at once or
 * with the stale tables. HV_EBUSY: it is a table of another level. HV_EPERM: it is not the
 * domain's. HV_EAGAIN. unpin: HV_EINVAL if it is not pinned. Both reconnect open tables first:
 * after ptwr_sync() there are none, and HV_EPERM means nothing else.
 */
NODISCARD
enum hv_err ptwr_pin(struct ptwr *p, mfn_t mfn, unsigned int level, unsigned int *budget);
NODISCARD
enum hv_err ptwr_unpin(struct ptwr *p, mfn_t mfn, unsigned int *budget);

/*
 * Make `mfn` the root in TTBR<which>_EL1 of a vCPU (validating it if need be) and drop the one
 * that was there; MFN_NONE is allowed for which = 0. The caller writes the register; if p->blocks
 * and the base is another, it flushes (ptwr_flush) before the guest goes on: a block of the one
 * tree and a table of the other, cached for one VA and one ASID, were never broken (Arm ARM D8.16).
 */
NODISCARD
enum hv_err ptwr_load_base(struct ptwr *p, unsigned int vcpu, unsigned int which, mfn_t mfn,
                           unsigned int *budget);

/*
 * The vCPU is off: both its roots are dropped. Preconditions: no table is open (ptwr_sync()), and
 * the vCPU's CPU starts no walk from them any more.
 */
void ptwr_unload(struct ptwr *p, unsigned int vcpu);

/*
 * Guarded: TTBR0_EL1 of a vCPU names this frame now (MFN_NONE: none of the domain's), and
 * translates so many bits. Nothing is judged: its first walk faults (ptwr_walk_fault()). Returns
 * what the register is to name: `root`, or MFN_NONE while that is a root for another size of
 * address space. If p->flush_due is set now, the caller writes a base that leads nowhere and calls
 * ptwr_base_written() before it writes this one.
 */
NODISCARD
mfn_t ptwr_set_user_base(struct ptwr *p, unsigned int vcpu, mfn_t root, unsigned int va_bits);

/* The same with as many bits as before; false: there would have to be a flush, so nothing is done.
 */
NODISCARD
bool ptwr_switch_user_base(struct ptwr *p, unsigned int vcpu, mfn_t root);

/*
 * Guarded: the same for TTBR1_EL1, whose root is judged before the caller writes the register and
 * calls ptwr_base_written(). HV_OK; HV_EAGAIN; HV_EINVAL: refused, p->violation says why; HV_EPERM:
 * not a frame of the domain's, or a batch held an illegal entry and the action is crash.
 */
NODISCARD
enum hv_err ptwr_set_kernel_base(struct ptwr *p, unsigned int vcpu, mfn_t root,
                                 unsigned int va_bits, unsigned int *budget);

/* Guarded: walks do not start at the old base any more. What was walked by it is dropped where it
 * must not meet what is walked by the new one. */
void ptwr_base_written(struct ptwr *p);

/* Guarded: the vCPU's MMU is off, or the vCPU is. Preconditions as ptwr_unload(). */
void ptwr_stage1_off(struct ptwr *p, unsigned int vcpu);

/*
 * One entry by hypercall or emulation: judge, take what the new value refers to, store (broken
 * and made where the change asks for it), drop what the old one referred to. HV_EINVAL: refused,
 * p->violation says why. A table that is open is reconnected first. If the frame is PLAIN and
 * owned, it is a plain store (as Xen's mmu_update); HV_EPERM otherwise.
 */
NODISCARD
enum hv_err ptwr_update(struct ptwr *p, mfn_t table, unsigned int index, desc_t value,
                        unsigned int *budget);

/* How a store fault ended. */
enum ptwr_outcome {
    PTWR_RETRY,  /* return to the same PC: opened, made plain, lost a race, or more work to do */
    PTWR_DONE,   /* the store was performed: advance the PC */
    PTWR_FAILED, /* store-exclusive or CAS whose comparison failed: see ptwr_store.seen */
    PTWR_DECODE, /* emulation is wanted and the store is not decoded: decode and call again */
    PTWR_INJECT, /* permission fault for the guest (strict rule, refused value, EL0 store) */
    PTWR_CRASH,  /* stop the domain; p->violation says why */
};

/*
 * One store that hit a read-only table frame. `decoded` false: only table, offset, pc, el0, vcpu
 * are known, and the engine may still open. old_valid: store `value` only if the entry holds
 * `old` in the bytes of the store (CAS, store-exclusive). `value` and `old` are in the low bytes.
 */
struct ptwr_store {
    mfn_t table;
    uint16_t offset; /* byte in the page */
    uint8_t size;    /* 1, 2, 4, 8 */
    uint8_t vcpu;
    bool el0; /* the store has EL0's permissions */
    bool decoded;
    bool emulatable; /* false: the decoder knows no way but opening */
    bool old_valid;
    uint64_t value;
    uint64_t old;
    uint64_t seen; /* out: what the entry held */
    uint64_t pc;
    va_t va; /* of the store: its stale translation is dropped */
};
NODISCARD
enum ptwr_outcome ptwr_store_fault(struct ptwr *p, struct ptwr_store *store, unsigned int *budget);

/*
 * The same for a part of an instruction that is emulated piece by piece. Never opens the table:
 * the pieces before it are done, and whether they would be found changed is not known.
 * Precondition: decoded and emulatable.
 */
NODISCARD
enum ptwr_outcome ptwr_store_part(struct ptwr *p, struct ptwr_store *store, unsigned int *budget);

/*
 * A walk met stage-2 translation fault at the walk-window page of `table`, which in a guarded
 * domain is a root that is parked or has never been judged. HV_OK: retry, it is reconnected, or the
 * old pointer that led there is gone. HV_EAGAIN. HV_EINVAL: no table of the domain that could be
 * attached: external abort. HV_EPERM: its batch held an illegal entry and the action is crash.
 */
NODISCARD
enum hv_err ptwr_walk_fault(struct ptwr *p, unsigned int vcpu, mfn_t table, unsigned int *budget);

/*
 * Reconnect all open tables: HV_OK, HV_EAGAIN, or HV_EPERM (a batch held an illegal entry and the
 * action is crash: tables are consistent again, the caller stops the domain).
 */
NODISCARD
enum hv_err ptwr_sync(struct ptwr *p, enum ptwr_trigger why, unsigned int *budget);

/* Preemption: make all open tables read-only and flush; reading them is left to their owner's
 * time (next walk, next dispatch). Bounded by the number of slots. */
void ptwr_protect_open(struct ptwr *p, unsigned int vcpu, enum ptwr_trigger why);

/* vm_assist(writable_pagetables). off: syncs first; HV_EBUSY while a table frame has writers. */
NODISCARD
enum hv_err ptwr_assist(struct ptwr *p, bool on, unsigned int *budget);

/* A VMALLE1IS with its barriers for the guest's flush calls; frees what it makes free, as far as
 * the budget goes: the rest is done when somebody needs it. */
void ptwr_flush(struct ptwr *p, unsigned int *budget);

/*
 * EL2's own walk of the guest's stage 1, by single atomic loads. HV_EFAULT: no translation (level
 * and desc say where it ended). HV_EAGAIN: it met an open table: ptwr_sync and call again.
 */
struct ptwr_walk {
    mfn_t table; /* the last table looked at; MFN_NONE: none, the MMU is off */
    unsigned int level;
    unsigned int index;
    desc_t desc;       /* the last descriptor read */
    uint64_t oa;       /* IPA of va, page offset included */
    bool writable_el1; /* hierarchical bits applied */
    bool readable_el0;
    bool writable_el0;
};
NODISCARD
enum hv_err ptwr_translate(struct ptwr *p, unsigned int vcpu, va_t va, struct ptwr_walk *walk);

/*
 * The way to the last table that a vCPU stored to. What is remembered holds as long as no table on
 * the way was opened, no pointer on it was dropped (ptwr.links says so), and its last entry is
 * still the same. Empty if zeroed.
 */
struct ptwr_memo {
    uint64_t links;
    uint64_t page; /* VA of the page, tag included */
    desc_t leaf;   /* what maps it, */
    mfn_t leaf_table;
    uint32_t leaf_index; /* and where that is */
    mfn_t table;         /* the level-3 table that it is, or the page */
    mfn_t root;          /* guarded: a hint, slot_user_root() of the table when this was made */
    struct frame *frame; /* and its record */
};

/* The same for the level-3 table of a region, by which EL1 may write as far as the tables above it
 * say. */
struct ptwr_way {
    uint64_t links;
    uint64_t region; /* VA, tag included, of what the table spans */
    mfn_t table;
};

/* Remember `walk`, which ptwr_translate() has just made of `va`, if it led to a level-3 table that
 * EL1 may write by it. */
void ptwr_memo_fill(const struct ptwr *p, struct ptwr_memo *memo, struct ptwr_way *way, va_t va,
                    const struct ptwr_walk *walk);

/*
 * Make a memo of a page of the region that `way` knows, as ptwr_memo_fill() would after a walk.
 * false: it does not know it, the page is no such table, or the memo was good already.
 */
bool ptwr_memo_extend(const struct ptwr *p, struct ptwr_memo *memo, const struct ptwr_way *way,
                      va_t va);

/* The same of any page of the domain's own, for reading. */
void ptwr_memo_fill_page(const struct ptwr *p, struct ptwr_memo *memo, va_t va,
                         const struct ptwr_walk *walk);

/* Would ptwr_translate() find the page of `va` where memo->table says, and is it the domain's? */
bool ptwr_memo_holds(const struct ptwr *p, const struct ptwr_memo *memo, va_t va);

/*
 * ptwr_store_fault() of an aligned 8-byte store of EL1, by the syndrome alone, to a table that
 * `memo` knows, if all is as it mostly is: a page takes another's or an invalid entry's place, or
 * the reverse, and nothing is to be judged the long way, opened, broken or waited for. false:
 * nothing has happened. Precondition: memo is the vCPU's; va is where the store begins.
 */
bool ptwr_store_page(struct ptwr *p, const struct ptwr_memo *memo, va_t va, uint64_t pc,
                     desc_t value);

/*
 * Requests of mmu_update, from the first on, that are like that: MMU_NORMAL_PT_UPDATE of pages in
 * one attached level-3 table. How many are done; the next one is for ptwr_update().
 */
struct ptwr_request {
    uint64_t ptr; /* machine address of the entry; bits 1:0: the kind, of which 0 is the normal */
    desc_t value;
};
unsigned int ptwr_update_pages(struct ptwr *p, const struct ptwr_request *request,
                               unsigned int count);

/*
 * A frame on its way to PLAIN arrives there: a stale one after a flush, one whose validation was
 * never finished at once. HV_OK, also for every other state; HV_EAGAIN. Precondition: the frame is
 * the domain's.
 */
NODISCARD
enum hv_err ptwr_settle(struct ptwr *p, mfn_t mfn, unsigned int *budget);

/*
 * The seal. wanted: there is work for begin (state SEAL_OPEN) or step, to be done by the next trap.
 * begin: the kernel's image lies at `image`. step: HV_OK: sealed; HV_EAGAIN; HV_EINVAL: not now,
 * p->seal.end says why.
 */
bool ptwr_seal_is_wanted(struct ptwr *p);
NODISCARD
enum hv_err ptwr_seal_begin(struct ptwr *p, va_t image, uint64_t size, unsigned int *budget);
NODISCARD
enum hv_err ptwr_seal_step(struct ptwr *p, unsigned int *budget);

/* After the seal a vCPU starts with its MMU off only in code of the kernel's image, or constants.
 */
bool ptwr_may_start_at(const struct ptwr *p, mfn_t mfn);

/* Bounded housekeeping: tear down what stale tables still refer to. HV_EAGAIN: there is more. */
enum hv_err ptwr_work(struct ptwr *p, unsigned int *budget);

/* Restart: forget all types, counts, slots and roots; every owned frame is PLAIN. Precondition:
 * no vCPU runs, and the caller rewrites stage 2 and invalidates the VMID. */
void ptwr_reset(struct ptwr *p);

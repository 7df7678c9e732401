/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptwr/port.h on an array of made-up frames: memory with a cache in front of it, stage 2, a trace
 * of every effect in order, and a shadow of what TLBs, walk caches and caches may still hold. The
 * shadow is pessimistic: a translation that may have been cached is taken to be cached until the
 * complete sequence of Arm ARM steps has removed it. Breaking one of its rules fails the test.
 *
 * Frames have numbers 0 .. FAKE_FRAMES - 1 here. The second half lies one region further up than
 * the first, so that there is a gap in the machine's frame table; fake_mfn() converts.
 */
#pragma once

#include <setjmp.h>

#include "ptwr/frame.h"
#include "ptwr/port.h"
#include "ptwr/ptwr.h"

#define FAKE_CHUNK  512U
#define FAKE_FRAMES (2 * FAKE_CHUNK)
#define FAKE_FIRST  0x40000U
#define FAKE_WALK   BIT64(35)
#define FAKE_OWNER  3
#define FAKE_DEVICE UINT64_C(0x9000000)

enum effect_kind {
    EFFECT_LOAD,
    EFFECT_READ,
    EFFECT_STORE,
    EFFECT_SNAPSHOT_TAKE,
    EFFECT_SNAPSHOT_READ,
    EFFECT_COMPARE,
    EFFECT_S2,
    EFFECT_DSB_ISHST,
    EFFECT_DSB_ISH,
    EFFECT_ISB,
    EFFECT_TLBI_IPAS2,
    EFFECT_TLBI_VAAE1,
    EFFECT_TLBI_VMALLE1,
    EFFECT_TLBI_VMALLS12E1,
    EFFECT_REPEAT,
    EFFECT_CLEAN,
    EFFECT_KINDS
};

struct effect {
    enum effect_kind kind;
    unsigned int frame; /* frame, or snapshot number */
    unsigned int where; /* entry, or window */
    uint64_t value;     /* descriptor, permission, VA, count */
};

/* How far a reduced stage-2 entry is on its way out of all TLBs. */
enum fake_progress {
    GONE,        /* nothing is under way */
    STORED,      /* the entry is written, walkers may not see it yet */
    VISIBLE,     /* a DSB later */
    IPA_SENT,    /* TLBI of the IPA sent */
    IPA_GONE,    /* a DSB ISH later: no stage-2 entry is left */
    STAGE1_SENT, /* TLBI of stage 1 sent */
    STAGE1_DSB,  /* a DSB ISH later; where the erratum holds, the repeat is still to come */
};

/* How far the storing CPU's old read-only translation is on its way out. */
enum fake_denied { NOT_DENIED, DENIED, DENIED_IPA_SENT, DENIED_IPA_GONE, DENIED_VA_SENT };

#define FAKE_VAS 4

struct fake_frame {
    uint64_t *cached; /* what EL2 and cacheable guest accesses see */
    uint64_t *dram;   /* what a non-cacheable writer writes and a walker may see */
    uint64_t *tlb;    /* per entry: an older valid descriptor that a TLB may still hold */
    enum ptwr_perm s2[2];
    enum fake_progress progress[2];
    bool may_read; /* some CPU may hold a data-window translation */
    bool may_store;
    enum fake_denied denied; /* a CPU that stores may fault although the entry is writable */
    bool may_walk;           /* some walker may still reach the frame as a table */
    bool cleaned;            /* DC CIVAC since the last possible store */
    bool nc_dirty;           /* DRAM was written behind the cache */
    bool tlb_empty;
    bool unordered; /* EL2 stored to it while hidden, and no DSB followed */
    bool by_va;     /* the walk window's last step was a TLBI by VA, of by_va_at */
    uint64_t by_va_at;
    unsigned int level; /* when it was last shown to walkers */
    unsigned int nr_vas;
    bool many_vas;
    bool grown;            /* these VAs are more than its children know */
    uint64_t va[FAKE_VAS]; /* where walk caches may hold a pointer to it, bits 55:0 */
};

struct fake {
    struct ptwr ptwr;
    struct frame_table table;
    struct frame *regions[3];
    struct frame chunk[2][FAKE_CHUNK];
    struct fake_frame frame[FAKE_FRAMES];
    uint64_t snapshot[PTWR_MAX_SLOTS][PTWR_ENTRIES];
    mfn_t ttbr[PTWR_MAX_VCPUS][2];         /* what the registers hold: fake_set_ttbr() */
    unsigned int first[PTWR_MAX_VCPUS][2]; /* guarded: level that walks from it start at */
    bool erratum;                          /* REPEAT_TLBI is needed: on from the start */
    bool map_pending;                      /* a stage-2 entry was made larger and no DSB followed */
    unsigned int top;                      /* highest frame in use + 1 */
    unsigned int nr_pending;               /* reduced stage-2 entries on their way */
    bool all_sent;                         /* TLBI since the last DSB ISH */
    bool va_done;                          /* the same by the VA of va_sent_at */
    bool all_done;                         /* such a TLBI waits for its repetition only */
    bool va_sent;
    uint64_t va_sent_at;

    struct effect *trace; /* the last ones, a ring */
    uint64_t effects;     /* ever */
    uint64_t trace_start;
    bool checking; /* ptwr_check() runs: its loads are no effects */
    unsigned int counts[EFFECT_KINDS];

    struct fake_break {
        unsigned int frame;
        unsigned int index;
        bool visible; /* a walker could see the hole */
    } breaks[64];     /* valid entries that the engine made invalid in this operation */
    unsigned int nr_breaks;

    /* The guest: see fake_guest.h. */
    unsigned int vcpu;
    uint64_t pc;
    uint64_t alias; /* VA of its stores */
    bool el0;
    bool opaque;         /* the decoder knows no way for its stores */
    unsigned int budget; /* entries per call of the engine */
    unsigned int every;  /* whole-state check after every n-th operation */
    unsigned int ops;
    unsigned int calls; /* of the engine in the last operation */
    jmp_buf *catch;     /* a rule that is broken jumps here instead of failing the test */
    char message[256];
    uint64_t seed; /* of a random test, for the message; 0: none */
};

/* Creates the fake with an initialised engine: assist off, 2 slots, policy predict, crash. */
struct fake *fake_new(void);
/* .. of an unmodified guest, that counts what EL0 may write and refuses. Which tables walkers may
 * reach follows from the registers and the entries: fake_guarded.c. */
struct fake *fake_new_guarded(void);
void fake_free(struct fake *f);

mfn_t fake_mfn(unsigned int number);
unsigned int fake_number(mfn_t mfn); /* FAKE_FRAMES: none of ours */
struct frame *fake_record(struct fake *f, unsigned int number);

__attribute__((format(printf, 2, 3), noreturn)) void fake_fail(struct fake *f, const char *format,
                                                               ...);

/* Memory as the engine's reads see it, and the same in DRAM. No effect is recorded. */
uint64_t fake_peek(struct fake *f, unsigned int number, unsigned int index);
uint64_t fake_peek_dram(struct fake *f, unsigned int number, unsigned int index);
/* A guest's write that stage 2 allows: cacheable, or past the cache. Fails if it does not. */
void fake_poke(struct fake *f, unsigned int number, unsigned int index, uint64_t value);
void fake_poke_nc(struct fake *f, unsigned int number, unsigned int index, uint64_t value);

bool fake_may_store(const struct fake *f, unsigned int number);
bool fake_may_walk(const struct fake *f, unsigned int number);
/* The next store succeeds: stage 2 is writable, and no old translation says otherwise. */
bool fake_can_store(const struct fake *f, unsigned int number);

/* A vCPU's TTBR<which>_EL1 changes: walkers may start there. */
void fake_set_ttbr(struct fake *f, unsigned int vcpu, unsigned int which, mfn_t table);

/* Why the engine must refuse `value` as an entry of a table of `level`, or NULL. Written from the
 * rules, not from the engine; judges against the frames' present types. */
const char *fake_illegal(struct fake *f, unsigned int level, uint64_t value);

/* The trace since fake_trace_clear(), one word per effect, without reads: "walk 5 none; dsb ishst;
 * ipas2 walk 5; .." The string lives until the next call. */
void fake_trace_clear(struct fake *f);
const char *fake_trace(struct fake *f);
/* The same with loads, bulk reads and comparisons. */
const char *fake_trace_all(struct fake *f);
const char *fake_trace_tail(struct fake *f); /* the last few ever */
unsigned int fake_trace_count(const struct fake *f, enum effect_kind kind);

/* To be called where the guest would run again: barriers are complete, frame states agree with
 * stage 2 and the shadow, attached tables hold legal entries, counts equal contents. */
void fake_settle(struct fake *f);
void fake_check_all(struct fake *f);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direct or guarded domain on the model's machine: what its guest may do, and how core/ answers
 * with the engine. The named tests, the random runs, the search and the fuzzer all act through
 * this.
 */
#pragma once

#include "tests/mmu/mmu.h"

/* What a vCPU does, for whoever draws it: see below. */
struct action {
    uint8_t kind;
    uint8_t cpu;
    uint8_t frame;
    uint8_t index;
    uint8_t value; /* action_value() */
    uint8_t option;
    uint8_t budget; /* 0: as core/ gives it, until done; else once, with this much */
};

struct world {
    struct ptwr p;
    struct mmu mmu;
    struct mmu_memory memory;
    struct frame_table table;
    struct frame *region[MMU_REGIONS];
    struct frame frames[MMU_FRAMES];
    unsigned int nr_frames;
    bool crashed; /* the domain was stopped: nothing happens any more */
    /* What each vCPU was told to try again (HV_EAGAIN, or a store that was not done yet), and may
     * try again at any time, or never; ACT_NONE if nothing. */
    struct action suspended[MMU_CPUS];
    struct ptwr_way way[MMU_CPUS];
    struct ptwr_memo memo[MMU_CPUS]; /* the way to the last table that each vCPU stored to */
};

struct world_config {
    unsigned int frames; /* the domain owns machine frames 1 .. frames */
    unsigned int slots;
    bool assist;
    enum ptwr_policy policy;
    enum ptwr_action action;
    unsigned int cpus; /* 0: two */
    bool guarded;      /* an unmodified guest, that owns all frames and has its MMUs off */
    bool count_users;
};

void world_init(struct world *w, const struct world_config *config);

/*
 * A second domain on the machine of `w`, with a VMID of its own and no frame. Both share the frame
 * table and the memory.
 */
void world_init_neighbour(struct world *w, struct world *neighbour);

/* Frame `frame` is EL2's to write from now on (as m2p is). */
void world_make_readonly(struct world *w, unsigned int frame);

/* Descriptors. */
#define LEAF_RW  0 /* EL1 only */
#define LEAF_RO  DESC_AP_RO
#define LEAF_EL0 DESC_AP_EL0
#define LEAF_NC  (UINT64_C(1) << 2)
#define LEAF_DEV (UINT64_C(2) << 2)
desc_t table_desc(unsigned int frame);
desc_t guarded_table_desc(unsigned int frame); /* the same without WALK */
desc_t page_desc(unsigned int frame, uint64_t bits);
desc_t block_desc(unsigned int frame, uint64_t bits);

/* --- What a guest does ------------------------------------------------------------------------ */

/* Entries into a frame that is plain: direct stores, which must be possible. */
void world_fill(struct world *w, unsigned int frame, desc_t first, desc_t second);

/* A store to an entry, from EL1, however often it faults. What EL2 answered last; PTWR_DONE also
 * when the CPU stored by itself. */
enum ptwr_outcome world_store(struct world *w, unsigned int cpu, unsigned int frame,
                              unsigned int index, desc_t value);
/* The same with all that a store can be. */
enum ptwr_outcome world_store_as(struct world *w, unsigned int cpu, struct ptwr_store *store,
                                 enum mmu_store how);

/*
 * One attempt at a store, which EL2 looks at for so many entries. PTWR_RETRY: to be tried again.
 */
enum ptwr_outcome world_store_once(struct world *w, unsigned int cpu, struct ptwr_store *store,
                                   enum mmu_store how, unsigned int budget);

/* One access by VA, retried as long as EL2 says so. */
enum world_result { WORLD_OK, WORLD_STAGE1, WORLD_INJECTED, WORLD_CRASHED, WORLD_RETRY };
enum world_result world_access_once(struct world *w, unsigned int cpu, unsigned int page,
                                    bool write, unsigned int budget);
enum world_result world_access(struct world *w, unsigned int cpu, unsigned int page, bool write);

/* A store to the second entry of a page, by VA, as core/store_fault.c answers it. */
enum world_result world_quick_once(struct world *w, unsigned int cpu, unsigned int page,
                                   desc_t value, unsigned int budget);

/* Hypercalls and trapped registers: until the engine no longer says HV_EAGAIN. */
enum hv_err world_update(struct world *w, unsigned int cpu, unsigned int frame, unsigned int index,
                         desc_t value);
enum hv_err world_pin(struct world *w, unsigned int cpu, unsigned int frame, unsigned int level);
enum hv_err world_unpin(struct world *w, unsigned int cpu, unsigned int frame);
enum hv_err world_base(struct world *w, unsigned int cpu, unsigned int which, unsigned int frame);
/* Guarded: TTBRn_EL1 and TnSZ of a CPU, whose MMU is turned on by that if it was off. */
void world_user_base(struct world *w, unsigned int cpu, unsigned int frame, unsigned int level);
enum hv_err world_kernel_base(struct world *w, unsigned int cpu, unsigned int frame,
                              unsigned int level);
void world_written(struct world *w, unsigned int cpu, unsigned int which, mfn_t root,
                   unsigned int level);
void world_off(struct world *w, unsigned int cpu);
/* .. and how many bits the walks of a half translate that start at this level. */
#define WORLD_VA_BITS(level) (PAGE_SHIFT + PTWR_INDEX_BITS * (4 - (level)))
/* The register, as the engine has it now. */
void world_write_base(struct world *w, unsigned int cpu, unsigned int which);
enum hv_err world_sync(struct world *w, unsigned int cpu, enum ptwr_trigger why);
enum hv_err world_assist(struct world *w, unsigned int cpu, bool on);
enum hv_err world_remove(struct world *w, unsigned int cpu, unsigned int frame);
enum hv_err world_add(struct world *w, unsigned int frame);
void world_reset(struct world *w);

/* --- Actions, for whoever draws them ---------------------------------------------------------- */

enum action_kind {
    ACT_NONE,
    ACT_STORE,   /* cpu, frame, index, value, option: how EL2 decides if it faults */
    ACT_NC,      /* the same past the caches; option: the line is dirty */
    ACT_ACCESS,  /* cpu, page = frame and index, option: a store */
    ACT_UPDATE,  /* cpu, frame, index, value */
    ACT_PIN,     /* cpu, frame, option: level */
    ACT_UNPIN,   /* cpu, frame */
    ACT_BASE,    /* cpu, frame, option: which, and guarded: twice the level that walks start at */
    ACT_NO_BASE, /* cpu */
    ACT_SYNC,    /* cpu */
    ACT_PREEMPT, /* cpu */
    ACT_WALK,    /* cpu, frame: a walk met its missing walk page */
    ACT_FLUSH,   /* cpu */
    ACT_WORK,    /* cpu */
    ACT_ASSIST,  /* cpu, option */
    ACT_REMOVE,  /* cpu, frame */
    ACT_ADD,     /* frame */
    ACT_RESET,
    ACT_OFF,   /* cpu: its vCPU is switched off, until a base is loaded again */
    ACT_QUICK, /* cpu, page = frame and 0, value: a store of entry 1 by VA, the short way first */
    ACT_AGAIN, /* cpu: goes on with what it was told to try again */
    ACTIONS
};

enum {
    STORE_EMULATE,
    STORE_OPEN,
    STORE_UNDECODED,
    STORE_EL0,
    STORE_LOW,  /* half of the entry */
    STORE_HIGH, /* the other half */
    STORE_CAS,
    STORES
};

/* Value `n` of the alphabet: 0, links, leaves of all kinds, and what has to be refused. */
#define ACTION_VALUES (1 + 5 * MMU_FRAMES + 16)
desc_t action_value(const struct world *w, unsigned int n);

/* Returns false if it is no action in this state (out of range, or the domain was stopped). */
bool action_run(struct world *w, const struct action *a);

/*
 * All vCPUs go on with what they were told to try again, in turn, one entry at a time; then, if
 * `alone`, each for itself. What ends neither way is a failure.
 */
void world_drain(struct world *w, bool alone);

/*
 * Any ACTION_BYTES make an action, most of them one that gets somewhere; any two bytes make a
 * domain: frames, slots, the assist, what becomes of illegal entries, a tree to begin with.
 */
#define ACTION_BYTES 6
struct action action_decode(const struct world *w, const uint8_t *bytes);
void world_decode(struct world *w, const uint8_t bytes[2]);

/* In words, for a trace. */
void action_print(const struct world *w, const struct action *a, char *text, size_t size);

/* Between operations: counts equal contents, and each attached table is legal and stands still. */
void world_check(struct world *w);

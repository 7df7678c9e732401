/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct frame: what the engine knows of one page of a direct or guarded domain, and the machine's
 * table of them. A frame without a struct frame (a plain domain's, the hypervisor's, a device's)
 * is nobody's to map.
 */
#pragma once

#include <assert.h>

#include "ptwr/base.h"

/* Xen's L1..L4 page tables are our levels 3..0. */
enum frame_type {
    FRAME_NONE,
    FRAME_TABLE_L0,
    FRAME_TABLE_L1,
    FRAME_TABLE_L2,
    FRAME_TABLE_L3,
    FRAME_TEXT,
};

/* docs/state-table.md says who may move a frame from where to where. */
enum frame_state {
    FRAME_PLAIN,      /* data window writable, no walker; content is anything */
    FRAME_PROTECTING, /* data window read-only, flush or validation not finished; no walker */
    FRAME_ATTACHED,   /* data window read-only, walkers may use it; content validated */
    FRAME_OPEN,       /* data window writable, no walker; content is anything */
    FRAME_STALE,      /* no longer a table, read-only until the domain's next full flush */
};

enum frame_flag {
    FRAME_PINNED = 1 << 0,   /* one of type_count is the guest's pin; guarded: the root is kept */
    FRAME_BACKPTR = 1 << 1,  /* parent and index name the only entry that refers to this frame */
    FRAME_TEARDOWN = 1 << 2, /* STALE: the references its entries hold are not all dropped yet */
    FRAME_SEALED = 1 << 3,   /* the kernel's code or constants, for ever: ptwr/seal.h */
    FRAME_KDATA = 1 << 4,    /* the kernel image's data: EL0 never writes it; PLAIN: and hooked */
    FRAME_FOREIGN = 1 << 5,  /* another stage 2, a device or EL2 can write it: never a table (R8) */
    FRAME_ROOT = 1 << 6,     /* it has been a base since it became a table */
};

#define FRAME_NO_OWNER 0xff

/* struct frame.index of a root: bit n if it was in TTBRn_EL1 since it became a table. */
#define FRAME_ROLE(which) (1U << (which))
#define FRAME_ROLES       3U
/* Guarded: there has been a block somewhere below it. Also in a table that nothing refers to yet.
 */
#define FRAME_BLOCKS 4U
/* Of a PLAIN frame: it has been a table. */
#define FRAME_WAS_TABLE 8U
/* Of a table: on the way to what is sealed, or a root that TTBR1_EL1 may have after the seal. */
#define FRAME_WAY FRAME_FOREIGN

/* Of a live table of level 3: leaves of code may be in it, which hold references. */
#define FRAME_CODE FRAME_TEARDOWN

/* Where struct frame.head has what it repeats. */
#define FRAME_HEAD_TYPE(type)   ((uint16_t)((type) << 8))
#define FRAME_HEAD_STATE(state) ((uint16_t)((state) << 11))
#define FRAME_HEAD_HOOKED       ((uint16_t)BIT64(14))

/*
 * 16 bytes: 0.4 % of the memory it describes. The cursor of a resumable loop over a table's entries
 * shares its place with el0_writers: a frame with those never is, or becomes, a table.
 *
 * Back-pointer (parent, index): valid with FRAME_BACKPTR, names the only entry that has referred to
 * the frame since it became a table. A root has none: its index holds FRAME_ROLES, and a kept one's
 * parent is the next in the list of them. A STALE one's is the first entry that still holds
 * references, the cursor being one past the last. In a PROTECTING frame that is not a slot's, it is
 * the way back to the table whose validation waits for this one.
 */
struct frame {
    union {
        struct {
            uint8_t owner; /* domain number or FRAME_NO_OWNER */
            uint8_t type : 3;
            uint8_t state : 3;
            uint8_t hooked : 1;   /* an entry referred to it since it became a table */
            uint8_t readonly : 1; /* EL2's to write: never writable by the guest, never a table */
        };
        uint16_t head; /* all of these at a glance: little-endian, owner lowest */
    };
    uint16_t flags : 7;
    uint16_t index : 9;
    uint32_t parent; /* STALE: the next frame of the stale list */
    union {
        struct {
            uint64_t type_count : 16;
            uint64_t refs : 20;        /* leaves that map the frame */
            uint64_t el0_writers : 14; /* of refs: writable, and EL0 may use them; or the cursor */
            uint64_t el1_writers : 14; /* of refs: writable by EL1 only */
        };
        uint64_t counts;
    };
};
static_assert(sizeof(struct frame) == 16, "a frame costs 0.4 %");

/* One reference in `counts`, by the kind of leaf. */
#define FRAME_REF            BIT64(16)
#define FRAME_REF_EL0_WRITER (BIT64(16) | BIT64(36))
#define FRAME_REF_EL1_WRITER (BIT64(16) | BIT64(50))
/* While none of these is set, one more reference fits every count. */
#define FRAME_COUNTS_HIGH (BIT64(35) | BIT64(49) | BIT64(63))

#define FRAME_TYPE_COUNT_MAX 0xffffU
#define FRAME_REFS_MAX       0xfffffU
#define FRAME_WRITERS_MAX    0x3fffU

#define FRAMES_PER_REGION (UINT32_C(1) << (REGION_SHIFT - PAGE_SHIFT))

/*
 * All frames of the machine: one chunk of struct frame for each 2 MiB region that belongs to a
 * direct or guarded domain, NULL for the rest.
 */
struct frame_table {
    struct frame **region; /* indexed by (pa >> REGION_SHIFT) - first */
    uint32_t first;
    uint32_t count;
};

/* Is it between the first and the last frame that has a record? */
static inline bool frame_in_range(const struct frame_table *table, mfn_t mfn)
{
    return (mfn.raw >> (REGION_SHIFT - PAGE_SHIFT)) - table->first < table->count;
}

/* The frame's record, or NULL if no direct or guarded domain can have it. */
static inline struct frame *frame_get(const struct frame_table *table, mfn_t mfn)
{
    uint32_t region = (mfn.raw >> (REGION_SHIFT - PAGE_SHIFT)) - table->first;

    if (region >= table->count || table->region[region] == NULL)
        return NULL;
    return &table->region[region][mfn.raw % FRAMES_PER_REGION];
}

static inline bool frame_is_table(const struct frame *frame)
{
    return frame->type >= FRAME_TABLE_L0 && frame->type <= FRAME_TABLE_L3;
}

static inline bool frame_has(const struct frame *frame, enum frame_flag flag)
{
    return (frame->flags & flag) != 0;
}

static inline void frame_set(struct frame *frame, enum frame_flag flag)
{
    frame->flags = (frame->flags | flag) & 0x7f;
}

static inline void frame_clear(struct frame *frame, enum frame_flag flag)
{
    frame->flags = frame->flags & ~(unsigned int)flag & 0x7f;
}

static inline void frame_set_parent(struct frame *frame, mfn_t parent, unsigned int index)
{
    frame->parent = parent.raw;
    frame->index = index & 0x1ff;
}

/* How far a resumable loop over the entries of a table has come: no table has EL0 writers. */
static inline void frame_set_cursor(struct frame *frame, unsigned int index)
{
    frame->el0_writers = index & 0x3fff;
}

/* PLAIN, of no type, this owner's, not readonly: any leaf may map it. */
static inline bool frame_is_ordinary(const struct frame *frame, uint8_t owner)
{
    return frame->head == owner;
}

/* An attached table of level 3 of this owner's, not readonly. */
static inline bool frame_is_attached_l3(const struct frame *frame, uint8_t owner)
{
    return (frame->head & (uint16_t)~FRAME_HEAD_HOOKED) ==
           (owner | FRAME_HEAD_TYPE(FRAME_TABLE_L3) | FRAME_HEAD_STATE(FRAME_ATTACHED));
}

/* A table that entries and bases may refer to, now or when its validation is done. */
static inline bool frame_is_live_table(const struct frame *frame)
{
    return frame_is_table(frame) && frame->state != FRAME_STALE;
}

static inline enum frame_type frame_type_of_level(unsigned int level)
{
    return (enum frame_type)(FRAME_TABLE_L0 + level);
}

/* Precondition: frame_is_table(). */
static inline unsigned int frame_level(const struct frame *frame)
{
    return (unsigned int)frame->type - FRAME_TABLE_L0;
}

/*
 * What is known of pages that differ from one that was taken in their place within its 2 MiB region
 * only: entries come in runs. Empty if zeroed.
 */
struct frame_run {
    uint64_t key;         /* such a page, as a descriptor: frame_run_place() */
    uint64_t delta;       /* what it adds to struct frame.counts */
    uint64_t full;        /* what has to be clear there before: FRAME_COUNTS_HIGH */
    struct frame *frames; /* of its region, */
    uint64_t count;       /* and how many: 0 while nothing is known */
};

/* A descriptor, turned so that the place of its page in the region is lowest. */
static inline uint64_t frame_run_turn(uint64_t descriptor)
{
    return descriptor >> PAGE_SHIFT | descriptor << (64 - PAGE_SHIFT);
}

/* The place in the region of a page of the run; run->count or more: it is none of those. */
static inline uint64_t frame_run_place(const struct frame_run *run, uint64_t descriptor)
{
    return frame_run_turn(descriptor) ^ run->key;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory system that does whatever the Arm architecture lets it do to the page-type engine,
 * behind ptwr/port.h. docs/testing.md has its rules, M1 to M12, each with the part of the Arm ARM
 * it stands on; the comments here and in the .c files use these numbers.
 *
 * M1 It keeps everything. A real TLB holds some of what it may hold; this one is a set of all that
 *    some CPU may hold by now, so one run stands for every choice of what is cached, walked, walked
 *    halfway or dropped. Nothing leaves the set but by a TLBI that covers it and has completed.
 *
 * The engine's view of frames (type, state, owner) is read to judge what walkers find; nothing here
 * calls the engine, and no rule is taken from its code.
 */
#pragma once

#include "ptwr/port.h"
#include "ptwr/ptwr.h"

/* As many CPUs as a machine of the model can have; each has one to this many. */
#ifndef MMU_CPUS
#define MMU_CPUS 4
#endif
#ifndef MMU_ASIDS
#define MMU_ASIDS 2
#endif

/* Machine frames 0 .. 15, in regions that are as small as the build makes them. Frame 0 is nobody's
 * that the model acts for. */
#define MMU_FRAMES  16
#define MMU_REGION  (1U << (REGION_SHIFT - PAGE_SHIFT))
#define MMU_REGIONS (MMU_FRAMES / MMU_REGION)
#define MMU_WALK    BIT64(21)
#define MMU_NONE    0xff

/* Leaves may map this device (Attr2); Attr0 is write-back, Attr1 non-cacheable memory. */
#define MMU_DEVICE      0x100000
#define MMU_DEVICE_SIZE 0x2000
#define MMU_NORMAL      0x03

/*
 * Entries are tagged by VMID, ASID, VA prefix and level (M2). A struct mmu is one VMID, which is
 * one domain: a domain has one view. A context is a CPU and an ASID.
 */
#define MMU_CONTEXTS (MMU_CPUS * MMU_ASIDS)

/* Pages of both VA ranges, those of TTBR1_EL1 in the upper half. */
#define MMU_PAGES (2U << (4 * PTWR_INDEX_BITS))

/* VA prefixes with which a walk can stand before a table of level 0, 1, 2 or 3, one after another:
 * 2 of level 0 (the two ranges), 2 * PTWR_ENTRIES of level 1, and so on. */
#define MMU_PREFIXES_BELOW(level) (2 * ((1U << ((level)*PTWR_INDEX_BITS)) - 1) / (PTWR_ENTRIES - 1))
#define MMU_PREFIXES              MMU_PREFIXES_BELOW(4)

/* A set of frames. */
typedef uint16_t frames_t;

/* What CPUs may hold. Each is the set of frames that an entry of that kind may name. */
struct mmu_cache {
    /* Stage 2 by IPA (M3): data window read-only, data window writable, walk window. */
    frames_t s2_ro[MMU_CPUS], s2_rw[MMU_CPUS], s2_walk[MMU_CPUS];
    /* Tables before which a walk of this prefix can stand (M4): as IPA, and as PA (combined with
     * stage 2: a walk cache entry, or a walk that was suspended between two steps). */
    frames_t next_ipa[MMU_CONTEXTS][MMU_PREFIXES], next_pa[MMU_CONTEXTS][MMU_PREFIXES];
    /* What TTBR0_EL1 named, by the level that walks started at. Guarded: by the walk window (M4).
     */
    frames_t root_ipa[MMU_CONTEXTS][4];
    /* Leaves by page (M5): of stage 1 alone, all and the writable ones; combined with stage 2,
     * those that let a store fail for want of stage 2's permission, and those that let it pass. */
    frames_t leaf[MMU_CONTEXTS][MMU_PAGES], leaf_w[MMU_CONTEXTS][MMU_PAGES];
    frames_t ro[MMU_CONTEXTS][MMU_PAGES], rw[MMU_CONTEXTS][MMU_PAGES];
    /* Blocks by the VA prefix of the table that might stand there instead (M10). */
    frames_t block[MMU_CONTEXTS][MMU_PAGES / PTWR_ENTRIES];
    frames_t block1[MMU_CONTEXTS][MMU_PAGES / PTWR_ENTRIES / PTWR_ENTRIES];
    /* Pages that a contiguous entry was read for: a set of 16 in each. */
    frames_t grouped[MMU_CONTEXTS][MMU_PAGES / 16];
    /* Tables of which a valid entry was read: something made of it may be held (M9). */
    frames_t used[MMU_CONTEXTS];
};

/*
 * One descriptor in memory (M7). A non-cacheable store reaches DRAM behind a line: until the line
 * is cleaned, whoever reads by the caches may find either. `keep_line`: the line is dirty, so
 * cleaning writes it over DRAM. `old`: what EL2's last store replaced, seen by walkers until the
 * next DSB.
 */
struct mmu_entry {
    desc_t line, dram, old;
    bool mixed, keep_line, cleaning, has_old;
};

/* Memory is one, whatever VMIDs there are. */
struct mmu_memory {
    struct mmu_entry entry[MMU_FRAMES][PTWR_ENTRIES];
};

enum mmu_tlbi { MMU_IPAS2E1, MMU_VAAE1, MMU_VMALLE1, MMU_VMALLS12E1 };

/* Issued, but not complete before a DSB of the CPU that issued it (M6). */
struct mmu_pending {
    uint8_t kind;
    uint8_t window;
    uint8_t cpu;
    uint16_t arg; /* frame or page */
};
#define MMU_MAX_PENDING 64

struct mmu {
    struct ptwr *p;
    struct mmu_memory *memory;
    struct mmu *neighbour; /* another VMID on the same machine, or NULL */
    desc_t snapshot[PTWR_MAX_SLOTS][PTWR_ENTRIES];
    uint8_t s2[2][MMU_FRAMES];      /* enum ptwr_perm, by window: EL2's last store */
    uint8_t s2_seen[2][MMU_FRAMES]; /* bit n: a walker may still read permission n (M8) */
    uint8_t ttbr[MMU_CPUS][2];
    uint8_t first[MMU_CPUS][2];    /* level that walks from it start at */
    uint8_t seen_type[MMU_FRAMES]; /* of struct frame, after the last effect */
    struct mmu_cache now;
    /* Accesses that a TLBI should have waited for, and did not on some CPUs (M11). */
    frames_t late_stores, late_walks;
    uint8_t cpus; /* how many there are */
    uint8_t cpu;  /* that runs EL2 */
    bool fwb;     /* FEAT_S2FWB: stage 2 makes all stores cacheable */
    bool erratum;
    bool may_read; /* the caller reads for a check: no effect */
    uint16_t nr_pending;
    /* From here on meaningless while nr_pending is 0. */
    struct mmu_pending pending[MMU_MAX_PENDING];
    struct mmu_cache early[3]; /* what is left if pending TLBIs took effect when issued: model.c */

    /* The first thing that went wrong; "" if nothing did. */
    char failed[200];
    /* Called before each effect: other CPUs act here. */
    void (*hook)(struct mmu *m);
    uint64_t effects;
};

/* Stage 2 empty, no bases; memory as it is. */
void mmu_init(struct mmu *m, struct ptwr *p, struct mmu_memory *memory, unsigned int cpus);

/* Note what went wrong first. */
__attribute__((format(printf, 2, 3))) void mmu_fail(struct mmu *m, const char *format, ...);

/* Let every CPU walk, cache and combine as far as it can, and check what it found. */
void mmu_settle(struct mmu *m);

/* Another TTBRn_EL1 of one CPU. base: a frame or MMU_NONE. Walks under the old one go on. */
void mmu_set_base(struct mmu *m, unsigned int cpu, unsigned int which, uint8_t base);
/* The same with a TnSZ that lets walks start at another level. */
void mmu_set_base_at(struct mmu *m, unsigned int cpu, unsigned int which, uint8_t base,
                     unsigned int level);

/* Frames that some CPU may store to by now, or to which a walk may come. */
frames_t mmu_storable(const struct mmu *m);
frames_t mmu_walkable(const struct mmu *m);

enum mmu_store {
    MMU_CACHEABLE,
    MMU_NC_CLEAN, /* non-cacheable, behind a clean line: cleaning leaves DRAM's value */
    MMU_NC_DIRTY, /* behind a dirty line: cleaning writes the line back */
};

/* A guest's store. False: no CPU can store to the frame. */
bool mmu_guest_store(struct mmu *m, unsigned int frame, unsigned int index, desc_t value,
                     enum mmu_store how);

/* The entry as loads see it. */
desc_t mmu_entry_value(const struct mmu *m, unsigned int frame, unsigned int index);

enum mmu_fault { MMU_HIT, MMU_STAGE1, MMU_WALK_FAULT, MMU_PERMISSION };

/*
 * One access of a CPU, with the worst of all outcomes that its caches allow: a fault if one is
 * possible. *frame: whose walk page is missing, or what was reached.
 */
enum mmu_fault mmu_access(struct mmu *m, unsigned int cpu, unsigned int page, bool write,
                          unsigned int *frame);

/* May a walk of this page find an invalid entry now? */
bool mmu_sees_hole(const struct mmu *m, unsigned int cpu, unsigned int page);

va_t mmu_va(unsigned int page);

/* --- Between the model's files ---------------------------------------------------------------- */

void mmu_effect(struct mmu *m);
void mmu_publish(struct mmu *m);
void mmu_tlbi(struct mmu *m, enum mmu_tlbi kind, enum ptwr_window window, unsigned int arg);
void mmu_dsb(struct mmu *m);
void mmu_judge(struct mmu *m, unsigned int level, unsigned int frame, desc_t value);
bool mmu_needs_break(desc_t old, desc_t value);
void mmu_check(struct mmu *m);

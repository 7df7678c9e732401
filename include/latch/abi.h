/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a direct guest and Latch agree on: hypercalls, start of day, counters. Self-contained; a
 * guest may copy this file. docs/abi.md explains it.
 *
 * A hypercall is HVC #0xEA1 with the number in x16, arguments in x0..x4 and the result in x0:
 * 0 or a positive value, or a negative error. x0..x4 and x16 may be changed by it, nothing else.
 * Numbers and structures are those of Xen's public interface where Xen has them. Pointers are
 * virtual addresses that EL1 can read (or write); what Latch writes to must be plain memory.
 * A long call is left and entered again behind the guest's back: interrupts are taken at its HVC.
 */
#pragma once

#define LATCH_HVC 0xEA1

/* Hypercall numbers. Others return -LATCH_ENOSYS. */
#define __HYPERVISOR_mmu_update        1
#define __HYPERVISOR_memory_op         12
#define __HYPERVISOR_update_va_mapping 14
#define __HYPERVISOR_xen_version       17
#define __HYPERVISOR_console_io        18
#define __HYPERVISOR_vm_assist         21
#define __HYPERVISOR_vcpu_op           24
#define __HYPERVISOR_mmuext_op         26
#define __HYPERVISOR_sched_op          29
#define __HYPERVISOR_latch_op          48

/* Errors, returned negated: Linux's numbers, as in Xen. */
#define LATCH_EPERM  1
#define LATCH_ENOENT 2
#define LATCH_ESRCH  3
#define LATCH_E2BIG  7
#define LATCH_ENOMEM 12
#define LATCH_EFAULT 14
#define LATCH_EBUSY  16
#define LATCH_EINVAL 22
#define LATCH_ENOSYS 38

#define DOMID_SELF 0x7ff0U

/*
 * mmu_update(struct mmu_update *requests, unsigned int count, unsigned int *done, domid): each
 * request stores `val` in the descriptor at machine address `ptr` (without WALK; bits 1:0 are the
 * kind, bit 2 is 0). Stops at the first refused one; *done (if not NULL) says how many were
 * performed. requests is 8-byte aligned, count below 2^31, domid DOMID_SELF. If the frame is no
 * page table, it is a plain store.
 */
#define MMU_NORMAL_PT_UPDATE      0
#define MMU_MACHPHYS_UPDATE       1 /* m2p entry of the frame at ptr := pfn val, or LATCH_M2P_NONE */
#define MMU_PT_UPDATE_PRESERVE_AD 2 /* a valid entry keeps its AF */

/* mmuext_op(struct mmuext_op *ops, unsigned int count, unsigned int *done, domid): as above. */
#define MMUEXT_PIN_L1_TABLE     0 /* Xen's L1 is the Arm ARM's level 3; L4 is level 0 */
#define MMUEXT_PIN_L2_TABLE     1
#define MMUEXT_PIN_L3_TABLE     2
#define MMUEXT_PIN_L4_TABLE     3
#define MMUEXT_UNPIN_TABLE      4
#define MMUEXT_NEW_BASEPTR      5 /* TTBR1_EL1, ASID 0, flush */
#define MMUEXT_TLB_FLUSH_LOCAL  6
#define MMUEXT_INVLPG_LOCAL     7
#define MMUEXT_TLB_FLUSH_MULTI  8
#define MMUEXT_INVLPG_MULTI     9
#define MMUEXT_TLB_FLUSH_ALL    10
#define MMUEXT_INVLPG_ALL       11
#define MMUEXT_FLUSH_CACHE      12 /* -EINVAL: for domains with devices of their own */
#define MMUEXT_SET_LDT          13 /* -ENOSYS: segments are x86's */
#define MMUEXT_NEW_USER_BASEPTR 15 /* TTBR0_EL1, ASID 0, flush; mfn 0: none */

/* update_va_mapping(va, descriptor, flags): the level-3 entry of va in the loaded tables; -EINVAL
 * if va has no level-3 table. */
#define UVMF_NONE           0
#define UVMF_TLB_FLUSH      1 /* flush everything */
#define UVMF_INVLPG         2 /* flush this va */
#define UVMF_FLUSHTYPE_MASK 3
/* Or'ed to one of the latter two: where. MULTI takes the VA of a uint64_t, bit n for vCPU n. */
#define UVMF_LOCAL       0
#define UVMF_MULTI(mask) ((uint64_t)(uintptr_t)(mask))
#define UVMF_ALL         4

/* vm_assist(command, type). */
#define VMASST_CMD_enable               0
#define VMASST_CMD_disable              1
#define VMASST_TYPE_writable_pagetables 2

/* sched_op(command, pointer). shutdown: struct sched_shutdown. */
#define SCHEDOP_yield     0
#define SCHEDOP_block     1 /* unmasks interrupts (PSTATE.I) and waits for one */
#define SCHEDOP_shutdown  2
#define SHUTDOWN_poweroff 0
#define SHUTDOWN_reboot   1
#define SHUTDOWN_crash    3

/* console_io(command, count, buffer). write and read: the number of bytes. */
#define CONSOLEIO_write 0
#define CONSOLEIO_read  1

/* vcpu_op(command, vcpu, pointer). is_up: 1 or 0. initialise: struct latch_vcpu_context. */
#define VCPUOP_initialise 0 /* a vCPU that is down */
#define VCPUOP_up         1 /* one that has been initialised since it was down */
#define VCPUOP_down       2 /* the caller itself, if another one is up */
#define VCPUOP_is_up      3

/* xen_version(command, pointer). */
#define XENVER_version      0 /* returns major << 16 | minor of the interface: 3.0 */
#define XENVER_extraversion 1 /* char[16]: "-latch" */
#define XENVER_pagesize     7
#define XENVER_guest_handle 8 /* uint8_t[16]: zero */

/* memory_op(command, pointer). */
#define XENMEM_increase_reservation 0 /* struct xen_memory_reservation; returns frames done */
#define XENMEM_decrease_reservation 1
#define XENMEM_maximum_ram_page     2 /* returns the highest machine frame number + 1 */
#define XENMEM_current_reservation  3 /* uint16_t domid, or NULL; returns frames */
#define XENMEM_maximum_reservation  4
#define XENMEM_machphys_mfn_list    5 /* struct xen_machphys_mfn_list */
#define XENMEM_populate_physmap     6 /* struct xen_memory_reservation; returns frames done */

/* latch_op(command, pointer, size). Both return the bytes written: size, or the whole if less. */
#define LATCH_OP_counters 0 /* struct latch_counters */
#define LATCH_OP_refusal  1 /* struct latch_refusal: the last thing that was refused */

/* MAIR_EL1 as a direct guest finds it: Normal write-back, Device-nGnRE, Normal non-cacheable. */
#define LATCH_MAIR        0x4404ffULL
#define LATCH_ATTR_NORMAL 0
#define LATCH_ATTR_DEVICE 1
#define LATCH_ATTR_NC     2

#define LATCH_START_MAGIC "latch-direct-1"

#define LATCH_MAX_SHARED 4

#define LATCH_M2P_NONE 0xffffffffffffffffULL

#ifndef __ASSEMBLY__
#include <stdint.h>

struct mmu_update {
    uint64_t ptr;
    uint64_t val;
};

struct mmuext_op {
    uint32_t cmd;
    uint32_t unused;
    uint64_t arg1; /* mfn: PIN, UNPIN, NEW_BASEPTR; va: INVLPG */
    uint64_t arg2; /* VA of a uint64_t, bit n for vCPU n: .._MULTI */
};

struct sched_shutdown {
    uint32_t reason;
};

/*
 * extent_order must be 0. decrease: gives the frames mfns[] away; increase: gets frames that were
 * given away back, zeroed, and fills mfns[]; populate: the same, but mfns[] holds the pfns that
 * they are to be, and is filled. All stop at the first frame that cannot be had or is in use, and
 * return how many were done. Latch keeps the m2p: a frame that is away has LATCH_M2P_NONE; one that
 * comes back by increase is the pseudo-physical frame that it was at the start. The p2m is the
 * guest's to keep.
 */
struct xen_memory_reservation {
    uint64_t extent_start; /* VA of uint64_t mfns[nr_extents] */
    uint64_t nr_extents;
    uint32_t extent_order;
    uint32_t mem_flags;
    uint16_t domid;
};

/*
 * The m2p (machine to pseudo-physical) table is an array of uint64_t indexed by mfn - m2p_first
 * of the start info, in pages of 512 entries. The list names the machine frame of each page; they
 * may be mapped read-only. Pages without a frame of this domain are one shared page of
 * LATCH_M2P_NONE.
 */
struct xen_machphys_mfn_list {
    uint32_t max_extents;
    uint32_t unused;
    uint64_t extent_start; /* VA of uint64_t mfns[max_extents] */
    uint32_t nr_extents;   /* out */
};

/*
 * How a further vCPU begins: EL1h, DAIF masked, with the caller's SCTLR_EL1, TCR_EL1 and MAIR_EL1.
 * The two bases are register values, with WALK in the address; ttbr0 may be 0: none.
 */
struct latch_vcpu_context {
    uint64_t pc;
    uint64_t sp; /* SP_EL1, 16-byte aligned */
    uint64_t x0;
    uint64_t vbar;
    uint64_t ttbr0;
    uint64_t ttbr1;
};

/*
 * Memory that other domains have too. Not a frame of this guest: it has no pfn, is mapped by its
 * machine address as Normal memory, is no page table, cannot be executed or given away, and Latch
 * reads and writes nothing there. No restart of a guest changes it; at boot it is zero.
 */
struct latch_shared {
    uint64_t address;  /* machine address */
    uint64_t size;     /* bytes */
    uint64_t writable; /* 0: leaves have to be read-only */
    char name[32];
};

/*
 * What x0 points to at the start. The guest runs at EL1h with DAIF masked and its MMU and caches
 * on. TTBR1_EL1 holds pt_base; there is no TTBR0_EL1. From virt_base to boot_end pseudo-physical
 * frames 0, 1, .. are mapped in order: the image as its segments' flags say (executable at EL1, or
 * not; writable, or not), page tables and ramdisk read-only, all else writable; never for EL0.
 */
struct latch_start_info {
    char magic[32];
    uint64_t nr_pages;     /* pseudo-physical frames 0 .. nr_pages - 1 */
    uint64_t virt_base;    /* VA of pseudo-physical frame 0 */
    uint64_t boot_end;     /* VA: end of the mapping */
    uint64_t mfn_list;     /* VA of the p2m: uint64_t mfn[nr_pages] */
    uint64_t pt_base;      /* VA of the level-0 table */
    uint64_t nr_pt_frames; /* tables of the mapping, from pt_base on */
    uint64_t first_free;   /* pseudo-physical frames from here to m2p_pages are unused */
    uint64_t m2p_pages;    /* pseudo-physical frames from here on hold the m2p: read-only */
    uint64_t m2p_first;    /* machine frame of the m2p's entry 0 */
    uint64_t walk;         /* the WALK bit of table descriptors and bases */
    uint64_t stack_top;    /* VA: SP_EL1 at the start */
    uint64_t ramdisk;      /* VA, or 0 */
    uint64_t ramdisk_size;
    uint64_t gic_version; /* 2 or 3 */
    uint64_t gicd;        /* IPAs to map as Device: distributor, */
    uint64_t gicc;        /* CPU interface (GICv2), */
    uint64_t gicr;        /* redistributors (GICv3) */
    uint64_t nr_vcpus;
    char cmd_line[1024];
    uint64_t nr_shared;
    struct latch_shared shared[LATCH_MAX_SHARED];
};

/* Why open tables were reconnected: index of latch_counters.reconnected. */
enum latch_trigger {
    LATCH_T_SLOT,
    LATCH_T_WALK,
    LATCH_T_PREEMPT,
    LATCH_T_BLOCK,
    LATCH_T_HYPERCALL,
    LATCH_T_REGIME,
    LATCH_T_ASSIST,
    LATCH_T_CONFLICT,
    LATCH_T_MEMORY,
    LATCH_T_LIFE,
    LATCH_T_REFERENCE,
    LATCH_T_EL2_WALK,
    LATCH_TRIGGERS
};

/* Since the domain's start. */
struct latch_counters {
    uint64_t store_faults; /* stage-2 write faults on table frames */
    uint64_t walk_faults;  /* stage-2 faults on stage-1 walks */
    uint64_t emulated;     /* entries stored by emulation */
    uint64_t opened;       /* detaches */
    uint64_t reconnected[LATCH_TRIGGERS];
    uint64_t batch_entries; /* entries found changed at reconnects */
    uint64_t validated;     /* entries judged, for whatever reason */
    uint64_t updates;       /* entries stored by hypercall */
    uint64_t promoted;      /* frames that became tables */
    uint64_t demoted;       /* tables that became plain again */
    uint64_t refused;       /* requests and entries refused */
    uint64_t tlbi_all;      /* invalidations of everything of the domain */
    uint64_t tlbi_va;       /* by virtual address */
    uint64_t tlbi_ipa;      /* of one stage-2 entry */
    uint64_t cleaned;       /* pages cleaned and invalidated */
    uint64_t released;      /* guarded: address spaces whose tables became plain at once */
    uint64_t audited;       /* violations that were only reported: none in a direct domain */
};

/* The rule that was broken. */
enum latch_rule {
    LATCH_RULE_NONE,
    LATCH_RULE_RESERVED,
    LATCH_RULE_LEVEL,
    LATCH_RULE_WINDOW,
    LATCH_RULE_OWNER,
    LATCH_RULE_MEMTYPE,
    LATCH_RULE_TYPE,
    LATCH_RULE_WRITABLE,
    LATCH_RULE_EL0_TABLE,
    LATCH_RULE_FOREIGN,
    LATCH_RULE_COUNT,
    LATCH_RULE_UNALIGNED,
    LATCH_RULE_REGIME,
    LATCH_RULE_EXECUTE,
    LATCH_RULE_SEALED,
    LATCH_RULE_TEXT,
    LATCH_RULES
};

struct latch_refusal {
    uint64_t rule;
    uint64_t table; /* machine frame, or ~0 */
    uint64_t index;
    uint64_t level;
    uint64_t old;
    uint64_t value;
    char text[64]; /* the rule in words */
};
#endif

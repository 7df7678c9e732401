/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a direct guest: machine numbers (mfn) and its own (pfn), where they are mapped, and
 * which are free.
 */
#pragma once

#include "common/types.h"

#define PAGE_SHIFT 12

/* Level-0 slots of TTBR1_EL1: every pseudo-physical frame; the m2p; devices; what tests map. */
#define LINEAR_BASE UINT64_C(0xffffc00000000000)
#define M2P_BASE    UINT64_C(0xffffd00000000000)
#define DEVICE_BASE UINT64_C(0xffffe00000000000)
#define KERNEL_BASE UINT64_C(0xfffff00000000000)

/* Builds the linear map and maps the m2p, by hypercalls. */
void memory_init(void);

uint64_t pfn_to_mfn(uint64_t pfn);
/* LATCH_M2P_NONE: not a frame of this guest. */
uint64_t mfn_to_pfn(uint64_t mfn);
void *pfn_to_virt(uint64_t pfn);
/* Of pages in the linear map and in the image. */
uint64_t virt_to_pfn(const volatile void *va);
uint64_t virt_to_mfn(const volatile void *va);
/* Machine address, page offset included. */
uint64_t virt_to_machine(const volatile void *va);
/* A frame of this guest by its number in a descriptor or base (WALK and attributes ignored). */
void *machine_to_virt(uint64_t address);

/* A zeroed page, by its place in the linear map; the guest ends if there is none. */
void *page_alloc(void);
void page_free(void *page);
uint64_t pages_free(void);

/* A machine frame number that is not this guest's: the nth such in the m2p's range. */
uint64_t foreign_mfn(unsigned int nth);

/* Is the page writable in the linear map? Pages are, unless something made them read-only. */
void page_protect(void *page, bool writable);

/* The level-3 entry of a page of the kernel half, tables above it made by hypercall as needed; the
 * tables are read-only in the linear map. */
volatile uint64_t *kernel_entry(uint64_t va);
/* Sets that entry, by hypercall. */
void kernel_map(uint64_t va, uint64_t entry);

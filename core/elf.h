/* SPDX-License-Identifier: Apache-2.0 */
/* ELF64 little-endian AArch64 executables, as far as loading their segments goes. */
#pragma once

#include "ptwr/base.h"

struct elf64_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};

struct elf64_segment {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};

#define ELF_PT_LOAD 1
#define ELF_PF_X    1
#define ELF_PF_W    2
#define ELF_PF_R    4

struct elf_info {
    uint64_t entry;
    uint64_t vaddr_low, vaddr_high; /* of all loadable segments, bss included */
    uint64_t paddr_low, paddr_high;
};

/* Does this start like an ELF file? */
bool elf_is(const void *image, uint64_t size);

/*
 * Check everything that loading relies on. NULL: elf_segment() of 0 .. phnum - 1 and the file part
 * of each loadable segment lie in the image, and *info is set; else what is wrong with it.
 */
const char *elf_inspect(const void *image, uint64_t size, struct elf_info *info);

/* Precondition: elf_inspect() returned NULL for this image, i < phnum. */
const struct elf64_segment *elf_segment(const struct elf64_header *header, unsigned int i);

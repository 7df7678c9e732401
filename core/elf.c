/* SPDX-License-Identifier: Apache-2.0 */
/* Checks an ELF64 file before anybody follows an offset in it. Pure; also built on the host. */
#include "core/elf.h"

#define ELF_TYPE_EXEC     2
#define ELF_TYPE_DYN      3
#define ELF_MACHINE_ARM64 183
#define ELF_CLASS_64      2
#define ELF_DATA_LE       1

bool elf_is(const void *image, uint64_t size)
{
    const uint8_t *ident = image;

    return size >= 4 && ident[0] == 0x7f && ident[1] == 'E' && ident[2] == 'L' && ident[3] == 'F';
}

const struct elf64_segment *elf_segment(const struct elf64_header *header, unsigned int i)
{
    const uint8_t *base = (const uint8_t *)header;

    return (const struct elf64_segment *)(const void *)(base + header->phoff +
                                                        (uint64_t)i * header->phentsize);
}

static const char *check_header(const struct elf64_header *header, uint64_t size)
{
    if (size < sizeof(*header) || !elf_is(header, size))
        return "shorter than its header";
    if (header->ident[4] != ELF_CLASS_64 || header->ident[5] != ELF_DATA_LE)
        return "not 64-bit little-endian";
    if (header->machine != ELF_MACHINE_ARM64)
        return "not for AArch64";
    if (header->type != ELF_TYPE_EXEC && header->type != ELF_TYPE_DYN)
        return "not an executable";
    if (header->phentsize != sizeof(struct elf64_segment) || header->phnum == 0)
        return "no program headers";
    if ((header->phoff & 7) != 0 || header->phoff > size ||
        (uint64_t)header->phnum * header->phentsize > size - header->phoff)
        return "program headers lie outside the file";
    return NULL;
}

static const char *check_segment(const struct elf64_segment *segment, uint64_t size)
{
    if (segment->offset > size || segment->filesz > size - segment->offset)
        return "a segment lies outside the file";
    if (segment->filesz > segment->memsz)
        return "a segment is larger in the file than in memory";
    if (segment->memsz > UINT64_MAX - segment->vaddr ||
        segment->memsz > UINT64_MAX - segment->paddr)
        return "a segment wraps around the address space";
    return NULL;
}

static void widen(uint64_t *low, uint64_t *high, uint64_t start, uint64_t size)
{
    if (start < *low)
        *low = start;
    if (start + size > *high)
        *high = start + size;
}

const char *elf_inspect(const void *image, uint64_t size, struct elf_info *info)
{
    const struct elf64_header *header = image;
    const char *why = check_header(header, size);
    bool entry_found = false;

    if (why != NULL)
        return why;
    *info =
        (struct elf_info){.entry = header->entry, .vaddr_low = UINT64_MAX, .paddr_low = UINT64_MAX};
    for (unsigned int i = 0; i < header->phnum; i++) {
        const struct elf64_segment *segment = elf_segment(header, i);

        if (segment->type != ELF_PT_LOAD || segment->memsz == 0)
            continue;
        why = check_segment(segment, size);
        if (why != NULL)
            return why;
        widen(&info->vaddr_low, &info->vaddr_high, segment->vaddr, segment->memsz);
        widen(&info->paddr_low, &info->paddr_high, segment->paddr, segment->memsz);
        if (header->entry >= segment->vaddr && header->entry - segment->vaddr < segment->memsz)
            entry_found = true;
    }
    if (info->vaddr_low == UINT64_MAX)
        return "no loadable segment";
    return entry_found ? NULL : "the entry point is in no loadable segment";
}

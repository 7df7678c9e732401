/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says when it was started, by the physical counter, and what device tree it was given. The bench
 * also puts it at the start of a Linux kernel, in the kernel's place.
 */
#include "common/print.h"
#include "plain/guest.h"

#define FDT_MAGIC UINT32_C(0xd00dfeed)
#define LINE      32u

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void print_tree(const uint8_t *tree)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t size = big_endian(tree + 4);
    char line[2 * LINE + 1];

    for (uint32_t done = 0; done < size; done += LINE) {
        uint32_t n = size - done < LINE ? size - done : LINE;

        for (uint32_t i = 0; i < n; i++) {
            line[2 * i] = digits[tree[done + i] >> 4];
            line[2 * i + 1] = digits[tree[done + i] & 0xf];
        }
        line[2 * n] = '\0';
        print("tree: %s\n", line);
    }
}

void guest_main(uint64_t dtb)
{
    uint64_t now = read_sysreg(cntpct_el0);

    print("bench: frequency %lu\n", read_sysreg(cntfrq_el0));
    print("bench: start 1 %lu\n", now);
    if (dtb != 0 && big_endian((const uint8_t *)dtb) == FDT_MAGIC)
        print_tree((const uint8_t *)dtb);
    print("bench: end\n");
}

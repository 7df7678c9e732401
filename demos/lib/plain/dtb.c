/* SPDX-License-Identifier: Apache-2.0 */
#include "plain/dtb.h"

#include "common/string.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROP       3u
#define FDT_NOP        4u

static uint32_t be32(const uint32_t *at) { return __builtin_bswap32(*at); }

const char *dtb_bootargs(uint64_t dtb)
{
    const uint32_t *header = (const uint32_t *)(uintptr_t)dtb;
    const char *bytes = (const char *)header;
    const uint32_t *at;

    if (header == NULL || be32(&header[0]) != FDT_MAGIC)
        return "";
    at = (const uint32_t *)(const void *)(bytes + be32(&header[2]));
    for (;;) {
        uint32_t token = be32(at++);

        if (token == FDT_BEGIN_NODE) {
            at += strlen((const char *)at) / 4 + 1;
        } else if (token == FDT_PROP) {
            /* Only /chosen has a property of this name. */
            if (strcmp(bytes + be32(&header[3]) + be32(&at[1]), "bootargs") == 0)
                return (const char *)&at[2];
            at += 2 + (be32(&at[0]) + 3) / 4;
        } else if (token != FDT_END_NODE && token != FDT_NOP) {
            return "";
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on what gives descriptors their meaning. */
#include "attacks.h"

#include "module/attack.h"

#define SCTLR_M  UINT64_C(1)
#define SCTLR_EE (UINT64_C(1) << 25)

#define WORD     UINT64_C(0x0102030405060708)
#define REVERSED UINT64_C(0x0807060504030201)

static uint64_t word_in_memory(void)
{
    uint64_t page = kernel_pages(0);

    need(kernel_store(page, WORD));
    return kernel_physical(page);
}

/* Walks would read each descriptor the other way round: shown by a load, with the MMU off. */
static bool big_endian(void)
{
    uint64_t value;

    return kernel_load_with(SCTLR_EE, SCTLR_M, word_in_memory(), &value) && value == REVERSED;
}

/* An index that Linux has for memory that is not cached becomes one for devices. */
static bool memory_types(void)
{
    uint64_t old = kernel_read(ATTACK_MAIR), value = old & ~(UINT64_C(0xff) << 16), after = old;

    need((old >> 16 & 0xff) == 0x44);
    if (!kernel_write(ATTACK_MAIR, value, &after))
        return false;
    need(kernel_write(ATTACK_MAIR, old, NULL));
    return after == value;
}

const struct attack_case register_attacks[] = {
    {"big-endian", big_endian, false},
    {"memory-types", memory_types, false},
    {NULL, NULL, false},
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <arch/tlb.h>

#include <arch/barrier.h>
#include <arch/sysreg.h>

/* Cores known to complete a broadcast TLBI only when all is observed; the rest get the repeat. */
static const uint16_t sound_parts[] = {
    0xd03, /* Cortex-A53 */
    0xd04, /* Cortex-A35 */
    0xd07, /* Cortex-A57 */
    0xd08, /* Cortex-A72 */
    0xd09, /* Cortex-A73 */
};

#define IMPLEMENTER_ARM 0x41

static bool repeat_needed; /* by any CPU: a TLBI is broadcast */

void tlb_init_cpu(void)
{
    uint64_t midr = read_sysreg(midr_el1);
    bool sound = false;

    for (unsigned int i = 0; i < ARRAY_SIZE(sound_parts); i++) {
        if (((midr >> 24) & 0xff) == IMPLEMENTER_ARM && ((midr >> 4) & 0xfff) == sound_parts[i])
            sound = true;
    }
    if (!sound)
        repeat_needed = true;
}

void tlbi_repeat(void)
{
    if (!repeat_needed)
        return;
    __asm__ volatile("tlbi vale2is, xzr" ::: "memory");
    dsb_ish();
}

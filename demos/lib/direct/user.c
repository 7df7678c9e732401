/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/user.h"

#include "common/string.h"

void sync_instructions(const void *page, size_t size)
{
    uint64_t line = UINT64_C(4) << ((read_sysreg(ctr_el0) >> 16) & 0xf);
    uint64_t start = (uint64_t)(uintptr_t)page;

    for (uint64_t at = start & ~(line - 1); at < start + size; at += line)
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
    dsb_ish();
    __asm__ volatile("ic ialluis" ::: "memory");
    dsb_ish();
    isb();
}

void user_install(void *page)
{
    size_t size = (size_t)(user_text_end - user_text);

    memcpy(page, user_text, size);
    sync_instructions(page, size);
}

bool user_done(const struct user *user) { return ESR_EC(user->esr) == EC_SVC64; }

bool user_call(struct user *user, uint64_t text_va, const char *program, uint64_t x0, uint64_t x1,
               uint64_t x2)
{
    *user = (struct user){.pc = text_va + (uint64_t)(program - user_text)};
    user->x[0] = x0;
    user->x[1] = x1;
    user->x[2] = x2;
    user_run(user);
    return user_done(user);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of user.S. */
#pragma once

#include "direct/exception.h"

extern const char user_text[], user_text_end[];
extern const char user_load[], user_store[], user_fill[], user_sum[], user_spin[], user_jump[],
    user_answer[];

/* Puts all of them into a page (by its place in the linear map) so that they can be executed. */
void user_install(void *page);

/* Starts a program whose page is mapped at text_va; true if it ended with its SVC. Interrupts are
 * taken meanwhile. */
bool user_call(struct user *user, uint64_t text_va, const char *program, uint64_t x0, uint64_t x1,
               uint64_t x2);

/* Did it come back by SVC? */
bool user_done(const struct user *user);

/* Makes instructions that were stored through `page` visible to fetches. */
void sync_instructions(const void *page, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the program that attacks its own kernel's tables, by the module. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)

/* Descriptors (Arm ARM D8.3). */
#define VALID      UINT64_C(1)
#define TABLE      UINT64_C(3)
#define LEAF_PAGE  UINT64_C(3)
#define LEAF_BLOCK UINT64_C(1)
#define EL0        (UINT64_C(1) << 6)
#define READ_ONLY  (UINT64_C(1) << 7)
#define ACCESSED   (UINT64_C(1) << 10)
#define DBM        (UINT64_C(1) << 51)
#define CONTIGUOUS (UINT64_C(1) << 52)
#define PXN        (UINT64_C(1) << 53)
#define PXN_TABLE  (UINT64_C(1) << 59)
#define UXN        (UINT64_C(1) << 54)
#define ADDRESS    UINT64_C(0x0000fffffffff000)

/*
 * True: the attacker has what it wanted, by its effect. What it broke for that is mended before it
 * ends, so that a kernel that lets it happen goes on.
 */
typedef bool attack_fn(void);

struct attack_case {
    const char *name;
    attack_fn *run;
    bool is_noisy; /* refused so often that not all of it is reported */
};

extern const struct attack_case table_attacks[];
extern const struct attack_case register_attacks[];
extern const struct attack_case image_attacks[];

/* An attack that cannot even be tried proves nothing: the program ends. */
#define need(good) ((good) ? (void)0 : broken(__func__, __LINE__, #good))
_Noreturn void broken(const char *function, int line, const char *what);

/* The module's requests, which all have to be possible but for those that return bool. */
bool kernel_load(uint64_t at, uint64_t *value);
bool kernel_store(uint64_t at, uint64_t value);
bool kernel_call(uint64_t function, uint64_t argument, uint64_t *result);
bool kernel_write(uint64_t reg, uint64_t value, uint64_t *after);
uint64_t kernel_read(uint64_t reg);
uint64_t kernel_word(uint64_t at);
uint64_t kernel_entry(const volatile void *va, uint64_t level);
uint64_t kernel_pages(uint64_t order);
uint64_t kernel_physical(uint64_t va);
uint64_t kernel_linear(uint64_t pa);
uint64_t kernel_alias(uint64_t linear);
/* By the kernel, with the user's rights, in a tree of its own if root is not 0. */
bool store_as_user(uint64_t at, uint64_t value, uint64_t root);
bool kernel_load_with(uint64_t set, uint64_t clear, uint64_t pa, uint64_t *value);
bool kernel_load_by(uint64_t root, uint64_t at, uint64_t *value);
uint64_t kernel_image(uint64_t what);
uint64_t kernel_smccc(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
void kernel_flush(void);

/* The user's own access; false: it ended in a signal. */
bool user_store(volatile void *at, uint64_t value);
bool user_load(const volatile void *at, uint64_t *value);

/* 2 MiB of address space with a table of its own; the first page is there, the rest is not. */
volatile unsigned char *map_table(void);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device tree to build, change and have read by config_parse(), for the tests of the
 * configuration. What goes wrong in building it fails the test.
 */
#pragma once

#include "core/config.h"

#define TREE_SIZE   32768
#define TREE_ERRORS 8 /* that are kept; all are counted */
#define MIB         (UINT64_C(1) << 20)

/* The domains of tree_make_good(). */
#define LINUX  "/chosen/linux"
#define KERNEL "/chosen/linux/kernel"
#define SECOND "/chosen/group/direct"

struct tree_errors {
    unsigned int count;
    char path[TREE_ERRORS][128];
    char reason[TREE_ERRORS][256];
};

extern char tree[TREE_SIZE];
/* What the last tree_parse() understood, and its messages. */
extern struct system tree_parsed;
extern struct tree_errors tree_errors;

/* Its offset. A node that is missing, or one on the way to it, is made; so it is by all below. */
int tree_node_at(const char *path);

void tree_set(const char *path, const char *property, const void *value, size_t size);
void tree_set_u32(const char *path, const char *property, uint32_t value);
void tree_set_u64(const char *path, const char *property, uint64_t value);
void tree_set_string(const char *path, const char *property, const char *value);
/* Two cells each; sizes are in bytes. */
void tree_set_reg(const char *path, uint64_t base, uint64_t size);
void tree_drop(const char *path, const char *property);
void tree_drop_node(const char *path);

/* A plain domain with one vCPU and no module. */
void tree_add_domain(const char *path, uint64_t memory_mib);
/* `kind` as in "multiboot,KIND"; the size is in bytes. */
void tree_add_module(const char *path, const char *kind, uint64_t base, uint64_t size);

/* 4 CPUs, 1 GiB of RAM in two nodes that touch; a plain domain and a direct one. */
void tree_make_good(void);

enum hv_err tree_parse(void);
void tree_expect_fine(void);
/* Exactly one message, at `path` (NULL: anywhere), that contains `reason`. */
void tree_expect_refusal(const char *path, const char *reason);

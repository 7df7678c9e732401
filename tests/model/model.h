/* SPDX-License-Identifier: Apache-2.0 */
/* The exhaustive search: what is searched (domains.c), what a state is (state.c). */
#pragma once

#include "tests/mmu/world.h"

#define MODEL_VALUES 10
#define CALL(kind)   (UINT32_C(1) << (kind))

/* One small domain and all that may happen in it. */
struct model_domain {
    const char *name;
    const char *about;
    struct world_config config;
    void (*prepare)(struct world *w);
    uint8_t first, last; /* frames whose entries are stored to */
    uint8_t values[MODEL_VALUES];
    unsigned int nr_values;
    uint32_t calls; /* CALL() of what else happens */
    bool stores;    /* faulting stores are emulated and open */
    bool nc;        /* non-cacheable stores */
    uint8_t budget; /* of operations that are told to come back; 0: all run to their end */
    uint8_t levels; /* CALL() of the levels that pins are of; 0: all */
};

extern const struct model_domain model_domains[];
extern const unsigned int model_nr_domains;

/* All of a world that can change. */
struct model_state {
    struct ptwr p;
    uint8_t mmu[offsetof(struct mmu, pending)];
    struct mmu_memory memory;
    struct frame frames[MMU_FRAMES];
    struct action suspended[MMU_CPUS];
    bool crashed;
};

/* How a packed state differs from the first one of its domain: at most this long. */
#define MODEL_PACKED_MAX (sizeof(struct model_state) + sizeof(struct model_state) / 64 + 8)

/* From here on states are packed against the present one. */
void model_begin(const struct world *w);

/*
 * The state of a world that lies where it lay at model_begin(), less what no rule depends on
 * (statistics, ages, which of two CPUs is which). Returns the length.
 */
size_t model_pack(struct world *w, uint8_t *packed);
void model_unpack(struct world *w, const uint8_t *packed, size_t size);
uint64_t model_hash(const uint8_t *packed, size_t size);

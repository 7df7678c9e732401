/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that parse the configuration have in common. Only they include it. */
#pragma once

#include <libfdt.h>

#include "core/config.h"

#define CONFIG_MAX_RAM_RANGES 16
#define CONFIG_MAX_MODULES    (CONFIG_MAX_DOMAINS * 3)

struct range {
    uint64_t base;
    uint64_t size;
};

/* A module's place, kept until all are known. */
struct placed {
    struct range range; /* what the file's owner may touch: whole blocks if it is used in place */
    int node;
};

struct parser {
    const void *fdt;
    struct system *out;
    config_error_fn report;
    void *ctx;
    bool failed;
    struct range ram[CONFIG_MAX_RAM_RANGES];
    unsigned int nr_ram;
    uint64_t ram_bytes;
    unsigned int nr_cpus; /* 0: not known */
    struct placed module[CONFIG_MAX_MODULES];
    unsigned int nr_modules;
};

/* A sentence under construction. What does not fit is cut off. */
struct config_text {
    char s[192];
    size_t length;
};

void config_add(struct config_text *t, const char *s);
void config_add_number(struct config_text *t, uint64_t value, unsigned int base);
void config_add_range(struct config_text *t, struct range r);
void config_add_path(struct config_text *t, const struct parser *p, int node);

/* One mistake, at `node`. */
void config_refuse_text(struct parser *p, int node, const struct config_text *reason);

/* One mistake, at `node`: "`first`: `second`", or `second` alone if `first` is NULL. */
void config_refuse(struct parser *p, int node, const char *first, const char *second);

bool config_has(const struct parser *p, int node, const char *property);
bool config_flag(struct parser *p, int node, const char *property);
uint64_t config_read_cells(const fdt32_t *cells, int count);

/* The cells of a node's children; false, with a message, if addresses do not fit 64 bits. */
bool config_cells(struct parser *p, int node, int *na, int *ns);

/* The one string that a property holds; NULL if it holds something else. */
const char *config_string(const struct parser *p, int node, const char *property);

/* A number of `cells` cells. False, with a message, if the property has another length. */
bool config_number(struct parser *p, int node, const char *property, int cells, uint64_t *out);

/*
 * The position of a property's string among `choices`; `fallback` if there is no such property, or
 * after a message.
 */
unsigned int config_choice(struct parser *p, int node, const char *property,
                           const char *const *choices, unsigned int count, unsigned int fallback);

/* A message for each property that is neither in `known`, which ends with NULL, nor `also`. */
void config_check_properties(struct parser *p, int node, const char *const *known,
                             const char *also);

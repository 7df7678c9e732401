/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that parse the configuration have in common. Only they include it. */
#pragma once

#include "core/config.h"

struct parser;

/* One mistake, at `node`: "`first`: `second`", or `second` alone if `first` is NULL. */
void config_refuse(struct parser *p, int node, const char *first, const char *second);

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

/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the configuration that says what lies where. For core/config.c. */
#pragma once

#include "core/config.h"

struct parser;

/* What the board has: its memory, and its CPUs, counted as Latch starts them. Before the rest. */
void config_parse_memory(struct parser *p);
void config_parse_cpus(struct parser *p);

/* A module node of domain `d`, whose own properties have been read; `domain` is its node. */
void config_parse_module(struct parser *p, int domain, int node, struct domain_config *d);

/* When all modules are known: each lies in memory, and no two on one another. */
void config_check_modules(struct parser *p);

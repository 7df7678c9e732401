/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of memory that domains share: Xen's binding for static shared memory, as far as it fits. */
#pragma once

#include "core/config_parser.h"

/* Is it a node of shared memory? */
bool config_is_share(const void *fdt, int node);

/* A node below a domain's, into its list. Precondition: the domain's paging is known. */
void config_share_parse(struct parser *p, int node, struct domain_config *d);

/*
 * Do all of a region's nodes agree? Precondition: all domains were parsed without a mistake, or one
 * would be reported twice.
 */
void config_share_check(struct parser *p);

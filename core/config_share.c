/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config_share.h"

#include <assert.h>
#include <libfdt.h>
#include <string.h>

#define COMPATIBLE "xen,domain-shared-memory-v1"

static const char *const share_properties[] = {
    "compatible", "phandle", "xen,shm-id", "role", "latch,access", "size", NULL,
};

static const char *const role_names[] = {"borrower", "owner"};
static const char *const access_names[] = {"ro", "rw"};

bool config_is_share(const void *fdt, int node)
{
    return fdt_node_check_compatible(fdt, node, COMPATIBLE) == 0;
}

static const struct share_config *find(const struct domain_config *d, const char *id)
{
    for (unsigned int i = 0; i < d->nr_shares; i++) {
        if (strcmp(d->share[i].id, id) == 0)
            return &d->share[i];
    }
    return NULL;
}

static void parse_id(struct parser *p, int node, const struct domain_config *d, char *out)
{
    const char *id = config_string(p, node, "xen,shm-id");
    size_t length = id == NULL ? 0 : strlen(id);

    if (length == 0 || length >= CONFIG_NAME_SIZE)
        config_refuse(p, node, "xen,shm-id", "must be one string of 1 to 31 characters");
    else if (find(d, id) != NULL)
        config_refuse(p, node, "xen,shm-id", "the domain has another node for this memory");
    else
        memcpy(out, id, length + 1);
}
static_assert(CONFIG_NAME_SIZE == 32, "the message says so");

static uint64_t parse_size(struct parser *p, int node)
{
    uint64_t kib;

    if (!config_number(p, node, "size", 2, &kib))
        return 0;
    if (kib == 0) {
        config_refuse(p, node, "size", "zero");
    } else if (kib % (PAGE_SIZE >> 10) != 0) {
        config_refuse(p, node, "size", "not a multiple of 4 KiB (the unit is KiB)");
    } else if (kib >> 38 != 0) {
        config_refuse(p, node, "size", "beyond 48 bits");
    } else {
        return kib << 10;
    }
    return 0;
}

/* The second of two names? There is no default: what a domain may write is to be said. */
static bool parse_choice(struct parser *p, int node, const char *property,
                         const char *const names[2])
{
    if (!config_has(p, node, property))
        config_refuse(p, node, property, "is missing");
    return config_choice(p, node, property, names, 2, 0) != 0;
}

void config_share_parse(struct parser *p, int node, struct domain_config *d)
{
    struct share_config share = {.node = node};
    int child;

    config_check_properties(p, node, share_properties, NULL);
    fdt_for_each_subnode(child, p->fdt, node)
        config_refuse(p, child, NULL, "shared memory has no nodes below it");
    if (d->paging != DOMAIN_DIRECT)
        config_refuse(p, node, NULL, "only direct domains share memory in this version");
    parse_id(p, node, d, share.id);
    share.size = parse_size(p, node);
    share.owner = parse_choice(p, node, "role", role_names);
    share.writable = parse_choice(p, node, "latch,access", access_names);
    if (d->nr_shares == CONFIG_MAX_SHARES)
        config_refuse(p, node, NULL, "more than 4 nodes of shared memory in a domain");
    else
        d->share[d->nr_shares++] = share;
}
static_assert(CONFIG_MAX_SHARES == 4, "the message says so");

/* Against all domains, itself included. */
static void check_share(struct parser *p, const struct share_config *share)
{
    const struct system *system = p->out;
    unsigned int owners = 0;
    unsigned int others = 0;
    bool behind = false; /* what two of them differ in is the later one's message */

    for (unsigned int i = 0; i < system->nr_domains; i++) {
        const struct share_config *other = find(&system->domain[i], share->id);

        if (other == NULL)
            continue;
        owners += other->owner;
        if (other == share) {
            behind = true;
            continue;
        }
        others++;
        if (!behind && other->size != share->size)
            config_refuse(p, share->node, "size", "another domain's node for this memory differs");
        if (!behind && other->owner && share->owner)
            config_refuse(p, share->node, "role", "this memory has another owner");
    }
    if (others == 0)
        config_refuse(p, share->node, "xen,shm-id", "no other domain has this memory");
    else if (owners == 0)
        config_refuse(p, share->node, "role", "this memory has no owner");
}

void config_share_check(struct parser *p)
{
    const struct system *system = p->out;

    for (unsigned int i = 0; i < system->nr_domains; i++) {
        const struct domain_config *d = &system->domain[i];

        for (unsigned int j = 0; j < d->nr_shares; j++)
            check_share(p, &d->share[j]);
    }
}

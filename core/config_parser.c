/* SPDX-License-Identifier: Apache-2.0 */
/* What a node or a property holds, and how a mistake in it is said. */
#include "core/config_parser.h"

#include <libfdt.h>
#include <string.h>

#define PATH_SIZE 128

void config_add(struct config_text *t, const char *s)
{
    while (*s != '\0' && t->length + 1 < sizeof(t->s))
        t->s[t->length++] = *s++;
    t->s[t->length] = '\0';
}

void config_add_number(struct config_text *t, uint64_t value, unsigned int base)
{
    char digits[24];
    size_t i = sizeof(digits) - 1;

    digits[i] = '\0';
    do {
        digits[--i] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (base == 16)
        config_add(t, "0x");
    config_add(t, &digits[i]);
}

void config_add_range(struct config_text *t, struct range r)
{
    config_add(t, "[");
    config_add_number(t, r.base, 16);
    config_add(t, ", ");
    config_add_number(t, r.base + r.size, 16);
    config_add(t, ")");
}

void config_add_path(struct config_text *t, const struct parser *p, int node)
{
    char path[PATH_SIZE];

    config_add(t, fdt_get_path(p->fdt, node, path, sizeof(path)) == 0 ? path : "(a node)");
}

void config_refuse_text(struct parser *p, int node, const struct config_text *reason)
{
    struct config_text path = {.length = 0};

    config_add_path(&path, p, node);
    p->failed = true;
    p->report(p->ctx, path.s, reason->s);
}

void config_refuse(struct parser *p, int node, const char *first, const char *second)
{
    struct config_text t = {.length = 0};

    if (first != NULL) {
        config_add(&t, first);
        config_add(&t, ": ");
    }
    config_add(&t, second);
    config_refuse_text(p, node, &t);
}

uint64_t config_read_cells(const fdt32_t *cells, int count)
{
    uint64_t value = 0;

    for (int i = 0; i < count; i++)
        value = value << 32 | fdt32_ld(&cells[i]);
    return value;
}

bool config_has(const struct parser *p, int node, const char *property)
{
    return fdt_getprop(p->fdt, node, property, NULL) != NULL;
}

const char *config_string(const struct parser *p, int node, const char *property)
{
    int length;
    const char *s = fdt_getprop(p->fdt, node, property, &length);

    if (s == NULL || length <= 0 || memchr(s, '\0', (size_t)length) != &s[length - 1])
        return NULL;
    return s;
}

bool config_number(struct parser *p, int node, const char *property, int cells, uint64_t *out)
{
    int length;
    const fdt32_t *data = fdt_getprop(p->fdt, node, property, &length);

    if (data == NULL || length != cells * (int)sizeof(*data)) {
        config_refuse(p, node, property,
                      cells == 2 ? "must be one number of two cells"
                                 : "must be one number of one cell");
        return false;
    }
    *out = config_read_cells(data, cells);
    return true;
}

unsigned int config_choice(struct parser *p, int node, const char *property,
                           const char *const *choices, unsigned int count, unsigned int fallback)
{
    const char *value;
    struct config_text t = {.length = 0};

    if (!config_has(p, node, property))
        return fallback;
    value = config_string(p, node, property);
    for (unsigned int i = 0; value != NULL && i < count; i++) {
        if (strcmp(value, choices[i]) == 0)
            return i;
    }
    config_add(&t, property);
    config_add(&t, ": ");
    if (value != NULL) {
        config_add(&t, "\"");
        config_add(&t, value);
        config_add(&t, "\" is ");
    }
    config_add(&t, value != NULL ? "not one of" : "must be one string of");
    for (unsigned int i = 0; i < count; i++) {
        config_add(&t, i == 0 ? " " : ", ");
        config_add(&t, choices[i]);
    }
    config_refuse_text(p, node, &t);
    return fallback;
}

bool config_flag(struct parser *p, int node, const char *property)
{
    int length;

    if (fdt_getprop(p->fdt, node, property, &length) == NULL)
        return false;
    if (length != 0)
        config_refuse(p, node, property, "is a flag and takes no value");
    return true;
}

/* Names of a constant table that ends with NULL. */
static bool is_listed(const char *name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

/* Xen's, and would change what the guest is: to ignore one would be to promise too much. */
static const char *const missing_properties[] = {
    "direct-map",
    "nr_spis",
    "passthrough",
    "xen,enhanced",
    "xen,passthrough",
    "xen,static-mem",
    "xen,shared-mem",
    "xen,reg",
    "xen,path",
    "sve",
    "llc-colors",
    "domain-cpupool",
    "max_grant_frames",
    "max_grant_version",
    "max_maptrack_frames",
    "xen,domain-p2m-mem-mb",
    "capabilities",
    NULL,
};

void config_check_properties(struct parser *p, int node, const char *const *known, const char *also)
{
    int offset;

    fdt_for_each_property_offset(offset, p->fdt, node)
    {
        const char *name;

        if (fdt_getprop_by_offset(p->fdt, offset, &name, NULL) == NULL) {
            config_refuse(p, node, NULL, "has a damaged property");
            return;
        }
        if (is_listed(name, known) || (also != NULL && strcmp(name, also) == 0))
            continue;
        config_refuse(p, node, name,
                      is_listed(name, missing_properties) ? "not supported by this build yet"
                                                          : "unknown property");
    }
}

bool config_cells(struct parser *p, int node, int *na, int *ns)
{
    *na = fdt_address_cells(p->fdt, node);
    *ns = fdt_size_cells(p->fdt, node);
    if (*na >= 1 && *na <= 2 && *ns >= 1 && *ns <= 2)
        return true;
    config_refuse(p, node, NULL, "#address-cells and #size-cells must be 1 or 2");
    return false;
}

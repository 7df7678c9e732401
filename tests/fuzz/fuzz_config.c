/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config.c on device trees of any content. The boot loader's tree is trusted as far as its
 * header goes (fdt_check_full() stands for that here), not for what it says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct system parsed;

static void ignore(void *ctx, const char *path, const char *reason)
{
    /* Both are strings that somebody prints. */
    *(size_t *)ctx += strlen(path) + strlen(reason);
}

/* What every accepted configuration promises. */
static void check(const struct system *s)
{
    if (s->nr_domains > CONFIG_MAX_DOMAINS)
        abort();
    for (unsigned int i = 0; i < s->nr_domains; i++) {
        const struct domain_config *d = &s->domain[i];

        if (d->nr_vcpus == 0 || d->nr_vcpus > CONFIG_MAX_VCPUS || d->memory == 0 ||
            d->memory % (UINT64_C(2) << 20) != 0 || d->slots == 0 || d->slots > PTWR_MAX_SLOTS ||
            memchr(d->name, '\0', sizeof(d->name)) == NULL)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t said = 0;
    void *fdt = malloc(size == 0 ? 1 : size); /* aligned, and its end is guarded */

    if (fdt == NULL)
        return 0;
    memcpy(fdt, data, size);
    if (fdt_check_full(fdt, size) == 0 && fdt_totalsize(fdt) <= size &&
        config_parse(fdt, &parsed, ignore, &said) == HV_OK)
        check(&parsed);
    free(fdt);
    return 0;
}

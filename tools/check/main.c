/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latch-check: would the hypervisor accept this system? It parses a merged device tree with the
 * hypervisor's own code. Exit status: 0 every tree is fine, 2 otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config.h"

#define EXIT_REFUSED 2

struct file {
    const char *name;
    void *data;
    size_t size;
};

static void print_error(void *ctx, const char *path, const char *reason)
{
    (void)ctx;
    (void)fprintf(stderr, "%s: %s\n", path, reason);
}

static bool map_file(const char *name, struct file *out)
{
    struct stat st;
    int fd = open(name, O_RDONLY);

    if (fd < 0 || fstat(fd, &st) != 0) {
        (void)fprintf(stderr, "%s: %s\n", name, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    out->name = name;
    out->size = (size_t)st.st_size;
    out->data = st.st_size == 0 ? MAP_FAILED : mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (out->data != MAP_FAILED)
        return true;
    (void)fprintf(stderr, "%s: not a device tree\n", name);
    return false;
}

static void print_domain(const struct domain_config *d)
{
    (void)printf("%s: %s, %" PRIu64 " MiB, %u vCPU, kernel %" PRIu64 " KiB at %#" PRIx64, d->name,
                 domain_kind_name(d->paging), d->memory >> 20, d->nr_vcpus,
                 (d->kernel.size + 1023) >> 10, d->kernel.base);
    if (d->ramdisk.present) {
        (void)printf(", ramdisk %" PRIu64 " KiB at %#" PRIx64, (d->ramdisk.size + 1023) >> 10,
                     d->ramdisk.base);
    }
    for (unsigned int i = 0; i < d->nr_shares; i++) {
        (void)printf(", shares \"%s\" (%" PRIu64 " KiB, %s)", d->share[i].id,
                     d->share[i].size >> 10, d->share[i].writable ? "rw" : "ro");
    }
    (void)printf("%s%s\n", d->dtb.present ? ", own device tree" : "", d->vpl011 ? ", PL011" : "");
}

static bool check_file(const char *name)
{
    static struct system system;
    struct file file;
    bool ok = false;

    if (!map_file(name, &file))
        return false;
    /* The hypervisor trusts its boot loader for this much; a file on disk may be cut off. */
    if (fdt_check_full(file.data, file.size) != 0) {
        (void)fprintf(stderr, "%s: not a device tree, or damaged\n", name);
    } else {
        ok = config_parse(file.data, &system, print_error, NULL) == HV_OK;
    }
    if (ok) {
        for (unsigned int i = 0; i < system.nr_domains; i++)
            print_domain(&system.domain[i]);
    }
    munmap(file.data, file.size);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: latch-check DTB [DTB...]\n");
        return EXIT_REFUSED;
    }
    for (int i = 1; i < argc; i++) {
        if (!check_file(argv[i]))
            ok = false;
    }
    return ok ? 0 : EXIT_REFUSED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of plain domains: Linux arm64 Image, ELF64 and flat binaries. Knows boot modules and guest
 * RAM by guest address; knows nothing of vCPUs, stage 2 or scheduling.
 */
#include "core/image.h"

#include <arch/cache.h>
#include <arch/gic.h>

#include "core/console.h"
#include "core/domain.h"
#include "core/elf.h"
#include "core/guest_fdt.h"
#include "core/mem.h"
#include "core/string.h"

/* Documentation/arm64/booting.rst of Linux: the header of an uncompressed Image. */
struct linux_header {
    uint32_t code0;
    uint32_t code1;
    uint64_t text_offset;
    uint64_t image_size;
    uint64_t flags;
    uint64_t res2;
    uint64_t res3;
    uint64_t res4;
    uint32_t magic;
    uint32_t res5;
};
static_assert(sizeof(struct linux_header) == 64, "fixed by the boot protocol");

#define LINUX_MAGIC UINT32_C(0x644d5241) /* "ARM\x64" */

/* Room for a guest's device tree; guest_fdt_build() says if it is not enough. */
#define DTB_PAGES 4

static uint64_t align_up(uint64_t value, uint64_t to) { return (value + to - 1) & ~(to - 1); }

const char *image_kind_name(enum image_kind kind)
{
    static const char *const name[] = {
        [IMAGE_LINUX] = "Linux Image",
        [IMAGE_ELF] = "ELF",
        [IMAGE_FLAT] = "flat binary",
    };

    return name[kind];
}

static const void *module_data(const struct module_config *module)
{
    return (const void *)(uintptr_t)module->base;
}

/* Guest RAM is scattered in 2 MiB chunks: the machine address behind a guest address. */
static pa_t ram_pa(const struct domain *d, uint64_t ipa)
{
    uint64_t offset = ipa - d->ram_base;

    return pa_of(((uint64_t)d->chunk[offset >> REGION_SHIFT] << REGION_SHIFT) +
                 (offset & (REGION_SIZE - 1)));
}

/* Precondition: [ipa, ipa + size) lies in the domain's RAM. */
static void ram_copy(const struct domain *d, uint64_t ipa, const void *from, uint64_t size)
{
    const uint8_t *source = from;

    while (size != 0) {
        uint64_t room = REGION_SIZE - (ipa & (REGION_SIZE - 1));
        uint64_t n = size < room ? size : room;
        void *to = (void *)(uintptr_t)ram_pa(d, ipa).raw;

        memcpy(to, source, n);
        cache_clean_range(to, n);
        ipa += n;
        source += n;
        size -= n;
    }
}

static bool in_ram(const struct domain *d, uint64_t ipa, uint64_t size)
{
    return ipa >= d->ram_base && size <= d->ram_size && ipa - d->ram_base <= d->ram_size - size;
}

static enum hv_err plan_linux(struct domain *d, const struct linux_header *header)
{
    struct image *image = &d->image;

    /* Kernels older than 3.17 say 0 and mean 0x80000; nobody runs one here. */
    if (header->image_size == 0 || header->text_offset >= REGION_SIZE) {
        printk("latch: domain %s: kernel: Linux Image header with image_size %#lx, "
               "text_offset %#lx\n",
               d->name, header->image_size, header->text_offset);
        return HV_EINVAL;
    }
    image->kind = IMAGE_LINUX;
    image->kernel = ipa_of(d->ram_base + header->text_offset);
    image->kernel_span = header->image_size;
    if (image->kernel_span < d->config->kernel.size)
        image->kernel_span = d->config->kernel.size;
    image->entry = image->kernel;
    return HV_OK;
}

static enum hv_err plan_elf(struct domain *d)
{
    struct image *image = &d->image;
    const struct module_config *module = &d->config->kernel;
    struct elf_info info;
    const char *why = elf_inspect(module_data(module), module->size, &info);

    if (why != NULL) {
        printk("latch: domain %s: kernel: ELF file: %s\n", d->name, why);
        return HV_EINVAL;
    }
    image->kind = IMAGE_ELF;
    image->kernel = ipa_of(info.paddr_low);
    image->kernel_span = info.paddr_high - info.paddr_low;
    image->entry = ipa_of(info.entry);
    return HV_OK;
}

static void plan_flat(struct domain *d)
{
    struct image *image = &d->image;

    image->kind = IMAGE_FLAT;
    image->kernel = ipa_of(d->config->load_address != 0 ? d->config->load_address : d->ram_base);
    image->kernel_span = d->config->kernel.size;
    image->entry = image->kernel;
}

static bool is_linux(const struct module_config *module)
{
    const struct linux_header *header = module_data(module);

    return module->size >= sizeof(*header) && header->magic == LINUX_MAGIC;
}

static enum hv_err plan_kernel(struct domain *d)
{
    const struct module_config *module = &d->config->kernel;

    if (is_linux(module))
        return plan_linux(d, module_data(module));
    if (elf_is(module_data(module), module->size))
        return plan_elf(d);
    plan_flat(d);
    return HV_OK;
}

/*
 * A module can become guest RAM as it lies when it starts a 2 MiB block and the guest address that
 * it goes to does too.
 */
static bool fits_in_place(const struct module_config *module, uint64_t ipa)
{
    return ((module->base | ipa) & (REGION_SIZE - 1)) == 0;
}

enum hv_err image_plan(struct domain *d)
{
    struct image *image = &d->image;
    const struct domain_config *config = d->config;
    uint64_t dtb_size = config->dtb.present ? config->dtb.size : DTB_PAGES * PAGE_SIZE;
    uint64_t end;
    enum hv_err err = plan_kernel(d);

    if (err != HV_OK)
        return err;
    if (!in_ram(d, image->kernel.raw, image->kernel_span) ||
        !in_ram(d, image->entry.raw, sizeof(uint32_t))) {
        printk("latch: domain %s: kernel needs [%#lx, %#lx), entry %#lx; RAM is [%#lx, %#lx)\n",
               d->name, image->kernel.raw, image->kernel.raw + image->kernel_span, image->entry.raw,
               d->ram_base, d->ram_base + d->ram_size);
        return HV_EINVAL;
    }
    /* Blocks of their own for each: Linux maps its device tree by 2 MiB, in place needs it. */
    image->dtb = ipa_of(align_up(image->kernel.raw + image->kernel_span, REGION_SIZE));
    image->ramdisk = ipa_of(image->dtb.raw + align_up(dtb_size, REGION_SIZE));
    end = image->ramdisk.raw + (config->ramdisk.present ? config->ramdisk.size : 0);
    if (!in_ram(d, image->dtb.raw, end - image->dtb.raw)) {
        printk("latch: domain %s: memory of %lu MiB is too small: kernel, device tree and ramdisk "
               "end at %lu MiB\n",
               d->name, d->ram_size >> 20, (end - d->ram_base + 0xfffff) >> 20);
        return HV_EINVAL;
    }
    image->in_place =
        !config->on_reset_restart && image->kind != IMAGE_ELF &&
        fits_in_place(&config->kernel, image->kernel.raw) &&
        (!config->ramdisk.present || fits_in_place(&config->ramdisk, image->ramdisk.raw));
    return HV_OK;
}

enum hv_err image_make_dtb(struct domain *d)
{
    struct image *image = &d->image;
    const struct module_config *given = &d->config->dtb;
    struct guest_fdt_args args;
    pa_t pages;
    enum hv_err err;

    if (given->present) {
        image->dtb_copy = (void *)(uintptr_t)given->base;
        image->dtb_size = given->size;
        return HV_OK;
    }
    pages = mem_alloc_pages(DTB_PAGES, 1);
    if (pages.raw == 0) {
        printk("latch: domain %s: no memory for its device tree\n", d->name);
        return HV_ENOMEM;
    }
    image->dtb_copy = (void *)(uintptr_t)pages.raw;
    image->dtb_size = DTB_PAGES * PAGE_SIZE;
    domain_fdt_args(d, &args);
    err = guest_fdt_build(&args, image->dtb_copy, image->dtb_size);
    if (err != HV_OK)
        printk("latch: domain %s: its device tree does not fit %lu bytes\n", d->name,
               image->dtb_size);
    return err;
}

static void load_elf(const struct domain *d)
{
    const struct module_config *module = &d->config->kernel;
    const struct elf64_header *header = module_data(module);

    for (unsigned int i = 0; i < header->phnum; i++) {
        const struct elf64_segment *segment = elf_segment(header, i);

        if (segment->type == ELF_PT_LOAD && segment->filesz != 0)
            ram_copy(d, segment->paddr, (const uint8_t *)header + segment->offset, segment->filesz);
    }
}

void image_load(struct domain *d)
{
    const struct image *image = &d->image;
    const struct domain_config *config = d->config;

    if (image->in_place) {
        cache_clean_range((void *)(uintptr_t)config->kernel.base, config->kernel.size);
        if (config->ramdisk.present)
            cache_clean_range((void *)(uintptr_t)config->ramdisk.base, config->ramdisk.size);
    } else {
        if (image->kind == IMAGE_ELF)
            load_elf(d);
        else
            ram_copy(d, image->kernel.raw, module_data(&config->kernel), config->kernel.size);
        if (config->ramdisk.present)
            ram_copy(d, image->ramdisk.raw, module_data(&config->ramdisk), config->ramdisk.size);
    }
    ram_copy(d, image->dtb.raw, image->dtb_copy, image->dtb_size);
    icache_invalidate_all();
}

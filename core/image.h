/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a plain domain's images: where they come from, where they go in guest RAM, loading,
 * and loading again. SYSTEM_RESET and every other restart go through image_load().
 *
 * The boot modules stay where the boot loader put them, as the pristine copies; only with
 * latch,on-reset = "stop" are their 2 MiB blocks given to the guest as they are ("in place").
 */
#pragma once

#include "core/config.h"
#include "ptwr/base.h"

struct domain;

enum image_kind { IMAGE_LINUX, IMAGE_ELF, IMAGE_FLAT };

struct image {
    enum image_kind kind;
    ipa_t entry;
    ipa_t kernel;         /* guest address of the first byte loaded */
    uint64_t kernel_span; /* memory it needs there, bss included */
    ipa_t dtb;
    ipa_t ramdisk;
    void *dtb_copy; /* the guest's device tree, made once */
    uint64_t dtb_size;
    bool in_place; /* kernel and ramdisk blocks are guest RAM */
};

/*
 * Recognise the kernel and decide where everything goes; nothing is written. Precondition: ram_base
 * and ram_size of the domain are set. HV_EINVAL: the reason has been printed.
 */
NODISCARD
enum hv_err image_plan(struct domain *d);

/*
 * Build the guest's device tree once. Precondition: image_plan, and the vGIC and UART addresses of
 * the domain are decided. HV_EINVAL or HV_ENOMEM: the reason has been printed.
 */
NODISCARD
enum hv_err image_make_dtb(struct domain *d);

/*
 * Copy kernel, ramdisk and device tree into guest RAM and clean it to the point of coherency, for
 * the guest starts with its MMU off. Precondition: guest RAM is mapped, zeroed and not in use.
 */
void image_load(struct domain *d);

const char *image_kind_name(enum image_kind kind);

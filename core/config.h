/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a system description (the board's device tree with Xen's dom0less bindings and latch,*
 * properties under /chosen) asks for. The hypervisor and the host's checker build the same file,
 * so what the checker passes, the hypervisor accepts.
 */
#pragma once

#include "ptwr/base.h"
#include "ptwr/ptwr.h"

#define CONFIG_MAX_DOMAINS   8
#define CONFIG_MAX_VCPUS     8
#define CONFIG_MAX_CPUS      8 /* of the board, that Latch uses */
#define CONFIG_NAME_SIZE     32
#define CONFIG_BOOTARGS_SIZE 1024
#define CONFIG_MAX_SHARES    PTWR_MAX_SHARED /* of a domain */

/* latch,paging: who vouches for the guest's page tables. */
enum domain_kind {
    DOMAIN_PLAIN,   /* nobody: stage 2 alone confines it */
    DOMAIN_DIRECT,  /* Latch, by the paravirtual interface */
    DOMAIN_GUARDED, /* Latch, for an unmodified kernel */
};

/* latch,guard: what is done about an entry that the rules forbid. */
enum guard_mode { GUARD_ENFORCE, GUARD_AUDIT };

/* latch,text-policy: what a guest may do to its own code (rule R7). */
enum text_policy { TEXT_ALLOW, TEXT_AUDIT, TEXT_DENY };

/* A file that the boot loader put into memory. All fields are 0 if it is not present. */
struct module_config {
    uint64_t base; /* machine address, on a page boundary */
    uint64_t size; /* bytes, not 0 */
    bool present;
    char bootargs[CONFIG_BOOTARGS_SIZE]; /* of a kernel; "" if there are none */
};

/* Memory that the domain shares with others, which name it too. */
struct share_config {
    char id[CONFIG_NAME_SIZE];
    uint64_t size; /* bytes, a multiple of 4 KiB */
    bool owner;    /* one of them is */
    bool writable; /* by this domain */
    int node;      /* in the tree that was parsed */
};

struct domain_config {
    char name[CONFIG_NAME_SIZE];
    enum domain_kind paging;
    uint64_t memory; /* bytes, a multiple of 2 MiB */
    unsigned int nr_vcpus;
    uint8_t cpu[CONFIG_MAX_VCPUS]; /* physical CPU of each vCPU, no two the same */
    bool vpl011;
    struct module_config kernel;
    struct module_config ramdisk;
    struct module_config dtb;
    uint64_t load_address; /* of a flat binary; 0: the start of RAM */
    bool on_reset_restart; /* latch,on-reset: SYSTEM_RESET starts it again */
    enum ptwr_policy ptwr_policy;
    unsigned int slots; /* 1..PTWR_MAX_SLOTS */
    enum ptwr_action guard_action;
    enum guard_mode guard;
    enum text_policy text_policy;
    bool user_writers;
    bool control; /* may read the reports about other domains */
    unsigned int nr_shares;
    struct share_config share[CONFIG_MAX_SHARES]; /* direct domains only */
};

struct system {
    unsigned int nr_domains;
    struct domain_config domain[CONFIG_MAX_DOMAINS];
};

/* Called once for each mistake. Both strings are gone when it returns. */
typedef void (*config_error_fn)(void *ctx, const char *path, const char *reason);

/*
 * Parse the merged device tree. Every mistake is reported, not only the first; then HV_EINVAL, and
 * *out is not to be used. Precondition: the whole fdt_totalsize() of the tree can be read.
 */
NODISCARD
enum hv_err config_parse(const void *fdt, struct system *out, config_error_fn report, void *ctx);

/* "plain", "direct" or "guarded". */
const char *domain_kind_name(enum domain_kind kind);

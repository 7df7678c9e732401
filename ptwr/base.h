/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that every layer shares: bit helpers, the error type, and the address types.
 *
 * Addresses are one-field structs so that a machine address cannot be handed to something that
 * wants a guest's. `raw` is touched only in the headers that define conversions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT64(n)          (UINT64_C(1) << (n))
#define GENMASK64(hi, lo) ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))

#define NODISCARD     __attribute__((warn_unused_result))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define PAGE_SHIFT 12
#define PAGE_SIZE  (UINT64_C(1) << PAGE_SHIFT)
/* One level-3 table's worth of pages: 2 MiB; models build the same files with smaller regions. */
#ifndef REGION_SHIFT
#define REGION_SHIFT 21
#endif
#define REGION_SIZE (UINT64_C(1) << REGION_SHIFT)

/*
 * What a function that can fail returns. HV_EAGAIN is no failure: the budget ran out, the cursor
 * is kept, call again. The numbers are Linux's, as Xen's interface uses them.
 */
enum hv_err {
    HV_OK = 0,
    HV_EPERM = -1,
    HV_ENOENT = -2,
    HV_ESRCH = -3,
    HV_E2BIG = -7,
    HV_EAGAIN = -11,
    HV_ENOMEM = -12,
    HV_EFAULT = -14,
    HV_EBUSY = -16,
    HV_EINVAL = -22,
    HV_ERANGE = -34,
    HV_ENOSYS = -38,
};

/* Physical (machine) address. */
typedef struct {
    uint64_t raw;
} pa_t;

/* Intermediate physical address: what stage 1 yields and stage 2 translates. */
typedef struct {
    uint64_t raw;
} ipa_t;

/* Virtual address of a guest (EL1&0 regime). */
typedef struct {
    uint64_t raw;
} va_t;

/* Machine frame number: a physical address without its page offset. */
typedef struct {
    uint32_t raw;
} mfn_t;

#define MFN_NONE ((mfn_t){UINT32_MAX})

static inline pa_t pa_of(uint64_t raw) { return (pa_t){raw}; }
static inline ipa_t ipa_of(uint64_t raw) { return (ipa_t){raw}; }
static inline va_t va_of(uint64_t raw) { return (va_t){raw}; }
static inline mfn_t mfn_of(uint64_t raw) { return (mfn_t){(uint32_t)raw}; }
static inline pa_t mfn_to_pa(mfn_t mfn) { return (pa_t){(uint64_t)mfn.raw << PAGE_SHIFT}; }
static inline mfn_t pa_to_mfn(pa_t pa) { return (mfn_t){(uint32_t)(pa.raw >> PAGE_SHIFT)}; }
static inline uint64_t page_offset(uint64_t address) { return address & (PAGE_SIZE - 1); }
static inline bool mfn_eq(mfn_t a, mfn_t b) { return a.raw == b.raw; }
static inline bool mfn_is_none(mfn_t a) { return a.raw == UINT32_MAX; }

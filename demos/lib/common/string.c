/* SPDX-License-Identifier: Apache-2.0 */
/* Words where both sides are aligned: guests run without the MMU too, where bytes are dear. */
#include "common/string.h"

#include <stdint.h>

#define UNALIGNED(a) (((uintptr_t)(a)&7) != 0)

void *memcpy(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if (!UNALIGNED(d) && !UNALIGNED(s)) {
        for (; n >= 8; n -= 8, d += 8, s += 8)
            *(uint64_t *)(void *)d = *(const uint64_t *)(const void *)s;
    }
    while (n-- != 0)
        *d++ = *s++;
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    uint8_t *d = to;
    uint64_t word = (uint8_t)byte * UINT64_C(0x0101010101010101);

    for (; n != 0 && UNALIGNED(d); n--)
        *d++ = (uint8_t)byte;
    for (; n >= 8; n -= 8, d += 8)
        *(uint64_t *)(void *)d = word;
    while (n-- != 0)
        *d++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n != 0; n--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n] != '\0')
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (int)(uint8_t)*a - (int)(uint8_t)*b;
}

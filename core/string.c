/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and string functions for Latch and libfdt, in general registers only. */
#include "core/string.h"

#include <stdint.h>

#include "core/check.h"

void *memcpy(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if ((((uintptr_t)d | (uintptr_t)s) & 7) == 0) {
        for (; n >= 32; n -= 32, d += 32, s += 32) {
            const uint64_t *s8 = (const uint64_t *)(const void *)s;
            uint64_t *d8 = (uint64_t *)(void *)d;
            uint64_t a = s8[0], b = s8[1], c = s8[2], e = s8[3];

            d8[0] = a;
            d8[1] = b;
            d8[2] = c;
            d8[3] = e;
        }
        for (; n >= 8; n -= 8, d += 8, s += 8)
            *(uint64_t *)(void *)d = *(const uint64_t *)(const void *)s;
    }
    while (n-- != 0)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if (d <= s || d >= s + n)
        return memcpy(to, from, n);
    while (n-- != 0)
        d[n] = s[n];
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    uint8_t *d = to;
    uint64_t word = (uint8_t)byte * UINT64_C(0x0101010101010101);

    for (; n != 0 && ((uintptr_t)d & 7) != 0; n--)
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

void *memchr(const void *s, int c, size_t n)
{
    const uint8_t *p = s;

    for (; n != 0; n--, p++) {
        if (*p == (uint8_t)c)
            return (void *)(uintptr_t)p;
    }
    return NULL;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n] != '\0')
        n++;
    return n;
}

size_t strnlen(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] != '\0')
        i++;
    return i;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n != 0; n--, a++, b++) {
        if (*a != *b)
            return (uint8_t)*a < (uint8_t)*b ? -1 : 1;
        if (*a == '\0')
            return 0;
    }
    return 0;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, SIZE_MAX); }

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}

char *strrchr(const char *s, int c)
{
    char *found = NULL;

    do {
        if (*s == (char)c)
            found = (char *)(uintptr_t)s;
    } while (*s++ != '\0');
    return found;
}

/* Debian's libfdt.a is built with stack protection. */
extern uintptr_t __stack_chk_guard;
extern _Noreturn void __stack_chk_fail(void);

uintptr_t __stack_chk_guard = UINT64_C(0x595e9fbd94fda766);

void __stack_chk_fail(void) { panic("stack smashed in libfdt"); }

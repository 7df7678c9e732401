/* SPDX-License-Identifier: Apache-2.0 */
/* Loops about a process's memory, in pages of 4 KiB. */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

#define HUGE      MIB(2)
#define SMALL     MIB(1)
#define BIG       MIB(64)
#define READWRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

/* Room for `size` bytes at a multiple of 2 MiB, with nothing in it. */
static unsigned char *room(size_t size)
{
    unsigned char *base = mmap(NULL, size + HUGE, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED) {
        return NULL;
    }
    size_t before = -(uintptr_t)base & (HUGE - 1);
    if (before != 0) {
        (void)munmap(base, before);
    }
    (void)munmap(base + before + size, HUGE - before);
    return base + before;
}

static void touch(unsigned char *base, size_t size)
{
    for (size_t at = 0; at < size; at += PAGE) {
        ((volatile unsigned char *)base)[at] = 1;
    }
}

unsigned char *dirty_memory(size_t size)
{
    unsigned char *base = room(size);

    if (base == NULL || mprotect(base, size, READWRITE) != 0) {
        return NULL;
    }
    (void)madvise(base, size, MADV_NOHUGEPAGE);
    touch(base, size);
    return base;
}

/* One minor fault a page: memory is mapped, touched once and unmapped. */
static int touch_pages(unsigned long count)
{
    unsigned char *base = mmap(NULL, count * PAGE, READWRITE, ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        return -1;
    }
    (void)madvise(base, count * PAGE, MADV_NOHUGEPAGE);
    touch(base, count * PAGE);
    return munmap(base, count * PAGE);
}

static int populate(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        void *base = mmap(NULL, SMALL, READWRITE, ANONYMOUS | MAP_POPULATE, -1, 0);

        clock_stop();
        if (base == MAP_FAILED || munmap(base, SMALL) != 0) {
            return -1;
        }
        clock_start();
    }
    return 0;
}

static int unmap(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        clock_stop();
        void *base = mmap(NULL, SMALL, READWRITE, ANONYMOUS | MAP_POPULATE, -1, 0);
        if (base == MAP_FAILED) {
            return -1;
        }
        clock_start();
        if (munmap(base, SMALL) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The pages of 1 MiB that a child shares are written: copied while it lives, kept after its end. */
static int write_shared(unsigned long count, bool alive)
{
    clock_stop();
    unsigned char *base = dirty_memory(SMALL);
    if (base == NULL) {
        return -1;
    }
    for (unsigned long i = 0; i < count; i++) {
        struct child child;

        if (child_begin(&child) != 0 || (!alive && child_end(&child) != 0)) {
            return -1;
        }
        clock_start();
        touch(base, SMALL);
        clock_stop();
        if (alive && child_end(&child) != 0) {
            return -1;
        }
    }
    clock_start();
    return munmap(base, SMALL);
}

static int cow_break(unsigned long count) { return write_shared(count, true); }

static int cow_reuse(unsigned long count) { return write_shared(count, false); }

static int protect(unsigned long count, size_t size)
{
    clock_stop();
    unsigned char *base = dirty_memory(size);
    if (base == NULL) {
        return -1;
    }
    clock_start();
    for (unsigned long i = 0; i < count; i++) {
        if (mprotect(base, size, (i & 1) == 0 ? PROT_READ : READWRITE) != 0) {
            return -1;
        }
    }
    clock_stop();
    int failed = munmap(base, size);
    clock_start();
    return failed;
}

static int protect_page(unsigned long count) { return protect(count, PAGE); }

static int protect_pages(unsigned long count) { return protect(count, SMALL); }

static int protect_big(unsigned long count) { return protect(count, BIG); }

/* There and back between two places, the second `offset` bytes beyond a multiple of 2 MiB. */
static int move(unsigned long count, size_t offset)
{
    clock_stop();
    unsigned char *from = dirty_memory(BIG);
    unsigned char *to = room(BIG + HUGE);
    if (from == NULL || to == NULL) {
        return -1;
    }
    to += offset;
    for (unsigned long i = 0; i < count; i++) {
        unsigned char *target = i % 2 == 0 ? to : from;

        clock_start();
        void *now = mremap(i % 2 == 0 ? from : to, BIG, BIG, MREMAP_MAYMOVE | MREMAP_FIXED, target);
        clock_stop();
        if (now != target) {
            return -1;
        }
    }
    (void)munmap(count % 2 == 0 ? from : to, BIG);
    clock_start();
    return 0;
}

static int move_aligned(unsigned long count) { return move(count, 0); }

static int move_unaligned(unsigned long count) { return move(count, 16 * PAGE); }

static int read_file(unsigned long count)
{
    unsigned char sum = 0;

    clock_stop();
    int fd = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    clock_start();
    for (unsigned long i = 0; i < count; i++) {
        unsigned char *base = mmap(NULL, SMALL, PROT_READ, MAP_PRIVATE, fd, 0);
        if (base == MAP_FAILED) {
            return -1;
        }
        for (size_t at = 0; at < SMALL; at += PAGE) {
            sum += ((volatile unsigned char *)base)[at];
        }
        if (munmap(base, SMALL) != 0) {
            return -1;
        }
    }
    (void)sum;
    return close(fd);
}

static int dont_need(unsigned long count)
{
    clock_stop();
    unsigned char *base = dirty_memory(SMALL);
    if (base == NULL) {
        return -1;
    }
    for (unsigned long i = 0; i < count; i++) {
        clock_start();
        if (madvise(base, SMALL, MADV_DONTNEED) != 0) {
            return -1;
        }
        clock_stop();
        touch(base, SMALL);
    }
    clock_start();
    return munmap(base, SMALL);
}

const struct loop memory_loops[] = {
    {"touch", touch_pages, 4096},
    {"populate", populate, 50},
    {"munmap", unmap, 50},
    {"cow_break", cow_break, 20},
    {"cow_reuse", cow_reuse, 20},
    {"mprotect_4k", protect_page, 1000},
    {"mprotect", protect_pages, 200},
    {"mprotect_64m", protect_big, 10},
    {"mremap", move_aligned, 10},
    {"mremap_off", move_unaligned, 10},
    {"file", read_file, 50},
    {"dontneed", dont_need, 50},
    {NULL, NULL, 0},
};

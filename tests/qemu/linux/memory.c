/* SPDX-License-Identifier: Apache-2.0 */
/* Address spaces: many at once, one that many threads change, and huge pages of both kinds. */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* --- Processes: all alive at once, each with pages that it shares until it writes them ---------
 */

static void one_process(unsigned char *shared, unsigned int number, int start, int ready)
{
    unsigned char *own =
        mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char byte = 0;

    need(own != MAP_FAILED);
    fill(own, 4 * PAGE, number);
    fill(shared, 2 * PAGE, number);
    need(write(ready, &byte, 1) == 1);
    need(read(start, &byte, 1) == 0); /* the parent closes its end when all are there */
    (void)check_filled(own, 4 * PAGE, number);
    (void)check_filled(shared, 2 * PAGE, number);
    (void)check_filled(shared + 2 * PAGE, 14 * PAGE, 7);
    _exit(0);
}

uint64_t processes(unsigned int count)
{
    unsigned char *shared = map_aligned(16 * PAGE, PAGE);
    int start[2], ready[2];
    char byte;

    need(pipe(start) == 0 && pipe(ready) == 0);
    fill(shared, 2 * PAGE, 3);
    fill(shared + 2 * PAGE, 14 * PAGE, 7);
    for (unsigned int i = 0; i < count; i++) {
        pid_t pid = fork();

        need(pid >= 0);
        if (pid == 0) {
            (void)close(start[1]);
            one_process(shared, i, start[0], ready[1]);
        }
    }
    for (unsigned int i = 0; i < count; i++)
        need(read(ready[0], &byte, 1) == 1);
    (void)close(start[1]);
    for (unsigned int i = 0; i < count; i++)
        wait_for_any(-1);
    (void)close(start[0]);
    (void)close(ready[0]);
    (void)close(ready[1]);
    need(munmap(shared, 16 * PAGE) == 0);
    return count;
}

/* --- Threads that map, protect, move and unmap in one address space ----------------------------
 */

#define THREADS 4
#define AREAS   6

struct area {
    unsigned char *at;
    size_t size;
    uint64_t seed;
    bool writable;
};

/* The kernel's own copy to a page that may be read only: EFAULT where a store would be a signal. */
static bool can_write(unsigned char *at)
{
    int file = open("/dev/zero", O_RDONLY);
    unsigned char old = *(volatile unsigned char *)at;
    bool good = read(file, at, 1) == 1;

    need(good || errno == EFAULT);
    if (good)
        *(volatile unsigned char *)at = old;
    (void)close(file);
    return good;
}

static void make_area(struct area *area, uint64_t *state)
{
    area->size = (1 + random_next(state) % 160) * PAGE;
    area->seed = random_next(state);
    area->writable = true;
    area->at =
        mmap(NULL, area->size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | (random_next(state) % 2 == 0 ? MAP_POPULATE : 0), -1, 0);
    need(area->at != MAP_FAILED);
    fill(area->at, area->size, area->seed);
}

static void protect_area(struct area *area)
{
    area->writable = !area->writable;
    need(mprotect(area->at, area->size, area->writable ? PROT_READ | PROT_WRITE : PROT_READ) == 0);
    need(can_write(area->at + area->size - 1) == area->writable);
}

static void move_area(struct area *area, uint64_t *state)
{
    size_t size = (1 + random_next(state) % 160) * PAGE;
    size_t old = area->size;

    area->at = mremap(area->at, old, size, MREMAP_MAYMOVE);
    need(area->at != MAP_FAILED);
    area->size = size;
    /* What is new is zero; it is filled like the rest if it can be. */
    if (size > old && !area->writable)
        protect_area(area);
    for (size_t i = old; i < size; i += PAGE) {
        need(area->at[i] == 0);
        *(volatile uint64_t *)(area->at + i) = mix(area->seed, i);
    }
}

static void *one_thread(void *argument)
{
    uint64_t *result = argument;
    unsigned int rounds = (unsigned int)*result;
    uint64_t state = *result ^ UINT64_C(0x853c49e6748fea9b);
    struct area areas[AREAS] = {0};
    uint64_t sum = 0;

    for (unsigned int i = 0; i < rounds; i++) {
        struct area *area = &areas[random_next(&state) % AREAS];

        if (area->at == NULL) {
            make_area(area, &state);
            continue;
        }
        switch (random_next(&state) % 5) {
        case 0:
            sum = mix(sum, check_filled(area->at, area->size, area->seed));
            need(munmap(area->at, area->size) == 0);
            area->at = NULL;
            break;
        case 1:
        case 2:
            protect_area(area);
            break;
        case 3:
            move_area(area, &state);
            break;
        default:
            need(madvise(area->at, area->size, MADV_DONTNEED) == 0);
            need(*(volatile uint64_t *)area->at == 0);
            if (!area->writable)
                protect_area(area);
            fill(area->at, area->size, area->seed);
            break;
        }
        if (area->at != NULL)
            sum = mix(sum, check_filled(area->at, area->size, area->seed));
    }
    for (unsigned int i = 0; i < AREAS; i++) {
        if (areas[i].at != NULL)
            need(munmap(areas[i].at, areas[i].size) == 0);
    }
    *result = sum;
    return NULL;
}

uint64_t threads(unsigned int rounds)
{
    pthread_t thread[THREADS];
    uint64_t result[THREADS];
    uint64_t sum = 0;

    for (unsigned int i = 0; i < THREADS; i++) {
        result[i] = rounds + ((uint64_t)i << 32);
        need(pthread_create(&thread[i], NULL, one_thread, &result[i]) == 0);
    }
    for (unsigned int i = 0; i < THREADS; i++) {
        need(pthread_join(thread[i], NULL) == 0);
        sum = mix(sum, result[i]);
    }
    return sum;
}

/* --- Transparent huge pages --------------------------------------------------------------------
 */

/* KiB of transparent huge pages in the mapping that starts at `at`. */
static unsigned long huge_kib(const unsigned char *at)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    unsigned long kib = 0;
    bool here = false;
    char line[256];

    need(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        char *end;
        uint64_t first = strtoull(line, &end, 16);

        if (*end == '-') /* else it is a line about the mapping whose line was the last of these */
            here = first <= (uintptr_t)at && (uintptr_t)at < strtoull(end + 1, NULL, 16);
        else if (here && strncmp(line, "AnonHugePages:", 14) == 0)
            kib = strtoul(line + 14, NULL, 10);
    }
    (void)fclose(file);
    return kib;
}

/* Four huge pages: split by protection, by unmapping, by a fork's copy; moved; merged again. */
static uint64_t huge_life(uint64_t seed)
{
    unsigned char *at = map_aligned(4 * HUGE, HUGE);
    unsigned char *moved;
    uint64_t sum = 0;
    pid_t pid;

    need(madvise(at, 4 * HUGE, MADV_HUGEPAGE) == 0);
    fill(at, 4 * HUGE, seed);
    need(huge_kib(at) == 4 * HUGE / 1024);
    need(mprotect(at + HUGE + 5 * PAGE, PAGE, PROT_READ) == 0);
    need(!can_write(at + HUGE + 5 * PAGE) && can_write(at + HUGE + 6 * PAGE));
    sum = mix(sum, check_filled(at, 4 * HUGE, seed));
    need(mprotect(at + HUGE + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    pid = fork();
    if (pid == 0) {
        fill(at, HUGE, seed + 1);
        (void)check_filled(at, HUGE, seed + 1);
        _exit(0);
    }
    wait_for(pid);
    sum = mix(sum, check_filled(at, 4 * HUGE, seed));
    /* Whole entries of level 2 change their table. */
    moved = map_aligned(4 * HUGE, HUGE);
    need(mremap(at, 4 * HUGE, 4 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, moved) == moved);
    sum = mix(sum, check_filled(moved, 4 * HUGE, seed));
    need(munmap(moved + 3 * HUGE + 8 * PAGE, 8 * PAGE) == 0);
    sum = mix(sum, check_filled(moved, 3 * HUGE, seed));
    need(munmap(moved, 4 * HUGE) == 0);
    return sum;
}

/* Small pages that become a huge one. */
static uint64_t huge_merge(uint64_t seed)
{
    unsigned char *at = map_aligned(HUGE, HUGE);
    uint64_t sum;

    need(madvise(at, HUGE, MADV_NOHUGEPAGE) == 0);
    fill(at, HUGE, seed);
    need(huge_kib(at) == 0);
    need(madvise(at, HUGE, MADV_HUGEPAGE) == 0);
    need(madvise(at, HUGE, MADV_COLLAPSE) == 0);
    need(huge_kib(at) == HUGE / 1024);
    sum = check_filled(at, HUGE, seed);
    need(munmap(at, HUGE) == 0);
    return sum;
}

uint64_t transparent(unsigned int rounds)
{
    static const char *const modes[] = {"madvise", "always"};
    uint64_t sum = 0;

    for (unsigned int i = 0; i < 2 * rounds; i++) {
        set_file(THP "enabled", modes[i % 2]);
        sum = mix(sum, huge_life(i + 1));
        sum = mix(sum, huge_merge(i + 1));
    }
    set_file(THP "enabled", "always");
    return sum;
}

/* --- Pages of 64 KiB are contiguous entries of level 3, those of 2 MiB blocks -------------------
 */

static uint64_t hugetlb_life(size_t size, unsigned int log2_size, uint64_t seed)
{
    const size_t total = 3 * size;
    unsigned char *at =
        mmap(NULL, total, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (int)(log2_size << 26), -1, 0);
    uint64_t sum;
    pid_t pid;

    need(at != MAP_FAILED);
    fill(at, total, seed);
    pid = fork();
    if (pid == 0) {
        fill(at, size, seed + 1); /* a copy: the one page of these that is free still */
        (void)check_filled(at, size, seed + 1);
        _exit(0);
    }
    wait_for(pid);
    need(mprotect(at, total, PROT_READ) == 0);
    need(!can_write(at));
    need(mprotect(at, total, PROT_READ | PROT_WRITE) == 0);
    need(can_write(at + total - 1));
    sum = check_filled(at, total, seed);
    need(munmap(at, total) == 0);
    return sum;
}

uint64_t hugetlb(unsigned int rounds)
{
    uint64_t sum = 0;

    set_file("/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages", "8");
    set_file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "8");
    for (unsigned int i = 0; i < rounds; i++) {
        sum = mix(sum, hugetlb_life(KIB(64), 16, i));
        sum = mix(sum, hugetlb_life(HUGE, 21, i));
    }
    set_file("/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages", "0");
    set_file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0");
    return sum;
}

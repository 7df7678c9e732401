/* SPDX-License-Identifier: Apache-2.0 */
/* What makes the kernel change its own mappings and text: modules, BPF, tracing; and CPUs. */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"

/* --- Modules ---------------------------------------------------------------------------------- */

/* Is the initramfs one for this kernel? Another kernel's modules do not fit. */
static bool has_modules(void)
{
    struct utsname name;
    char release[128];

    need(uname(&name) == 0);
    read_line("/lib/modules/release", release, sizeof(release));
    return strcmp(name.release, release) == 0;
}

static void load(const char *name)
{
    char path[64];
    int file;

    (void)snprintf(path, sizeof(path), "/lib/modules/%s.ko", name);
    file = open(path, O_RDONLY);
    if (file < 0 || syscall(SYS_finit_module, file, "", 0) != 0)
        fail("cannot load %s", path);
    (void)close(file);
}

static void unload(const char *name)
{
    if (syscall(SYS_delete_module, name, O_NONBLOCK) != 0)
        fail("cannot unload %s", name);
}

uint64_t modules(unsigned int rounds)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < 4 * rounds && has_modules(); i++) {
        char state[16];

        load("dummy");
        read_line("/sys/module/dummy/initstate", state, sizeof(state));
        need(strcmp(state, "live") == 0);
        unload("dummy");
        sum++;
    }
    return sum;
}

/* --- Memory pressure: twice as much is written as there is, and what does not fit is compressed -
 */

static void start_swap(unsigned int mib)
{
    char size[32];

    load("zsmalloc");
    load("lzo");
    load("lzo-rle");
    load("zram");
    (void)snprintf(size, sizeof(size), "%uM", mib);
    set_file("/sys/block/zram0/disksize", size);
    shell("mkswap /dev/zram0 >/dev/null");
    need(swapon("/dev/zram0", 0) == 0);
}

static void stop_swap(void)
{
    need(swapoff("/dev/zram0") == 0);
    set_file("/sys/block/zram0/reset", "1");
    unload("zram");
    unload("lzo_rle");
    unload("lzo");
    unload("zsmalloc");
}

static unsigned long swapped_out(void)
{
    FILE *file = fopen("/proc/vmstat", "r");
    unsigned long count = 0;
    char line[128];

    need(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "pswpout ", 8) == 0)
            count = strtoul(line + 8, NULL, 10);
    }
    (void)fclose(file);
    return count;
}

/* Pages that were asked to leave, by advice and because others want their place, are all there. */
uint64_t reclaim(unsigned int mib)
{
    size_t size = MIB(mib);
    unsigned char *at;
    uint64_t sum = 0;
    pid_t pid;

    if (!has_modules())
        return 0;
    start_swap(4 * mib);
    at = map_aligned(size, HUGE);
    fill(at, size, 1);
    pid = fork();
    if (pid == 0) {
        fill(at, size / 4, 2);
        need(madvise(at, size / 2, MADV_PAGEOUT) == 0);
        (void)check_filled(at, size / 4, 2);
        _exit(0);
    }
    wait_for(pid);
    for (unsigned int i = 0; i < 2; i++) {
        need(madvise(at, size, MADV_PAGEOUT) == 0);
        sum = mix(sum, check_filled(at, size, 1));
    }
    (void)write_file("/proc/sys/vm/compact_memory", "1");
    set_file("/proc/sys/vm/drop_caches", "3");
    sum = mix(sum, check_filled(at, size, 1));
    need(swapped_out() >= size / PAGE);
    need(munmap(at, size) == 0);
    stop_swap();
    return sum;
}

/* --- BPF: each program is text of its own, while it is there -----------------------------------
 */

#define INSTRUCTION(op, dst, src, offset, value)                                                   \
    ((struct bpf_insn){                                                                            \
        .code = (op), .dst_reg = (dst), .src_reg = (src), .off = (offset), .imm = (value)})

static int bpf_call(unsigned int command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* r0 = length of the packet * 3 + value, in a loop that the JIT compiles. */
static int bpf_load(int value)
{
    const struct bpf_insn program[] = {
        INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0), /* r2 = skb->len */
        INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value),
        INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 3),
        INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_X, 0, 2, 0, 0),
        INSTRUCTION(BPF_ALU64 | BPF_SUB | BPF_K, 3, 0, 0, 1),
        INSTRUCTION(BPF_JMP | BPF_JNE | BPF_K, 3, 0, -3, 0),
        INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr attributes = {0};
    int file;

    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = (uintptr_t)program;
    attributes.insn_cnt = sizeof(program) / sizeof(program[0]);
    attributes.license = (uintptr_t) "GPL";
    file = bpf_call(BPF_PROG_LOAD, &attributes);
    need(file >= 0);
    return file;
}

static uint32_t bpf_run(int program)
{
    unsigned char packet[64] = {0};
    union bpf_attr attributes = {0};

    attributes.test.prog_fd = (uint32_t)program;
    attributes.test.data_in = (uintptr_t)packet;
    attributes.test.data_size_in = sizeof(packet);
    need(bpf_call(BPF_PROG_TEST_RUN, &attributes) == 0);
    return attributes.test.retval;
}

uint64_t bpf(unsigned int count)
{
    int *program = calloc(count, sizeof(*program));
    uint64_t sum = 0;

    need(program != NULL);
    /* Off by default where unprivileged programs are; then there is no text to look at. */
    (void)write_file("/proc/sys/net/core/bpf_jit_enable", "1");
    for (unsigned int i = 0; i < count; i++)
        program[i] = bpf_load((int)i);
    /* The Ethernet header is none of the packet's length. */
    for (unsigned int i = 0; i < count; i++) {
        uint32_t found = bpf_run(program[i]);

        if (found != i + 3 * 50 && found != i + 3 * 64)
            fail("program %u gives %u", i, found);
        sum = mix(sum, found);
    }
    for (unsigned int i = 0; i < count; i++)
        (void)close(program[i]);
    free(program);
    return sum;
}

/* --- Tracing: call sites, static branches and breakpoints in the kernel's text ------------------
 */

static void trace(const char *tracer, const char *event)
{
    set_file(TRACING "current_tracer", tracer);
    set_file(TRACING "events/sched/enable", event);
    set_file(TRACING "events/syscalls/enable", event);
}

uint64_t tracing(unsigned int rounds)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < rounds; i++) {
        set_file(TRACING "set_ftrace_filter", "do_*");
        trace("function", "1");
        shell("true");
        trace("nop", "0");
        set_file(TRACING "set_ftrace_filter", "");
        set_file(TRACING "kprobe_events", "p:storm do_sys_openat2");
        set_file(TRACING "events/kprobes/storm/enable", "1");
        shell("true");
        set_file(TRACING "events/kprobes/storm/enable", "0");
        set_file(TRACING "kprobe_events", "");
        set_file(TRACING "trace", "");
        sum++;
    }
    return sum;
}

/* --- Commands --------------------------------------------------------------------------------- */

uint64_t pipeline(unsigned int lines)
{
    char digest[64];

    shell("mkdir -p /tmp/p/d && cd /tmp/p && seq 1 %u | sort -r >d/a && gzip -c d/a >d/b.gz && "
          "for i in 1 2 3 4 5 6 7 8; do cp d/a d/$i; done",
          lines);
    shell("cd /tmp/p && tar cf - d | gzip | gunzip | tar xf - -O d/3 | sort -n | md5sum >m");
    shell("cd /tmp/p && seq 1 %u | md5sum | cmp - m", lines);
    shell("cd /tmp/p && gunzip -c d/b.gz | cmp - d/7 && find d -type f | wc -l | grep -q 10");
    read_line("/tmp/p/m", digest, sizeof(digest));
    shell("rm -r /tmp/p");
    return strtoull(digest, NULL, 16) ^ strtoull(digest + 16, NULL, 16);
}

/* --- CPUs that leave and come back --------------------------------------------------------------
 */

uint64_t hotplug(unsigned int rounds)
{
    static const char online[] = "/sys/devices/system/cpu/cpu1/online";
    uint64_t sum = 0;

    for (unsigned int i = 0; i < rounds && access(online, F_OK) == 0; i++) {
        set_file(online, "0");
        sum = mix(sum, threads(20));
        set_file(online, "1");
        sum = mix(sum, threads(20));
    }
    return sum;
}

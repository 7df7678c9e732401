/* SPDX-License-Identifier: Apache-2.0 */
/* Loops of a shell's command lines, each with several processes. */
#include <unistd.h>

#include "workload.h"

static int shell(unsigned long count, const char *line)
{
    for (unsigned long i = 0; i < count; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            (void)execl("/bin/sh", "sh", "-c", line, NULL);
            _exit(1);
        }
        if (wait_for(pid) != 0) {
            return -1;
        }
    }
    return 0;
}

static int find_sort(unsigned long count)
{
    return shell(count, "find /bin /etc /lib | sort | md5sum >/dev/null");
}

static int tar_tar(unsigned long count)
{
    return shell(count, "mkdir -p /tmp/tar && tar -cf - -C /bin busybox | tar -xf - -C /tmp/tar && "
                        "rm -r /tmp/tar");
}

static int gzip(unsigned long count)
{
    return shell(count, "dd if=/bin/busybox bs=64k count=4 2>/dev/null | gzip | gunzip | wc -c "
                        ">/dev/null");
}

const struct loop command_loops[] = {
    {"find_sort", find_sort, 3},
    {"tar_tar", tar_tar, 3},
    {"gzip", gzip, 2},
    {NULL, NULL, 0},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process of the Linux guest. What it does is chosen on the kernel command line:
 *
 *   latch.mode=demo    real commands, one after another, then power off (default)
 *   latch.mode=bench   the timed loops of workload.c, then power off; latch.loops=NAME,NAME...
 *                      chooses some of them
 *   latch.mode=storm   `storm` with the words of latch.storm=, which commas part; then power off
 *   latch.mode=attack  `attack` with the words of latch.attack=, in the same way
 *   latch.mode=shell   an interactive shell on the console
 *   latch.mode=reset   a few commands, then a reboot: the hypervisor restarts this guest
 *   latch.mode=idle    sleep for ever
 *
 * Every step prints what it found; the line "linux: all work done" means that all of them
 * succeeded, "linux: FAILED" names the one that did not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORDS 32

static const char *const commands[] = {
    "uname -a",
    "cat /proc/cmdline",
    "grep -m 5 . /proc/cpuinfo",
    "head -n 3 /proc/meminfo",
    "ls -l /",
    "test \"$(dd if=/dev/zero bs=64k count=16 2>/dev/null | md5sum)\" = "
    "\"b6d81b360a5672d80c27430f39153e2c  -\"",
    "dd if=/dev/urandom of=/tmp/a bs=64k count=8 2>/dev/null && gzip -k /tmp/a && mv /tmp/a /tmp/b "
    "&& gunzip /tmp/a.gz && cmp /tmp/a /tmp/b && echo 'gzip: 512 KiB there and back'",
    "i=0; while [ $i -lt 50 ]; do busybox true || exit 1; i=$((i+1)); done; "
    "echo \"fork and exec: $i processes\"",
    "seq 1 2000 | sort -r | sort -n | tail -n 1",
};

static const char *const reset_commands[] = {
    "uname -r",
    "i=0; while [ $i -lt 5 ]; do busybox true || exit 1; i=$((i+1)); done",
};

static void mount_or_say(const char *type, const char *where)
{
    if (mount(type, where, type, 0, NULL) != 0 && errno != EBUSY) {
        printf("linux: cannot mount %s: %s\n", where, strerror(errno));
    }
}

/* The console is opened again because /dev/console needs devtmpfs on a kernel without the node. */
static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR);

    if (fd < 0) {
        return;
    }
    for (int i = 0; i < 3; i++) {
        (void)dup2(fd, i);
    }
    if (fd > 2) {
        (void)close(fd);
    }
}

/* Copies the value of a command line word "name=value"; false if the word is not there. */
static bool command_line_word(const char *name, char *value, size_t size)
{
    char line[2048];
    FILE *file = fopen("/proc/cmdline", "r");
    char *save = NULL;
    bool found = false;

    if (file == NULL) {
        return false;
    }
    if (fgets(line, sizeof(line), file) != NULL) {
        for (char *word = strtok_r(line, " \n", &save); word != NULL;
             word = strtok_r(NULL, " \n", &save)) {
            size_t length = strlen(name);

            if (strncmp(word, name, length) == 0 && word[length] == '=') {
                (void)snprintf(value, size, "%s", word + length + 1);
                found = true;
            }
        }
    }
    (void)fclose(file);
    return found;
}

/* The exit status of a program, or 255 if it could not be run or was killed. */
static int run(char *const argv[])
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        (void)execv(argv[0], argv);
        _exit(255);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return 255;
    }
    return WEXITSTATUS(status);
}

static bool run_commands(const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char command[512];

        (void)snprintf(command, sizeof(command), "%s", list[i]);
        printf("linux: $ %.60s\n", command);
        (void)fflush(stdout);
        int status = run((char *[]){"/bin/sh", "-c", command, NULL});
        if (status != 0) {
            printf("linux: FAILED with status %d: %s\n", status, command);
            return false;
        }
    }
    return true;
}

/* A program, with the words of a command line word, between which are commas, as its arguments. */
static bool run_with(char *program, const char *name)
{
    char words[256] = "";
    char *argv[MAX_WORDS + 2] = {program};
    int argc = 1;

    (void)command_line_word(name, words, sizeof(words));
    for (char *word = strtok(words, ","); word != NULL && argc <= MAX_WORDS;
         word = strtok(NULL, ",")) {
        argv[argc++] = word;
    }
    int status = run(argv);

    if (status != 0) {
        printf("linux: FAILED with status %d: %s\n", status, program);
    }
    return status == 0;
}

static void shell(void)
{
    (void)setsid();
    printf("linux: a shell; `poweroff -f` ends this guest\n");
    (void)fflush(stdout);
    for (;;) {
        (void)run((char *[]){"/bin/busybox", "setsid", "-c", "/bin/sh", "-l", NULL});
    }
}

int main(void)
{
    char mode[16] = "demo";
    bool good = true;

    mount_or_say("proc", "/proc");
    mount_or_say("sysfs", "/sys");
    mount_or_say("devtmpfs", "/dev");
    mount_or_say("tmpfs", "/tmp");
    open_console();
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)setenv("PATH", "/bin", 1);
    (void)setenv("HOME", "/", 1);
    (void)setenv("PS1", "linux# ", 1);
    (void)run((char *[]){"/bin/busybox", "--install", "-s", "/bin", NULL});
    (void)command_line_word("latch.mode", mode, sizeof(mode));
    printf("linux: user space is up, mode %s\n", mode);

    if (strcmp(mode, "shell") == 0) {
        shell();
    } else if (strcmp(mode, "idle") == 0) {
        for (;;) {
            (void)pause();
        }
    } else if (strcmp(mode, "bench") == 0) {
        good = run_with("/bin/workload", "latch.loops");
    } else if (strcmp(mode, "storm") == 0) {
        good = run_with("/bin/storm", "latch.storm");
    } else if (strcmp(mode, "attack") == 0) {
        good = run_with("/bin/attack", "latch.attack");
    } else if (strcmp(mode, "reset") == 0) {
        good = run_commands(reset_commands, sizeof(reset_commands) / sizeof(reset_commands[0]));
    } else if (strcmp(mode, "demo") == 0) {
        good = run_commands(commands, sizeof(commands) / sizeof(commands[0]));
    } else {
        printf("linux: FAILED: latch.mode=%s is unknown\n", mode);
        good = false;
    }
    if (good) {
        printf("linux: all work done\n");
    }
    (void)fflush(stdout);
    sync();
    (void)reboot(strcmp(mode, "reset") == 0 ? RB_AUTOBOOT : RB_POWER_OFF);
    return 1;
}

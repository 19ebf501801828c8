/* Writes down what a program does to the files below a directory: preloaded, it sees each call of
 * the C library that changes a file, does it, and appends it to a log.
 *
 *   POWER_ROOT=DIR POWER_LOG=FILE LD_PRELOAD=recorder.so program
 *
 * A record: one letter (w write, t truncate, s sync, u unlink), length of the path, offset or new
 * size, length of the data, each 8 bytes little-endian; then path and data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

static int log_fd = -1;
static const char *root;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_LOG");
    root = getenv("POWER_ROOT");
    if (path && root) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void note(char kind, const char *path, uint64_t where, const void *data, uint64_t size) {
    char head[25];
    uint64_t length = strlen(path);
    if (log_fd < 0 || strncmp(path, root, strlen(root))) return;
    head[0] = kind;
    memcpy(head + 1, &length, 8);
    memcpy(head + 9, &where, 8);
    memcpy(head + 17, &size, 8);
    REAL(write, log_fd, head, sizeof head);
    REAL(write, log_fd, path, length);
    if (size) REAL(write, log_fd, data, size);
}

static void note_fd(char kind, int fd, uint64_t where, const void *data, uint64_t size) {
    char link[64], path[4096];
    ssize_t length;
    if (log_fd < 0 || fd == log_fd) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    note(kind, path, where, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    ssize_t done = REAL(pwrite64, fd, data, size, at);
    if (done > 0) note_fd('w', fd, at, data, done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    ssize_t done = REAL(pwrite, fd, data, size, at);
    if (done > 0) note_fd('w', fd, at, data, done);
    return done;
}

ssize_t write(int fd, const void *data, size_t size) {
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = REAL(write, fd, data, size);
    if (done > 0 && at >= 0) note_fd('w', fd, at, data, done);
    return done;
}

int ftruncate64(int fd, off64_t size) {
    int failed = REAL(ftruncate64, fd, size);
    if (!failed) note_fd('t', fd, size, 0, 0);
    return failed;
}

int ftruncate(int fd, off_t size) {
    int failed = REAL(ftruncate, fd, size);
    if (!failed) note_fd('t', fd, size, 0, 0);
    return failed;
}

int fsync(int fd) {
    int failed = REAL(fsync, fd);
    if (!failed) note_fd('s', fd, 0, 0, 0);
    return failed;
}

int fdatasync(int fd) {
    int failed = REAL(fdatasync, fd);
    if (!failed) note_fd('s', fd, 0, 0, 0);
    return failed;
}

int unlink(const char *path) {
    int failed = REAL(unlink, path);
    if (!failed) note('u', path, 0, 0, 0);
    return failed;
}

/* scratch.h -- a directory of a test's own, and what it does to files in it. */

#ifndef SCRATCH_H
#define SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"

static char scratch[256];

static inline void
scratch_make(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(scratch, sizeof scratch, "%s/touchline-XXXXXX", tmp != NULL ? tmp : "/tmp");
    must(mkdtemp(scratch) != NULL);
}

static inline const char *
scratch_path(const char *name)
{
    static char path[2][512];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", scratch, name);
    return path[turn];
}

/* The files whose name contains `part`; the first one's name in `first`. */
static inline int
scratch_count(const char *part, char first[256])
{
    DIR *d = opendir(scratch);
    struct dirent *entry;
    int count = 0;

    must(d != NULL);
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.' || strstr(entry->d_name, part) == NULL)
            continue;
        if (first != NULL && (count == 0 || strcmp(entry->d_name, first) < 0))
            strcpy(first, entry->d_name);
        count++;
    }
    closedir(d);
    return count;
}

static inline void
scratch_remove(const char *part)
{
    char name[256];

    while (scratch_count(part, name) > 0)
        must(unlink(scratch_path(name)) == 0);
}

static inline void
scratch_end(void)
{
    scratch_remove("");
    must(rmdir(scratch) == 0);
}

/* Before and after a test, as cmocka calls them. */
static inline int
scratch_set_up(void **state)
{
    (void)state;
    scratch_make();
    return 0;
}

static inline int
scratch_tear_down(void **state)
{
    (void)state;
    scratch_end();
    return 0;
}

/* No file may grow beyond this, as on a full disk; 0: any may. */
static inline void
scratch_limit(size_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    must(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes != 0 ? bytes : limit.rlim_max;
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static inline size_t
scratch_size(const char *name)
{
    struct stat st;

    must(stat(scratch_path(name), &st) == 0);
    return (size_t)st.st_size;
}

static inline void
scratch_read(const char *name, void *bytes, size_t len, size_t at)
{
    int fd = open(scratch_path(name), O_RDONLY);

    must(fd >= 0 && pread(fd, bytes, len, (off_t)at) == (ssize_t)len);
    close(fd);
}

static inline void
scratch_write(const char *name, const void *bytes, size_t len, size_t at)
{
    int fd = open(scratch_path(name), O_WRONLY | O_CREAT, 0600);

    must(fd >= 0 && pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len);
    close(fd);
}

static inline void
scratch_flip(const char *name, size_t at)
{
    unsigned char byte;

    scratch_read(name, &byte, 1, at);
    byte ^= 0x10;
    scratch_write(name, &byte, 1, at);
}

#endif

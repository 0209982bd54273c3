#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/code.h"

int
file_code(int err)
{
    return err == ENOSPC || err == EDQUOT || err == EFBIG ? TL_NO_SPACE : TL_EIO;
}

int
file_write(int fd, const void *bytes, size_t len, uint64_t at, size_t *written)
{
    size_t done = 0;
    int err = 0;

    while (done < len && err == 0) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(at + done));

        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            err = TL_EIO;
        else if (errno != EINTR)
            err = file_code(errno);
    }
    if (written != NULL)
        *written = done;
    return err;
}

int
file_zero(int fd, uint64_t at, uint64_t len)
{
    static const char zeros[65536];

    while (len > 0) {
        size_t part = len < sizeof zeros ? (size_t)len : sizeof zeros;
        int err = file_write(fd, zeros, part, at, NULL);

        if (err != 0)
            return err;
        at += part;
        len -= part;
    }
    return 0;
}

/* An fsync that failed has lost what it was to write, whatever its errno. */
int
file_sync(int fd)
{
    return fsync(fd) == 0 ? 0 : TL_EIO;
}

int
file_rename(int dir, const char *from, const char *to)
{
    if (renameat(dir, from, dir, to) != 0)
        return file_code(errno);
    return file_sync(dir);
}

/* A new directory is only there for good when its parent says so. */
static int
sync_parent(int dir)
{
    int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err;

    if (parent < 0)
        return file_code(errno);
    err = file_sync(parent);
    close(parent);
    return err;
}

/* One that was there may have been made by a start that died before its sync; not
 * to be let into the parent says that somebody else made it. */
int
file_open_dir(const char *path, int *dir)
{
    bool made = mkdir(path, 0700) == 0;
    int err;

    if (!made && errno != EEXIST)
        return file_code(errno);
    if ((*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return file_code(errno);
    if ((err = sync_parent(*dir)) != 0 && (made || errno != EACCES)) {
        close(*dir);
        *dir = -1;
        return err;
    }
    return 0;
}

int
file_list(int dir, int (*each)(void *arg, const char *name), void *arg)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int err = 0;

    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return TL_EIO;
    }
    while (err == 0 && (errno = 0, entry = readdir(d)) != NULL)
        err = each(arg, entry->d_name);
    if (err == 0 && errno != 0)
        err = TL_EIO;
    closedir(d);
    return err;
}

static int
remove_unfinished(void *arg, const char *name)
{
    size_t len = strlen(name);

    if (len < 4 || strcmp(name + len - 4, ".tmp") != 0)
        return 0;
    return unlinkat(*(int *)arg, name, 0) == 0 ? 0 : file_code(errno);
}

int
file_remove_unfinished(int dir)
{
    return file_list(dir, remove_unfinished, &dir);
}

#include "broker/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/must.h"
#include "proto/code.h"
#include "store/file.h"

#define NAME_BYTES 32

/* What is behind the last whole line is written over. */
static int
read_lines(struct lines *l, void (*each)(void *arg, char *line), void *arg)
{
    FILE *f = fdopen(dup(l->fd), "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool failed;

    if (f == NULL)
        return errno;
    while ((len = getline(&line, &cap, f)) > 0 && line[len - 1] == '\n') {
        l->bytes += (uint64_t)len;
        line[len - 1] = '\0';
        each(arg, line);
    }
    failed = ferror(f);
    free(line);
    fclose(f);
    return failed ? EIO : 0;
}

int
lines_open(struct lines *l, const char *dir, const char *name,
           void (*each)(void *arg, char *line), void *arg)
{
    *l = (struct lines){.name = name, .fd = -1};
    if ((l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
        (l->fd = openat(l->dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return errno;
    return read_lines(l, each, arg);
}

void
lines_close(struct lines *l)
{
    if (l->fd >= 0)
        close(l->fd);
    if (l->dir >= 0)
        close(l->dir);
    l->fd = l->dir = -1;
}

static int
write_at(int fd, const struct buf *text, uint64_t at)
{
    int err;

    must(!text->failed);
    err = file_write(fd, text->ptr, text->len, at, NULL);
    return err != 0 ? err : file_sync(fd);
}

int
lines_add(struct lines *l, const struct buf *text)
{
    int err = write_at(l->fd, text, l->bytes);

    if (err == 0)
        l->bytes += text->len;
    /* Half a line would swallow the next one. */
    else if (err == TL_NO_SPACE && ftruncate(l->fd, (off_t)l->bytes) != 0)
        err = TL_EIO;
    return err;
}

bool
lines_grown(const struct lines *l)
{
    return l->bytes > LINES_BYTES_MAX && l->bytes > 2 * l->anew;
}

/* Beside the old one, which does until it is there. */
int
lines_write_anew(struct lines *l, const struct buf *text)
{
    char temporary[NAME_BYTES];
    int fd, err;

    must(snprintf(temporary, sizeof temporary, "%s.tmp", l->name) < NAME_BYTES);
    fd = openat(l->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_code(errno);
    if ((err = write_at(fd, text, 0)) == 0)
        err = file_rename(l->dir, temporary, l->name);
    if (err != 0) {
        unlinkat(l->dir, temporary, 0);
        close(fd);
        return err;
    }
    close(l->fd);
    l->fd = fd;
    l->bytes = l->anew = text->len;
    return 0;
}

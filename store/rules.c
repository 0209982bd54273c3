#include "store/rules.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/must.h"
#include "proto/code.h"
#include "store/file.h"

#define UNFINISHED "next.tmp"
#define NAME_BYTES 32

struct rules {
    int dir;
    char *path;
    uint64_t *from;         /* ascending */
    size_t count;
    struct buf last;        /* the latest, as it is kept */
};

/* ------------------------------------------------------------------- files */

static void
name_of(char out[NAME_BYTES], uint64_t from)
{
    snprintf(out, NAME_BYTES, "%016" PRIx64 ".conf", from);
}

static int
ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void
add(struct rules *r, uint64_t from)
{
    if (r->count > 0 && r->from[r->count - 1] == from)
        return;
    must((r->from = realloc(r->from, (r->count + 1) * sizeof r->from[0])) != NULL);
    r->from[r->count++] = from;
}

static int
add_name(void *arg, const char *name)
{
    struct rules *r = arg;
    char again[NAME_BYTES];
    uint64_t from = strtoull(name, NULL, 16);

    name_of(again, from);
    if (strcmp(name, again) == 0)
        add(r, from);
    return 0;
}

static int
read_last(struct rules *r)
{
    char name[NAME_BYTES], piece[4096];
    ssize_t n;
    int fd;

    if (r->count == 0)
        return 0;
    name_of(name, r->from[r->count - 1]);
    if ((fd = openat(r->dir, name, O_RDONLY | O_CLOEXEC)) < 0)
        return TL_EIO;
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_append(&r->last, piece, (size_t)n);
    close(fd);
    must(!r->last.failed);
    return n < 0 ? TL_EIO : 0;
}

static int
write_file(struct rules *r, const struct buf *text, uint64_t from)
{
    char name[NAME_BYTES];
    int err, fd = openat(r->dir, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return TL_EIO;
    name_of(name, from);
    if ((err = file_write(fd, text->ptr, text->len, 0, NULL)) == 0)
        err = file_sync(fd);
    close(fd);
    return err != 0 ? err : file_rename(r->dir, UNFINISHED, name);
}

/* ------------------------------------------------------------ open and close */

int
rules_open(struct rules **out, const char *dir)
{
    struct rules *r = calloc(1, sizeof *r);
    int err;

    must(r != NULL);
    r->dir = -1;
    must((r->path = strdup(dir)) != NULL);
    if ((err = file_open_dir(dir, &r->dir)) == 0 && (err = file_remove_unfinished(r->dir)) == 0 &&
        (err = file_list(r->dir, add_name, r)) == 0) {
        if (r->count > 1)
            qsort(r->from, r->count, sizeof r->from[0], ascending);
        err = read_last(r);
    }
    if (err != 0)
        rules_close(&r);
    *out = r;
    return err;
}

void
rules_close(struct rules **r)
{
    if (*r == NULL)
        return;
    if ((*r)->dir >= 0)
        close((*r)->dir);
    free((*r)->path);
    free((*r)->from);
    buf_free(&(*r)->last);
    free(*r);
    *r = NULL;
}

/* ------------------------------------------------------------------- keeping */

int
rules_keep(struct rules *r, const struct policy *p, uint64_t from)
{
    struct buf text = {0};
    int err = 0;

    policy_write(p, &text);
    must(!text.failed);
    if (r->count == 0 || text.len != r->last.len ||
        memcmp(text.ptr, r->last.ptr, text.len) != 0) {
        if ((err = write_file(r, &text, from)) == 0) {
            add(r, from);
            buf_free(&r->last);
            r->last = text;
            text = (struct buf){0};
        }
    }
    buf_free(&text);
    return err;
}

bool
rules_find(const struct rules *r, uint64_t number, char path[RULES_PATH_BYTES])
{
    char name[NAME_BYTES];
    size_t i = r->count;

    while (i > 0 && r->from[i - 1] > number)
        i--;
    if (i == 0)
        return false;
    name_of(name, r->from[i - 1]);
    snprintf(path, RULES_PATH_BYTES, "%s/%s", r->path, name);
    return true;
}

#include "tests/fault/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

/* A file or a directory; its descriptor is our own, so it stays what it is. */
struct node {
    struct node *next;
    dev_t dev;
    ino_t ino;
    int fd;
};

enum kind { BYTES, MADE, RENAMED, REMOVED };

struct undo {
    enum kind kind;
    struct node *node;
    uint64_t when;
    off_t at;
    size_t len;             /* written */
    unsigned char *old;     /* what was there before, */
    size_t old_len;         /* of that as much as there was */
    off_t old_size;
    unsigned char *new;     /* only while it is taken back */
    off_t new_size;
    char *name;
    char *to;
    long stashed;           /* -1: nothing */
    bool given_up;          /* no sync makes it durable any more */
};

static struct node *nodes;
static struct undo *list;
static size_t count, room;
static uint64_t now;
static long stashes;
static int stash = -1;

static void
demand(bool holds, const char *what)
{
    if (holds)
        return;
    dprintf(STDERR_FILENO, "shim: %s: %s\n", what, strerror(errno));
    _exit(98);
}

/* -------------------------------------------------------------- the disk */

/* Past our own interposers. */

static int
raw_open(int dir, const char *path, int flags)
{
    return (int)syscall(SYS_openat, dir, path, flags | O_CLOEXEC, 0600);
}

static int
raw_rename(int from_dir, const char *from, int to_dir, const char *to)
{
    return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

static void
read_back(int fd, unsigned char *bytes, size_t len, off_t at)
{
    demand(syscall(SYS_pread64, fd, bytes, len, at) == (long)len, "cannot read what was there");
}

static void
put(int fd, const unsigned char *bytes, size_t len, off_t at)
{
    demand(syscall(SYS_pwrite64, fd, bytes, len, at) == (long)len, "cannot put back");
}

static off_t
size_of(int fd)
{
    struct stat st;

    demand(fstat(fd, &st) == 0, "cannot stat");
    return st.st_size;
}

static void
resize(int fd, off_t size)
{
    if (size_of(fd) != size)
        demand(syscall(SYS_ftruncate, fd, size) == 0, "cannot resize");
}

/* ----------------------------------------------------------------- nodes */

static struct node *
node_of(const struct stat *st, const char *path, int flags)
{
    struct node *n;

    for (n = nodes; n != NULL; n = n->next)
        if (n->dev == st->st_dev && n->ino == st->st_ino)
            return n;
    n = calloc(1, sizeof *n);
    demand(n != NULL, "memory");
    *n = (struct node){nodes, st->st_dev, st->st_ino, raw_open(AT_FDCWD, path, flags)};
    demand(n->fd >= 0, path);
    nodes = n;
    return n;
}

static struct node *
node_of_file(int fd)
{
    char path[64];
    struct stat st;

    demand(fstat(fd, &st) == 0, "cannot stat");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return node_of(&st, path, O_RDWR);
}

static struct node *
node_of_parent(const char *path)
{
    char parent[PATH_MAX];
    struct stat st;

    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    demand(stat(parent, &st) == 0, parent);
    return node_of(&st, parent, O_RDONLY | O_DIRECTORY);
}

static char *
name_of(const char *path)
{
    char *name = strdup(strrchr(path, '/') + 1);

    demand(name != NULL, "memory");
    return name;
}

/* --------------------------------------------------------------- records */

static struct undo *
add(enum kind kind, struct node *node)
{
    if (count == room) {
        room = room * 2 + 64;
        list = realloc(list, room * sizeof *list);
        demand(list != NULL, "memory");
    }
    list[count] = (struct undo){.kind = kind, .node = node, .when = ++now, .stashed = -1};
    return &list[count++];
}

static void
stash_name(char out[32], long number)
{
    snprintf(out, 32, "%ld", number);
}

static void
let_go(struct undo *u)
{
    char name[32];

    stash_name(name, u->stashed);
    if (u->stashed >= 0 && syscall(SYS_unlinkat, stash, name, 0) != 0)
        syscall(SYS_unlinkat, stash, name, AT_REMOVEDIR);
    free(u->old);
    free(u->new);
    free(u->name);
    free(u->to);
}

void
undo_start(const char *path)
{
    demand(syscall(SYS_mkdirat, AT_FDCWD, path, 0700) == 0 || errno == EEXIST, path);
    demand((stash = raw_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY)) >= 0, path);
}

static void
keep(struct undo *u, off_t at, size_t len, off_t size)
{
    u->at = at;
    u->old_size = size;
    u->old_len = at >= size ? 0 : size - at < (off_t)len ? (size_t)(size - at) : len;
    if (u->old_len == 0)
        return;
    demand((u->old = malloc(u->old_len)) != NULL, "memory");
    read_back(u->node->fd, u->old, u->old_len, at);
}

void
undo_bytes(int fd, off_t at, size_t len, off_t size)
{
    struct undo *u = add(BYTES, node_of_file(fd));

    u->len = len;
    keep(u, at, len, size);
}

void
undo_cut(int fd, off_t to, off_t size)
{
    keep(add(BYTES, node_of_file(fd)), to, size > to ? (size_t)(size - to) : 0, size);
}

void
undo_made(const char *path)
{
    add(MADE, node_of_parent(path))->name = name_of(path);
}

int
undo_rename(const char *from, const char *to)
{
    struct undo *u = add(RENAMED, node_of_parent(to));
    char name[32];

    demand(node_of_parent(from) == u->node, "renamed across directories");
    u->name = name_of(from);
    u->to = name_of(to);
    stash_name(name, stashes);
    if (syscall(SYS_linkat, u->node->fd, u->to, stash, name, 0) == 0)
        u->stashed = stashes++;
    if (raw_rename(u->node->fd, u->name, u->node->fd, u->to) == 0)
        return 0;
    let_go(u);
    count--;
    return -1;
}

int
undo_remove(const char *path)
{
    struct undo *u = add(REMOVED, node_of_parent(path));
    char name[32];

    u->name = name_of(path);
    stash_name(name, stashes);
    if (raw_rename(u->node->fd, u->name, stash, name) == 0) {
        u->stashed = stashes++;
        return 0;
    }
    let_go(u);
    count--;
    return -1;
}

uint64_t
undo_now(void)
{
    return now;
}

static bool
is_synced_with(const struct undo *u, const struct stat *st, uint64_t until)
{
    return u->when <= until && u->node->dev == st->st_dev && u->node->ino == st->st_ino;
}

void
undo_synced(int fd, uint64_t until)
{
    struct stat st;
    size_t left = 0;

    demand(fstat(fd, &st) == 0, "cannot stat");
    for (size_t i = 0; i < count; i++)
        if (is_synced_with(&list[i], &st, until) && !list[i].given_up)
            let_go(&list[i]);
        else
            list[left++] = list[i];
    count = left;
}

void
undo_given_up(int fd, uint64_t until)
{
    struct stat st;

    demand(fstat(fd, &st) == 0, "cannot stat");
    for (size_t i = 0; i < count; i++)
        if (is_synced_with(&list[i], &st, until))
            list[i].given_up = true;
}

/* ------------------------------------------------------------ power loss */

static void
take_name_back(const struct undo *u)
{
    int dir = u->node->fd;
    char name[32];

    if (u->kind == MADE) {
        stash_name(name, stashes++);
        demand(raw_rename(dir, u->name, stash, name) == 0, u->name);
        return;
    }
    if (u->kind == RENAMED)
        demand(raw_rename(dir, u->to, dir, u->name) == 0, u->to);
    stash_name(name, u->stashed);
    if (u->stashed >= 0)
        demand(raw_rename(stash, name, dir, u->kind == RENAMED ? u->to : u->name) == 0, u->name);
}

static void
take_bytes_back(struct undo *u)
{
    u->new_size = size_of(u->node->fd);
    if (u->len > 0 && u->at + (off_t)u->len <= u->new_size) {
        demand((u->new = malloc(u->len)) != NULL, "memory");
        read_back(u->node->fd, u->new, u->len, u->at);
    }
    resize(u->node->fd, u->old_size);
    if (u->old_len > 0)
        put(u->node->fd, u->old, u->old_len, u->at);
}

/* Names that came later than `keep_until` never were. */
static void
take_back(uint64_t keep_until)
{
    for (size_t i = count; i > 0; i--) {
        struct undo *u = &list[i - 1];

        if (u->kind == BYTES)
            take_bytes_back(u);
        else if (u->when > keep_until)
            take_name_back(u);
    }
}

void
undo_all(void)
{
    take_back(0);
}

static uint64_t
draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Page by page, each of them there or not. */
static void
write_some(const struct undo *u, uint64_t *seed)
{
    uint64_t all = draw(seed) % 3;      /* none, all, some */
    size_t done = 0;

    while (u->new != NULL && done < u->len) {
        size_t part = PAGE - (size_t)(u->at + (off_t)done) % PAGE;

        if (part > u->len - done)
            part = u->len - done;
        if (all == 1 || (all == 2 && draw(seed) % 2 == 0))
            put(u->node->fd, u->new + done, part, u->at + (off_t)done);
        done += part;
    }
    if (u->len == 0 && all != 0)
        resize(u->node->fd, u->new_size);
}

void
undo_some(uint64_t seed)
{
    uint64_t oldest = count > 0 ? list[0].when : now;

    take_back(oldest - 1 + draw(&seed) % (now - oldest + 2));
    for (size_t i = 0; i < count; i++)
        if (list[i].kind == BYTES)
            write_some(&list[i], &seed);
}

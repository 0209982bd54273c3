/* shim.c -- a disk that fails when told to, for LD_PRELOAD.
 *
 * Watches what a program does to the files below TL_FAULT_DIR, and does to it
 * what TL_FAULT says; words, in any order:
 *
 *   die=K           ends before the K-th call that changes or syncs something
 *   behind          no: in the middle of it if it writes, else behind it
 *   forget          then nothing that was not synced has reached the disk
 *   some=SEED       some of that has, pages in any order
 *   enospc=K[,N]    from the K-th call on N writes find no space; without N,
 *                   until the file TL_FAULT_CLEAR is there
 *   eio=K:WHAT      the K-th write, sync or read fails; what a sync that failed was
 *                   to make durable never is
 *   nosync          a sync does nothing and says it did
 *
 * SIGUSR2 cuts the power at once.  TL_FAULT_COUNT names a file that holds the
 * numbers of calls so far, as struct counts. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/fault/undo.h"

#define SECTOR_BYTES 512
#define EXIT_DIED 99
#define PARTS_MAX 64        /* of a writev; LMDB's */

enum kind { KIND_WRITE, KIND_SYNC, KIND_READ, KIND_NAME, KINDS };

enum fault { FINE, NO_SPACE, CUT_SHORT, BROKEN, DIE_BEHIND };

struct counts {
    uint64_t all;           /* but reads */
    uint64_t of[KINDS];
};

static struct {
    char dir[PATH_MAX];
    const char *clear;
    uint64_t die;
    bool behind;
    bool forget;
    bool some;
    uint64_t seed;
    uint64_t enospc;
    uint64_t enospc_left;
    bool enospc_said;
    uint64_t eio;
    enum kind eio_kind;
    bool nosync;
    bool started;
} plan;

static struct counts own_counts, *counts = &own_counts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ------------------------------------------------------------- the plan */

static void
power_off(void)
{
    if (plan.some)
        undo_some(plan.seed);
    else if (plan.forget)
        undo_all();
    _exit(EXIT_DIED);
}

static void *
wait_for_signal(void *arg)
{
    sigset_t *set = arg;
    int signum;

    sigwait(set, &signum);
    pthread_mutex_lock(&lock);
    power_off();
    return NULL;
}

static void
read_word(const char *word)
{
    char what[8] = "";

    if (sscanf(word, "die=%lu", &plan.die) == 1 || sscanf(word, "enospc=%lu,%lu", &plan.enospc,
                                                         &plan.enospc_left) >= 1)
        return;
    if (sscanf(word, "some=%lu", &plan.seed) == 1)
        plan.forget = plan.some = true;
    else if (sscanf(word, "eio=%lu:%7s", &plan.eio, what) == 2)
        plan.eio_kind = *what == 'w' ? KIND_WRITE : *what == 's' ? KIND_SYNC : KIND_READ;
    else if (strcmp(word, "behind") == 0)
        plan.behind = true;
    else if (strcmp(word, "forget") == 0)
        plan.forget = true;
    else if (strcmp(word, "nosync") == 0)
        plan.nosync = true;
    else {
        dprintf(STDERR_FILENO, "shim: what is %s?\n", word);
        _exit(98);
    }
}

static void
share_counts(const char *path)
{
    int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT, 0600) : -1;
    void *at;

    if (fd < 0 || syscall(SYS_ftruncate, fd, sizeof *counts) != 0)
        return;
    at = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        counts = at;
    syscall(SYS_close, fd);
}

static void
watch_signal(void)
{
    static sigset_t set;
    pthread_t thread;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, wait_for_signal, &set);
}

__attribute__((constructor)) static void
start(void)
{
    const char *dir = getenv("TL_FAULT_DIR"), *words = getenv("TL_FAULT");
    char stash[PATH_MAX + 8], *copy, *rest, *word;

    if (dir == NULL || words == NULL || (copy = rest = strdup(words)) == NULL)
        return;
    snprintf(plan.dir, sizeof plan.dir, "%s", dir);
    plan.clear = getenv("TL_FAULT_CLEAR");
    while ((word = strsep(&rest, " ")) != NULL)
        if (*word != '\0')
            read_word(word);
    free(copy);
    snprintf(stash, sizeof stash, "%s.stash", dir);
    if (plan.forget)
        undo_start(stash);
    share_counts(getenv("TL_FAULT_COUNT"));
    watch_signal();
    plan.started = true;
}

static bool
no_space(enum kind kind)
{
    if (plan.enospc == 0 || counts->all < plan.enospc || (kind != KIND_WRITE && kind != KIND_NAME))
        return false;
    if (plan.clear != NULL)
        return access(plan.clear, F_OK) != 0;
    if (plan.enospc_left == 0)
        return false;
    plan.enospc_left--;
    return true;
}

/* What becomes of a call.  With the lock held. */
static enum fault
next(enum kind kind)
{
    counts->of[kind]++;
    if (kind != KIND_READ && ++counts->all == plan.die) {
        if (plan.behind)
            return DIE_BEHIND;
        power_off();
    }
    if (plan.eio != 0 && kind == plan.eio_kind && counts->of[kind] == plan.eio)
        return BROKEN;
    if (!no_space(kind))
        return FINE;
    /* A disk takes what it still can. */
    if (!plan.enospc_said) {
        plan.enospc_said = true;
        return CUT_SHORT;
    }
    return NO_SPACE;
}

static int
fail(int err)
{
    pthread_mutex_unlock(&lock);
    errno = err;
    return -1;
}

/* ------------------------------------------------------- what is watched */

/* Locks hold nothing that must survive, and LMDB writes its own by a map. */
static bool
watched(const char *path)
{
    size_t len = strlen(plan.dir);
    const char *name = strrchr(path, '/');

    return strncmp(path, plan.dir, len) == 0 && (path[len] == '/' || path[len] == '\0')
           && strcmp(name, "/lock") != 0 && strcmp(name, "/lock.mdb") != 0;
}

static bool
path_of(int fd, char out[PATH_MAX])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static bool
watched_file(int fd, struct stat *st)
{
    char path[PATH_MAX];

    return plan.started && fstat(fd, st) == 0 && S_ISREG(st->st_mode) && path_of(fd, path)
           && watched(path);
}

/* The directory above is the one that makes the data directory itself last. */
static bool
watched_for_sync(int fd)
{
    char path[PATH_MAX];
    size_t len;

    if (!plan.started || !path_of(fd, path))
        return false;
    len = strlen(path);
    return watched(path)
           || (strncmp(plan.dir, path, len) == 0 && strrchr(plan.dir, '/') == plan.dir + len);
}

/* The whole path of `name` at `dir`, when it is one to watch. */
static bool
resolve(int dir, const char *name, char out[PATH_MAX])
{
    char at[PATH_MAX];

    if (!plan.started)
        return false;
    if (name[0] == '/')
        snprintf(out, PATH_MAX, "%s", name);
    else if (dir == AT_FDCWD ? getcwd(at, sizeof at) == NULL : !path_of(dir, at))
        return false;
    else if (snprintf(out, PATH_MAX, "%s/%s", at, name) >= PATH_MAX)
        return false;
    return watched(out);
}

/* --------------------------------------------------------------- writing */

static size_t
total(const struct iovec *parts, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += parts[i].iov_len;
    return len;
}

/* at < 0: where the file stands. */
static ssize_t
raw_write(int fd, const struct iovec *parts, int n, off_t at)
{
    return at < 0 ? syscall(SYS_writev, fd, parts, n)
                  : syscall(SYS_pwritev, fd, parts, n, at, (long)0);
}

/* No disk and no kill tears what fits a sector. */
static size_t
torn_at(size_t len, enum fault fault)
{
    return fault == DIE_BEHIND && len <= SECTOR_BYTES ? len : len / 2;
}

static ssize_t
write_half(int fd, const struct iovec *parts, int n, off_t at, enum fault fault)
{
    struct iovec some[PARTS_MAX];
    size_t left = torn_at(total(parts, n), fault);
    int used = 0;

    for (; used < n && used < PARTS_MAX && left > 0; used++) {
        some[used] = parts[used];
        if (some[used].iov_len > left)
            some[used].iov_len = left;
        left -= some[used].iov_len;
    }
    return raw_write(fd, some, used, at);
}

static off_t
place(int fd, off_t at, const struct stat *st)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && (flags & O_APPEND))
        return st->st_size;
    return at >= 0 ? at : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

static ssize_t
write_parts(int fd, const struct iovec *parts, int n, off_t at)
{
    size_t len = total(parts, n);
    enum fault fault;
    struct stat st;
    ssize_t done;

    if (!watched_file(fd, &st))
        return raw_write(fd, parts, n, at);
    pthread_mutex_lock(&lock);
    fault = next(KIND_WRITE);
    if (fault == CUT_SHORT && len < 2)
        fault = NO_SPACE;
    if (fault == NO_SPACE || fault == BROKEN)
        return fail(fault == BROKEN ? EIO : ENOSPC);
    fstat(fd, &st);
    if (plan.forget && !(fcntl(fd, F_GETFL) & O_DSYNC))
        undo_bytes(fd, place(fd, at, &st), fault == FINE ? len : torn_at(len, fault), st.st_size);
    done = fault == FINE ? raw_write(fd, parts, n, at) : write_half(fd, parts, n, at, fault);
    if (fault == DIE_BEHIND)
        power_off();
    pthread_mutex_unlock(&lock);
    return done;
}

static struct iovec
part(const void *bytes, size_t len)
{
    return (struct iovec){(void *)(uintptr_t)bytes, len};
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
    struct iovec one = part(bytes, len);

    return write_parts(fd, &one, 1, -1);
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct iovec one = part(bytes, len);

    return write_parts(fd, &one, 1, at);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return pwrite(fd, bytes, len, at);
}

ssize_t
writev(int fd, const struct iovec *parts, int n)
{
    return write_parts(fd, parts, n, -1);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
    return write_parts(fd, parts, n, at);
}

static int
change_size(int fd, off_t size, bool cut)
{
    enum fault fault;
    struct stat st;
    int done;

    if (!watched_file(fd, &st))
        return (int)(cut ? syscall(SYS_ftruncate, fd, size)
                         : syscall(SYS_fallocate, fd, 0, (off_t)0, size));
    pthread_mutex_lock(&lock);
    fault = next(KIND_WRITE);
    if (fault != FINE && fault != DIE_BEHIND)
        return fail(fault == BROKEN ? EIO : ENOSPC);
    fstat(fd, &st);
    if (plan.forget)
        undo_cut(fd, size, st.st_size);
    done = (int)(cut ? syscall(SYS_ftruncate, fd, size)
                     : syscall(SYS_fallocate, fd, 0, (off_t)0, size));
    if (fault == DIE_BEHIND)
        power_off();
    pthread_mutex_unlock(&lock);
    return done;
}

int
ftruncate(int fd, off_t size)
{
    return change_size(fd, size, true);
}

int
ftruncate64(int fd, off64_t size)
{
    return change_size(fd, size, true);
}

/* Returns its error. */
int
posix_fallocate(int fd, off_t at, off_t len)
{
    return change_size(fd, at + len, false) == 0 ? 0 : errno;
}

/* --------------------------------------------------------------- syncing */

static int
sync_file(int fd, long call)
{
    enum fault fault;
    uint64_t until;
    int done;

    if (!watched_for_sync(fd))
        return (int)syscall(call, fd);
    pthread_mutex_lock(&lock);
    fault = next(KIND_SYNC);
    if (fault == BROKEN) {
        undo_given_up(fd, undo_now());
        return fail(EIO);
    }
    until = undo_now();
    pthread_mutex_unlock(&lock);
    done = plan.nosync ? 0 : (int)syscall(call, fd);
    pthread_mutex_lock(&lock);
    if (plan.forget && !plan.nosync && done == 0)
        undo_synced(fd, until);
    if (fault == DIE_BEHIND)
        power_off();
    pthread_mutex_unlock(&lock);
    return done;
}

int
fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

/* --------------------------------------------------------------- reading */

static bool
fails_to_read(int fd)
{
    enum fault fault;
    struct stat st;

    if (plan.eio_kind != KIND_READ || !watched_file(fd, &st))
        return false;
    pthread_mutex_lock(&lock);
    fault = next(KIND_READ);
    pthread_mutex_unlock(&lock);
    return fault == BROKEN;
}

ssize_t
read(int fd, void *bytes, size_t len)
{
    if (fails_to_read(fd)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_read, fd, bytes, len);
}

ssize_t
pread(int fd, void *bytes, size_t len, off_t at)
{
    if (fails_to_read(fd)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, bytes, len, at);
}

ssize_t
pread64(int fd, void *bytes, size_t len, off64_t at)
{
    return pread(fd, bytes, len, at);
}

/* ----------------------------------------------------------------- names */

static int
leave(enum fault fault, int done)
{
    if (fault == DIE_BEHIND)
        power_off();
    pthread_mutex_unlock(&lock);
    return done;
}

static int
open_at(int dir, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    enum fault fault;
    struct stat st;
    bool there;
    int fd;

    if (!(flags & O_CREAT) || !resolve(dir, name, path))
        return (int)syscall(SYS_openat, dir, name, flags, mode);
    pthread_mutex_lock(&lock);
    there = stat(path, &st) == 0;
    if (there && (!(flags & O_TRUNC) || st.st_size == 0)) {
        pthread_mutex_unlock(&lock);
        return (int)syscall(SYS_openat, dir, name, flags, mode);
    }
    fault = next(KIND_NAME);
    if (fault == NO_SPACE || fault == CUT_SHORT)
        return fail(ENOSPC);
    fd = (int)syscall(SYS_openat, dir, name, there ? flags & ~O_TRUNC : flags, mode);
    if (fd >= 0 && plan.forget)
        there ? undo_cut(fd, 0, st.st_size) : undo_made(path);
    if (fd >= 0 && there)
        syscall(SYS_ftruncate, fd, (off_t)0);
    return leave(fault, fd);
}

static mode_t
mode_of(int flags, va_list args)
{
    return flags & O_CREAT ? (mode_t)va_arg(args, int) : 0;
}

int
open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_at(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_at(AT_FDCWD, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_at(dir, path, flags, mode);
}

int
openat64(int dir, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_at(dir, path, flags, mode);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    enum fault fault;
    int done;

    if (!resolve(dir, name, path) || access(path, F_OK) == 0)
        return (int)syscall(SYS_mkdirat, dir, name, mode);
    pthread_mutex_lock(&lock);
    fault = next(KIND_NAME);
    if (fault == NO_SPACE || fault == CUT_SHORT)
        return fail(ENOSPC);
    done = (int)syscall(SYS_mkdirat, dir, name, mode);
    if (done == 0 && plan.forget)
        undo_made(path);
    return leave(fault, done);
}

int
mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    char from_path[PATH_MAX], to_path[PATH_MAX];
    enum fault fault;

    if (!resolve(from_dir, from, from_path) || !resolve(to_dir, to, to_path))
        return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
    pthread_mutex_lock(&lock);
    fault = next(KIND_NAME);
    if (fault == NO_SPACE || fault == CUT_SHORT)
        return fail(ENOSPC);
    return leave(fault, plan.forget ? undo_rename(from_path, to_path)
                                    : (int)syscall(SYS_renameat, from_dir, from, to_dir, to));
}

int
rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* Removing needs no space. */
int
unlinkat(int dir, const char *name, int flags)
{
    char path[PATH_MAX];
    enum fault fault;
    struct stat st;

    if (!resolve(dir, name, path) || lstat(path, &st) != 0)
        return (int)syscall(SYS_unlinkat, dir, name, flags);
    pthread_mutex_lock(&lock);
    fault = next(KIND_NAME);
    return leave(fault, plan.forget ? undo_remove(path)
                                    : (int)syscall(SYS_unlinkat, dir, name, flags));
}

int
unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int
rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

#include "store/txn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/must.h"
#include "proto/code.h"
#include "store/le.h"
#include "store/pages.h"

#define READERS_MAX 8
#define PROBE_BYTES 4096
#define PAGE_BYTES 4096
#define MODE_DIR 0700
#define MODE_FILE 0600
#define SUM_BYTES 4     /* behind each value: LMDB does not look at what it reads */

struct txn_env {
    MDB_env *mdb;
    MDB_dbi records;
    size_t map_bytes;
    bool full;          /* the map was too small once */
    pthread_mutex_t mapping;    /* a reader that begins looks into the map, which may move */
};

static int
code(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case MDB_MAP_FULL:
        /* Also when the sync said so: nothing of the transaction is referred to,
         * and the next try writes all its pages again. */
        return TL_NO_SPACE;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
        return TL_EDAMAGED;
    case MDB_VERSION_MISMATCH:
        return TL_EFORMAT;
    case ENOMEM:
        return TL_ENOMEM;
    default:
        if (rc > 0)
            errno = rc;
        return TL_EIO;
    }
}

/* LMDB calls a short write EIO, and a disk that fills up makes it short; the next
 * byte then tells.  What is past the last page is nobody's. */
static int
find_cause(const struct txn_env *env)
{
    static const char nothing[PROBE_BYTES];
    struct stat st;
    ssize_t wrote;
    int fd;

    if (mdb_env_get_fd(env->mdb, &fd) != 0 || fstat(fd, &st) != 0)
        return EIO;
    wrote = pwrite(fd, nothing, sizeof nothing, st.st_size);
    if (wrote < 0)
        return errno;
    return wrote < PROBE_BYTES ? ENOSPC : EIO;
}

static void
fail(struct txn *t, int rc)
{
    if (rc == EIO)
        rc = find_cause(t->env);
    must(rc != MDB_BAD_VALSIZE && rc != MDB_BAD_DBI && rc != EINVAL && rc != ENOMEM);
    if (rc == MDB_MAP_FULL)
        t->env->full = true;
    if (t->error == 0)
        t->error = code(rc);
}

/* ------------------------------------------------------------ environment */

static int
sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

    if (fd < 0)
        return errno;
    if (fsync(fd) != 0)
        err = errno;
    close(fd);
    return err;
}

/* A new directory survives power loss once its parent is synced. */
static int
make_dir(const char *dir)
{
    char parent[PATH_MAX];

    if (mkdir(dir, MODE_DIR) != 0)
        return errno == EEXIST ? 0 : errno;
    if (snprintf(parent, sizeof parent, "%s/..", dir) >= (int)sizeof parent)
        return ENAMETOOLONG;
    return sync_dir(parent);
}

static int
open_records(struct txn_env *env)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);

    if (rc != 0)
        return rc;
    if ((rc = mdb_dbi_open(txn, NULL, 0, &env->records)) != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* Who reads a page behind the end of the file is killed; a page of zeros is no
 * page, and an error.  (The last pages may never have been written.) */
static int
fill_up(struct txn_env *env)
{
    uint64_t bytes = txn_env_bytes(env);
    struct stat st;
    int fd, rc;

    if ((rc = mdb_env_get_fd(env->mdb, &fd)) != 0)
        return rc;
    if (fstat(fd, &st) != 0)
        return errno;
    return (uint64_t)st.st_size >= bytes || ftruncate(fd, (off_t)bytes) == 0 ? 0 : errno;
}

/* ----------------------------------------------------------------- damage */

#define DAMAGED "%.300s/data.mdb is damaged (%s); make the views anew with `touchline rebuild`"

static const char *
dir_of(MDB_env *mdb)
{
    const char *dir = "";

    mdb_env_get_path(mdb, &dir);
    return dir;
}

/* LMDB asserts what it reads, and would abort. */
static void
stop(MDB_env *mdb, const char *assertion)
{
    log_error("store", DAMAGED, dir_of(mdb), assertion);
    _exit(1);
}

void
txn_env_stop(const struct txn_env *env, const char *how)
{
    stop(env->mdb, how);
    _exit(1);
}

void
txn_env_damaged(const struct txn_env *env, const char *how, char why[TXN_WHY_BYTES])
{
    snprintf(why, TXN_WHY_BYTES, DAMAGED, dir_of(env->mdb), how);
}

int
txn_env_file(const struct txn_env *env, size_t *page_bytes)
{
    MDB_stat stat;
    int fd;

    must(mdb_env_get_fd(env->mdb, &fd) == 0 && mdb_env_stat(env->mdb, &stat) == 0);
    *page_bytes = stat.ms_psize;
    return fd;
}

/* Before LMDB begins with what it finds there.  Says in `why` what is wrong. */
static int
check_head(const char *dir, char why[TXN_WHY_BYTES])
{
    static const char name[] = "data.mdb";
    unsigned char *head = malloc(PAGES_HEAD_BYTES);
    char path[PATH_MAX], how[128];
    const char *what = NULL;
    ssize_t len = -1;
    struct stat st;
    size_t at;
    int fd, err;

    must(head != NULL);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0 && fstat(fd, &st) == 0)
        len = pread(fd, head, PAGES_HEAD_BYTES, 0);
    err = len < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (err == 0 && (what = pages_head(head, (size_t)len, (uint64_t)st.st_size, &at)) != NULL) {
        snprintf(how, sizeof how, "offset %zu: %s", at, what);
        snprintf(why, TXN_WHY_BYTES, DAMAGED, dir, how);
        err = MDB_CORRUPTED;
    }
    free(head);
    return err;
}

/* ---------------------------------------------------------------- opening */

static int
make_empty(const char *path)
{
    MDB_env *mdb;
    MDB_txn *txn;
    MDB_dbi records;
    int rc;

    if ((rc = mdb_env_create(&mdb)) != 0)
        return rc;
    if ((rc = mdb_env_open(mdb, path, MDB_NOSUBDIR | MDB_NOLOCK, MODE_FILE)) == 0 &&
        (rc = mdb_txn_begin(mdb, NULL, 0, &txn)) == 0) {
        if ((rc = mdb_dbi_open(txn, NULL, 0, &records)) == 0)
            rc = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    if (rc == 0)
        rc = mdb_env_sync(mdb, 1);
    mdb_env_close(mdb);
    return rc;
}

/* LMDB writes the first pages of a new file without a sync, and knows no file of
 * which only some of them came: it gets its name when it is whole. */
static int
make_file(const char *dir)
{
    char made[PATH_MAX], final[PATH_MAX];
    int rc;

    if (snprintf(made, sizeof made, "%s/data.tmp", dir) >= (int)sizeof made ||
        snprintf(final, sizeof final, "%s/data.mdb", dir) >= (int)sizeof final)
        return ENAMETOOLONG;
    if (access(final, F_OK) == 0)
        return 0;
    if (unlink(made) != 0 && errno != ENOENT)
        return errno;
    if ((rc = make_empty(made)) != 0)
        return rc;
    return rename(made, final) == 0 ? sync_dir(dir) : errno;
}

static int
open_env(struct txn_env *env, const char *dir, size_t map_bytes, char why[TXN_WHY_BYTES])
{
    MDB_envinfo info;
    int rc;

    if ((rc = make_dir(dir)) != 0 || (rc = make_file(dir)) != 0 ||
        (rc = check_head(dir, why)) != 0 || (rc = mdb_env_create(&env->mdb)) != 0)
        return rc;
    if ((rc = mdb_env_set_mapsize(env->mdb, map_bytes)) != 0 ||
        (rc = mdb_env_set_maxreaders(env->mdb, READERS_MAX)) != 0 ||
        (rc = mdb_env_set_assert(env->mdb, stop)) != 0 ||
        (rc = mdb_env_open(env->mdb, dir, MDB_NOTLS | MDB_NORDAHEAD, MODE_FILE)) != 0 ||
        (rc = fill_up(env)) != 0 || (rc = open_records(env)) != 0 ||
        (rc = mdb_env_info(env->mdb, &info)) != 0)
        return rc;
    env->map_bytes = info.me_mapsize;
    return sync_dir(dir);
}

int
txn_env_open(struct txn_env **out, const char *dir, size_t map_bytes, char why[TXN_WHY_BYTES])
{
    struct txn_env *env = calloc(1, sizeof *env);
    int rc;

    must(env != NULL && pthread_mutex_init(&env->mapping, NULL) == 0);
    *out = NULL;
    why[0] = '\0';
    if ((rc = open_env(env, dir, map_bytes, why)) != 0) {
        if (why[0] == '\0')
            snprintf(why, TXN_WHY_BYTES, "%s: %s%s", dir, mdb_strerror(rc),
                     code(rc) == TL_EDAMAGED || code(rc) == TL_EFORMAT
                         ? "; make the views anew with `touchline rebuild`"
                         : "");
        txn_env_close(&env);
        return code(rc);
    }
    *out = env;
    return 0;
}

void
txn_env_close(struct txn_env **env)
{
    if (*env == NULL)
        return;
    if ((*env)->mdb != NULL)
        mdb_env_close((*env)->mdb);
    pthread_mutex_destroy(&(*env)->mapping);
    free(*env);
    *env = NULL;
}

int
txn_env_fit(struct txn_env *env, uint64_t bytes)
{
    size_t map_bytes = env->map_bytes;
    int rc;

    if (env->full)
        map_bytes *= 2;
    while (map_bytes < bytes)
        map_bytes *= 2;
    if (map_bytes == env->map_bytes)
        return 0;
    pthread_mutex_lock(&env->mapping);
    rc = mdb_env_set_mapsize(env->mdb, map_bytes);
    pthread_mutex_unlock(&env->mapping);
    if (rc != 0)
        return code(rc) == TL_ENOMEM ? TL_EIO : code(rc);
    env->map_bytes = map_bytes;
    env->full = false;
    return 0;
}

uint64_t
txn_env_bytes(const struct txn_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;

    must(mdb_env_info(env->mdb, &info) == 0 && mdb_env_stat(env->mdb, &stat) == 0);
    return (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
}

size_t
txn_env_records(const struct txn_env *env)
{
    MDB_stat stat;

    must(mdb_env_stat(env->mdb, &stat) == 0);
    return stat.ms_entries;
}

static struct tl_str
text(MDB_val v)
{
    return (struct tl_str){v.mv_data, v.mv_size};
}

static uint32_t
sum(struct tl_str key, const void *value, size_t len)
{
    return crc32c(crc32c(0, key.ptr, key.len), value, len);
}

/* ---------------------------------------------------------------- writing */

void
txn_begin(struct txn *t, struct txn_env *env)
{
    int rc;

    *t = (struct txn){.env = env};
    if ((rc = mdb_txn_begin(env->mdb, NULL, 0, &t->mdb)) != 0 ||
        (rc = mdb_cursor_open(t->mdb, env->records, &t->writer)) != 0)
        fail(t, rc);
}

/* Records that lie side by side are in one page, mostly. */
static void
count_pages(struct txn *t, uintptr_t at, size_t len)
{
    uintptr_t step = at > t->last ? at - t->last : t->last - at;

    t->pages += len / PAGE_BYTES + (step >= PAGE_BYTES);
    t->last = at;
}

void
txn_put(struct txn *t, const void *key, size_t key_len, const void *value, size_t len)
{
    MDB_val k = {key_len, (void *)(uintptr_t)key}, v = {.mv_size = len + SUM_BYTES};
    int rc;

    if (t->error != 0)
        return;
    if ((rc = mdb_cursor_put(t->writer, &k, &v, MDB_RESERVE)) != 0) {
        fail(t, rc);
        return;
    }
    count_pages(t, (uintptr_t)v.mv_data, len);
    if (len > 0)
        memcpy(v.mv_data, value, len);
    le_put32((unsigned char *)v.mv_data + len, sum(text(k), value, len));
}

void
txn_delete(struct txn *t, const void *key, size_t key_len)
{
    MDB_val k = {key_len, (void *)(uintptr_t)key};
    int rc;

    if (t->error != 0)
        return;
    t->pages++;
    rc = mdb_del(t->mdb, t->env->records, &k, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND)
        fail(t, rc);
}

static int
commit(struct txn *t, bool is_last)
{
    int rc;

    /* LMDB's next commit, or the last, makes its second write durable as well. */
    must(mdb_env_set_flags(t->env->mdb, MDB_NOMETASYNC, !is_last) == 0);
    if (t->writer != NULL)
        mdb_cursor_close(t->writer);
    t->writer = NULL;
    if (t->error != 0) {
        mdb_txn_abort(t->mdb);      /* takes NULL */
    } else if ((rc = mdb_txn_commit(t->mdb)) != 0) {
        fail(t, rc);
    }
    t->mdb = NULL;
    return t->error;
}

int
txn_commit(struct txn *t)
{
    return commit(t, true);
}

int
txn_commit_part(struct txn *t)
{
    return commit(t, false);
}

/* ---------------------------------------------------------------- reading */

void
txn_reader_init(struct txn *t, struct txn_env *env)
{
    *t = (struct txn){.env = env};
}

static bool
start(struct txn *t)
{
    int rc;

    if (t->open || t->error != 0)
        return t->error == 0;
    pthread_mutex_lock(&t->env->mapping);
    if (t->mdb == NULL)
        rc = mdb_txn_begin(t->env->mdb, NULL, MDB_RDONLY, &t->mdb);
    else
        rc = mdb_txn_renew(t->mdb);
    pthread_mutex_unlock(&t->env->mapping);
    if (rc != 0)
        fail(t, rc);
    t->open = rc == 0;
    return t->open;
}

bool
txn_reader_begin(struct txn *t, uint64_t *moment)
{
    if (!start(t))
        return false;
    *moment = mdb_txn_id(t->mdb);
    return true;
}

void
txn_reader_end(struct txn *t)
{
    if (t->open)
        mdb_txn_reset(t->mdb);
    t->open = false;
}

void
txn_reader_fini(struct txn *t)
{
    if (t->mdb != NULL)
        mdb_txn_abort(t->mdb);
    *t = (struct txn){0};
}

bool
txn_sound(struct tl_str key, struct tl_str *value)
{
    size_t len = value->len - SUM_BYTES;

    if (value->len < SUM_BYTES ||
        le_get32((const unsigned char *)value->ptr + len) != sum(key, value->ptr, len))
        return false;
    value->len = len;
    return true;
}

/* What is not what was written reads as nothing. */
static struct tl_str
value_of(struct txn *t, MDB_val key, MDB_val v)
{
    struct tl_str value = text(v);

    if (txn_sound(text(key), &value))
        return value;
    t->damaged = true;
    return (struct tl_str){"", 0};
}

bool
txn_get(struct txn *t, const void *key, size_t key_len, struct tl_str *value)
{
    MDB_val k = {key_len, (void *)(uintptr_t)key}, v;
    int rc;

    if (!start(t))
        return false;
    if ((rc = mdb_get(t->mdb, t->env->records, &k, &v)) != 0) {
        if (rc != MDB_NOTFOUND)
            fail(t, rc);
        return false;
    }
    *value = value_of(t, k, v);
    return true;
}

void
txn_cursor_open(struct txn_cursor *c, struct txn *t)
{
    int rc;

    *c = (struct txn_cursor){.txn = t};
    if (start(t) && (rc = mdb_cursor_open(t->mdb, t->env->records, &c->mdb)) != 0)
        fail(t, rc);
}

static bool
move(struct txn_cursor *c, MDB_val k, MDB_cursor_op op)
{
    MDB_val v;
    int rc;

    c->at = false;
    if (c->txn->error != 0)
        return false;
    if ((rc = mdb_cursor_get(c->mdb, &k, &v, op)) != 0) {
        if (rc != MDB_NOTFOUND)
            fail(c->txn, rc);
        return false;
    }
    c->key = text(k);
    c->value = value_of(c->txn, k, v);
    c->at = true;
    return true;
}

bool
txn_cursor_seek(struct txn_cursor *c, const void *key, size_t len)
{
    return move(c, (MDB_val){len, (void *)(uintptr_t)key}, MDB_SET_RANGE);
}

bool
txn_cursor_last(struct txn_cursor *c)
{
    return move(c, (MDB_val){0}, MDB_LAST);
}

bool
txn_cursor_next(struct txn_cursor *c)
{
    return move(c, (MDB_val){0}, MDB_NEXT);
}

bool
txn_cursor_prev(struct txn_cursor *c)
{
    return move(c, (MDB_val){0}, MDB_PREV);
}

void
txn_cursor_close(struct txn_cursor *c)
{
    if (c->mdb != NULL)
        mdb_cursor_close(c->mdb);
    *c = (struct txn_cursor){0};
}

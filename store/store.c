/* Opening, closing, and the housekeeping in between. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/must.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "store/file.h"
#include "store/le.h"
#include "store/policy.h"
#include "store/state.h"

#define PATH_BYTES 4096
#define KEY_FILE_BYTES (HASH_KEY_BYTES + 4)     /* with its CRC-32C */

/* -------------------------------------------------------------- directory */

void
store_path(const struct store_settings *s, const char *name, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "%s/%s", s->dir, name);
}

static int
fail(char *why, const char *what, const char *path)
{
    snprintf(why, STORE_WHY_BYTES, "cannot %s %.300s: %s", what, path, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? TL_NO_SPACE : TL_EIO;
}

static int
make_dir(const char *path, char *why)
{
    int dir;

    if (file_open_dir(path, &dir) != 0)
        return fail(why, "make directory", path);
    close(dir);
    return 0;
}

static int
take_lock(struct store *st, char *why)
{
    char path[PATH_BYTES];

    store_path(&st->settings, "lock", path, sizeof(path));
    st->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (st->lock_fd < 0)
        return fail(why, "open", path);
    if (flock(st->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return fail(why, "lock", path);
    snprintf(why, STORE_WHY_BYTES, "%.300s is in use by another touchlined (or an offline command)",
             st->settings.dir);
    return TL_ELOCKED;
}

static int
read_key(struct store *st, const char *path, char *why)
{
    unsigned char file[KEY_FILE_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? TL_NOT_FOUND : fail(why, "open", path);
    n = read(fd, file, sizeof(file));
    close(fd);
    if (n < 0)
        return fail(why, "read", path);
    memcpy(st->key, file, sizeof(st->key));
    if (n == KEY_FILE_BYTES && le_get32(file + HASH_KEY_BYTES) == crc32c(0, file, HASH_KEY_BYTES))
        return 0;
    snprintf(why, STORE_WHY_BYTES,
             "%.300s is damaged: restore it from a backup, without it no event is recognised",
             path);
    return TL_EDAMAGED;
}

static int
write_key(struct store *st, int dir, const char *name)
{
    unsigned char file[KEY_FILE_BYTES];
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err;

    if (fd < 0)
        return file_code(errno);
    memcpy(file, st->key, sizeof(st->key));
    le_put32(file + HASH_KEY_BYTES, crc32c(0, file, HASH_KEY_BYTES));
    err = file_write(fd, file, sizeof(file), 0, NULL);
    if (err == 0)
        err = file_sync(fd);
    close(fd);
    return err;
}

/* The key under which `seen` hashes: without it nothing stored is recognised,
 * so it is durable before the first event. */
static int
load_key(struct store *st, char *why)
{
    char path[PATH_BYTES];
    int err, dir;

    store_path(&st->settings, "key", path, sizeof(path));
    if ((err = read_key(st, path, why)) != TL_NOT_FOUND)
        return err;
    hash_new_key(st->key);
    if ((err = file_open_dir(st->settings.dir, &dir)) != 0)
        return fail(why, "open", st->settings.dir);
    err = write_key(st, dir, "key.tmp");
    if (err == 0)
        err = file_rename(dir, "key.tmp", "key");
    if (err != 0)
        fail(why, "write", path);
    close(dir);
    return err;
}

/* ------------------------------------------------------------ open, close */

int
store_open_views(struct store *st, char why[STORE_WHY_BYTES])
{
    char path[PATH_BYTES];
    struct catchup c = {.log = st->log, .key = st->key, .fold = &st->fold,
                        .flush_events = st->settings.flush_events};
    int err;

    store_path(&st->settings, "seen", path, sizeof(path));
    if ((err = seen_open(&st->seen, path, why)) != 0)
        return err;
    store_path(&st->settings, "views", path, sizeof(path));
    if ((err = views_open(&st->views, path, st->settings.views_bytes, why)) != 0)
        return err;
    if ((err = fold_init(&st->fold, st->views)) != 0) {
        snprintf(why, STORE_WHY_BYTES,
                 "a record of the views in %.300s is damaged: run `touchline rebuild`",
                 path);
        return err;
    }
    c.seen = st->seen;
    st->fold.ahead = log_head(st->log);     /* a flush may have been cut off */
    if ((err = catchup_run(&c, log_head(st->log), why)) != 0)
        return err;
    st->admitted = log_head(st->log);
    st->segment_first = log_segment_first(st->log);
    if (seen_sealed(st->seen) + 1 < st->segment_first)
        seen_seal(st->seen, st->segment_first - 1);
    st->frozen = views_checkpoint(st->views);
    st->frozen_at = clock_monotonic();
    return 0;
}

void
store_close_views(struct store *st)
{
    if (st->views != NULL) {
        fold_fini(&st->fold);
        views_close(&st->views);
    }
    seen_close(&st->seen);
}

void
store_let_go(struct store **out)
{
    struct store *st = *out;

    *out = NULL;
    store_close_views(st);
    log_close(&st->log);
    if (st->lock_fd >= 0)
        close(st->lock_fd);
    if (st->open != NULL)
        buf_free(&st->open->bytes);
    if (st->taken != NULL)
        buf_free(&st->taken->bytes);
    free(st->open);
    free(st->taken);
    arena_fini(&st->arena);
    buf_free(&st->scratch);
    policy_free(&st->policy);
    rules_close(&st->rules);
    free(st);
}

static void
fill_defaults(struct store_settings *s)
{
    if (s->segment_bytes == 0)
        s->segment_bytes = LOG_SEGMENT_BYTES;
    if (s->views_bytes == 0)
        s->views_bytes = STORE_VIEWS_BYTES;
    if (s->flush_events == 0)
        s->flush_events = STORE_FLUSH_EVENTS;
    if (s->flush_ns == 0)
        s->flush_ns = STORE_FLUSH_NS;
}

static int
open_log(struct store *st, char why[STORE_WHY_BYTES])
{
    char path[PATH_BYTES];
    int err;

    if ((err = make_dir(st->settings.dir, why)) != 0 || (err = take_lock(st, why)) != 0 ||
        (err = load_key(st, why)) != 0)
        return err;
    for (int i = 0; i < 3; i++) {
        static const char *const parts[] = {"seen", "views", "log"};

        store_path(&st->settings, parts[i], path, sizeof(path));
        if ((err = make_dir(path, why)) != 0)
            return err;
    }
    return log_open(&st->log, path, st->settings.segment_bytes, why);
}

int
store_open_log(struct store **out, const struct store_settings *s, char why[STORE_WHY_BYTES])
{
    struct store *st = calloc(1, sizeof(*st));
    int err;

    must(st != NULL);
    codec_init();
    why[0] = '\0';
    st->settings = *s;
    fill_defaults(&st->settings);
    st->lock_fd = -1;
    st->open = calloc(1, sizeof(*st->open));
    st->taken = calloc(1, sizeof(*st->taken));
    must(st->open != NULL && st->taken != NULL);
    arena_init(&st->arena, CODEC_BUDGET_BYTES);
    must(policy_read(&st->policy, NULL, why) == 0);
    err = open_log(st, why);
    *out = st;
    if (err != 0)
        store_let_go(out);
    return err;
}

static int
open_rules(struct store *st, char why[STORE_WHY_BYTES])
{
    char path[PATH_BYTES];

    store_path(&st->settings, "policies", path, sizeof(path));
    return rules_open(&st->rules, path) != 0 ? fail(why, "open", path) : 0;
}

int
store_open(struct store **out, const struct store_settings *s, char why[STORE_WHY_BYTES])
{
    char recovered[STORE_WHY_BYTES];
    int err = store_open_log(out, s, why);

    if (err != 0)
        return err;
    memcpy(recovered, why, STORE_WHY_BYTES);
    if ((err = open_rules(*out, why)) != 0 || (err = store_open_views(*out, why)) != 0) {
        store_let_go(out);
        return err;
    }
    memcpy(why, recovered, STORE_WHY_BYTES);
    return 0;
}

static void
flushed(void *arg)
{
    struct store *st = arg;

    atomic_store(&st->flushed, true);
    if (st->settings.wake != NULL)
        st->settings.wake(st->settings.wake_arg);
}

static void
freeze(struct store *st)
{
    fold_store(&st->fold);
    atomic_store(&st->flushed, false);
    views_freeze(st->views, st->admitted, flushed, st);
    st->frozen = st->admitted;
    st->frozen_at = clock_monotonic();
    st->flushing = true;
    st->wants_freeze = false;
}

int
store_checkpoint(struct store *st)
{
    int err;

    must(st->admitted == log_head(st->log));
    err = views_settle(st->views);
    st->flushing = false;
    if (err != 0 || st->admitted == views_checkpoint(st->views))
        return err;
    freeze(st);
    err = views_settle(st->views);
    st->flushing = false;
    return err;
}

int
store_close(struct store **out)
{
    struct store *st = *out;
    int err = 0;

    if (st == NULL)
        return 0;
    if (st->failed == 0 && st->admitted == log_head(st->log))
        err = store_checkpoint(st);
    store_let_go(out);
    return err;
}

/* ----------------------------------------------------------- housekeeping */

/* Much has come since the last checkpoint, or somebody waits for one. */
static bool
is_freeze_urgent(const struct store *st)
{
    return st->wanted > st->frozen ||
           st->admitted - st->frozen >= st->settings.flush_events ||
           views_dirty_bytes(st->views) > st->settings.views_bytes / 3;
}

static bool
is_freeze_due(const struct store *st)
{
    if (st->admitted == st->frozen || st->verifying != NULL ||
        clock_monotonic() < st->not_before)
        return false;
    return is_freeze_urgent(st) || clock_monotonic() - st->frozen_at >= st->settings.flush_ns;
}

int
store_tick(struct store *st)
{
    int err = 0;

    views_end_read(st->views);
    if (st->failed == 0)
        st->failed = views_error(st->views);
    if (st->failed != 0)
        return st->failed;
    if (st->flushing && atomic_load(&st->flushed)) {
        st->flushing = false;
        err = views_release(st->views);
        if (err != 0) {
            st->frozen = views_checkpoint(st->views);
            st->not_before = clock_monotonic() + st->settings.flush_ns;
        }
    }
    if (st->flushing && (is_freeze_urgent(st) || st->wanted > views_checkpoint(st->views)))
        views_hurry(st->views);
    if (!st->flushing && is_freeze_due(st)) {
        bool urgent = is_freeze_urgent(st);

        /* What LMDB holds must not be ahead of the log. */
        if (st->admitted == log_head(st->log)) {
            freeze(st);
            if (urgent)
                views_hurry(st->views);
        } else {
            st->wants_freeze = true;
        }
    }
    return err;
}

uint64_t
store_log_id(const struct store *st)
{
    return log_id(st->log);
}

uint64_t
store_tail(const struct store *st)
{
    return log_tail(st->log);
}

uint64_t
store_head(const struct store *st)
{
    return st->as_of != 0 ? st->as_of : log_head(st->log);
}

uint64_t
store_admitted(const struct store *st)
{
    return st->admitted;
}

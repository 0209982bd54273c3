#include "store/scrub.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/must.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/le.h"
#include "store/pages.h"

/* Nine tenths of the time belong to others.  Its weight is not lowered besides: it
 * would be kept from the processor in the middle of a slice, and the file grow. */
#define SLICE_NS (2 * CLOCK_MS)
#define RESTS 9
#define ROUND_NS (86400 * CLOCK_SECOND)

/* A moment that is gone before its meta page was read is looked for again. */
#define TRIES_MAX 100

#define FREE_KEY_BYTES 8        /* the number of a transaction */
#define ID_BYTES 8              /* of a page in the list of free ones */

struct scrub {
    struct txn_env *env;
    struct txn reader;
    int fd;
    size_t page_bytes;
    int err;                    /* sticks */
    char how[128];              /* what is damaged */

    struct pages_meta meta;     /* of the reader's moment, the latest there was */
    unsigned char *is_free;     /* a bit for each page of it */
    bool collects;              /* the free ones, instead of looking for them */
    struct page path[PAGES_DEPTH_MAX];  /* down to the page looked at last */
    size_t turns[PAGES_DEPTH_MAX];      /* by which node of each */
    size_t path_len;            /* so many of it are of this moment */
    unsigned char *pages;       /* room for them */
    struct buf large;

    unsigned char next[PAGES_KEY_BYTES_MAX];    /* keys before this were looked at */
    size_t next_len;
    uint64_t began;             /* the moment the walk began at */
    uint64_t records;           /* looked at since */

    bool whole;                 /* the latest walk is over */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started, stop;
};

struct scrub *
scrub_new(struct txn_env *env)
{
    struct scrub *s = calloc(1, sizeof *s);
    pthread_condattr_t steady;

    must(s != NULL && pthread_mutex_init(&s->lock, NULL) == 0 &&
         pthread_condattr_init(&steady) == 0 &&
         pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0 &&
         pthread_cond_init(&s->changed, &steady) == 0);
    pthread_condattr_destroy(&steady);
    s->env = env;
    s->fd = txn_env_file(env, &s->page_bytes);
    must((s->pages = malloc(PAGES_DEPTH_MAX * s->page_bytes)) != NULL);
    txn_reader_init(&s->reader, env);
    return s;
}

void
scrub_free(struct scrub **out)
{
    struct scrub *s = *out;

    *out = NULL;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->started)
        must(pthread_join(s->thread, NULL) == 0);
    txn_reader_fini(&s->reader);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    buf_free(&s->large);
    free(s->is_free);
    free(s->pages);
    free(s);
}

/* ------------------------------------------------------ what was found wrong */

static bool
damaged(struct scrub *s, uint64_t page, size_t at, const char *what)
{
    if (s->err == 0) {
        s->err = TL_EDAMAGED;
        snprintf(s->how, sizeof s->how, "offset %" PRIu64 ": %s", page * s->page_bytes + at,
                 what);
    }
    return false;
}

/* What is behind the end of the file reads as zeros, as LMDB would see it. */
static bool
read_at(struct scrub *s, void *bytes, size_t len, uint64_t at)
{
    ssize_t n;

    for (size_t done = 0; done < len; done += (size_t)n) {
        n = pread(s->fd, (char *)bytes + done, len - done, (off_t)(at + done));
        if (n < 0 && errno != EINTR) {
            s->err = TL_EIO;
            snprintf(s->how, sizeof s->how, "offset %" PRIu64 " cannot be read: %s", at + done,
                     strerror(errno));
            return false;
        }
        if (n == 0) {
            memset((char *)bytes + done, 0, len - done);
            return true;
        }
        n = n < 0 ? 0 : n;
    }
    return true;
}

/* ---------------------------------------------------------------- free pages */

static bool
is_free(const struct scrub *s, uint64_t page)
{
    return (s->is_free[page / 8] >> page % 8 & 1) != 0;
}

/* `pages` from `first` on exist, and nothing else will be written there. */
static bool
in_use(struct scrub *s, uint64_t first, uint64_t count, const struct page *by, size_t at)
{
    if (first < 2 || first > s->meta.last || count - 1 > s->meta.last - first)
        return damaged(s, by != NULL ? by->number : 0, at, "a page is meant that does not exist");
    for (uint64_t page = first; page < first + count; page++)
        if (is_free(s, page) && !s->collects)
            return damaged(s, page, 0, "a page in use is said to be free");
    return true;
}

/* A record of the other tree: how many, then their numbers, the largest first. */
static bool
collect_free(struct scrub *s, struct tl_str value, const struct page *p, size_t at)
{
    const unsigned char *ids = (const unsigned char *)value.ptr;
    uint64_t count = value.len < ID_BYTES ? UINT64_MAX : le_get64(ids), id, before = UINT64_MAX;

    if (count > value.len / ID_BYTES - 1)
        return damaged(s, p->number, at, "a list of free pages is longer than its record");
    for (uint64_t i = 0; i < count; i++, before = id) {
        id = le_get64(ids + ID_BYTES * (i + 1));
        if (id < 2 || id > s->meta.last || id >= before || is_free(s, id))
            return damaged(s, p->number, at, "a list of free pages names one that is none");
        s->is_free[id / 8] |= (unsigned char)(1 << id % 8);
    }
    return true;
}

/* -------------------------------------------------------------------- records */

/* A value in pages of its own. */
static bool
read_large(struct scrub *s, struct tl_str *value, uint64_t first, const struct page *p, size_t at)
{
    uint64_t begin = first * s->page_bytes, count;
    unsigned char head[PAGES_PAGE_HEADER_BYTES];
    const char *what;
    size_t where;

    if (!in_use(s, first, 1, p, at) || !read_at(s, head, sizeof head, begin))
        return false;
    if ((what = page_open_large(&count, head, first, &where)) != NULL)
        return damaged(s, first, where, what);
    if (count * s->page_bytes < value->len + PAGES_PAGE_HEADER_BYTES)
        return damaged(s, p->number, at, "a value is longer than its pages");
    if (!in_use(s, first, count, p, at))
        return false;
    buf_clear(&s->large);
    must(buf_grow(&s->large, value->len) != NULL);
    value->ptr = (const char *)s->large.ptr;
    return read_at(s, s->large.ptr, value->len, begin + PAGES_PAGE_HEADER_BYTES);
}

static bool
look_at_record(struct scrub *s, enum pages_of tree, const struct page *p, size_t i)
{
    uint64_t pages;
    struct tl_str key = page_key(p, i), value = page_value(p, i, &pages);

    if (pages != 0 && !read_large(s, &value, pages, p, page_at(p, i)))
        return false;
    if (tree == PAGES_FREE)
        return !s->collects || collect_free(s, value, p, page_at(p, i));
    s->records++;
    return txn_sound(key, &value) ||
           damaged(s, p->number, page_at(p, i), "a record is not what was written");
}

/* ---------------------------------------------------------------------- pages */

/* The keys of free pages are numbers. */
static int
compare(enum pages_of tree, struct tl_str a, struct tl_str b)
{
    uint64_t x, y;

    if (tree == PAGES_RECORDS)
        return str_compare(a, b);
    x = le_get64((const unsigned char *)a.ptr);
    y = le_get64((const unsigned char *)b.ptr);
    return (x > y) - (x < y);
}

/* The keys a page may hold: from `low` on, before `high`; no bound: of no length. */
struct bounds {
    struct tl_str low, high;
};

static bool
look_at_keys(struct scrub *s, enum pages_of tree, const struct page *p, const struct bounds *b)
{
    struct tl_str before = b->low, key;

    for (size_t i = p->leaf ? 0 : 1; i < p->count; i++, before = key) {
        key = page_key(p, i);
        if (key.len == 0 || key.len > PAGES_KEY_BYTES_MAX ||
            (tree == PAGES_FREE && key.len != FREE_KEY_BYTES))
            return damaged(s, p->number, page_at(p, i), "a key is of no such length");
        if (before.len > 0 && compare(tree, before, key) >= (p->leaf && i == 0 ? 1 : 0))
            return damaged(s, p->number, page_at(p, i), "a key is out of order");
        if (b->high.len > 0 && compare(tree, key, b->high) >= 0)
            return damaged(s, p->number, page_at(p, i), "a key is where nobody looks for it");
    }
    return true;
}

/* The page at `level` of the path; it is read unless it was, by the same turns. */
static struct page *
look_at_page(struct scrub *s, enum pages_of tree, size_t level, uint64_t number,
             const struct bounds *b)
{
    size_t size = s->page_bytes, at;
    unsigned char *bytes = s->pages + level * size;
    struct page *p = &s->path[level];
    const char *what;

    if (level < s->path_len)
        return p;
    if (!in_use(s, number, 1, level > 0 ? p - 1 : NULL, 0) ||
        !read_at(s, bytes, size, number * size))
        return NULL;
    what = page_open(p, bytes, size, number, level + 1 == s->meta.trees[tree].depth, &at);
    if (what != NULL) {
        damaged(s, number, at, what);
        return NULL;
    }
    s->path_len = level + 1;
    return look_at_keys(s, tree, p, b) ? p : NULL;
}

/* The node under which `next` is looked for. */
static size_t
find_turn(struct scrub *s, enum pages_of tree, const struct page *p, size_t level)
{
    struct tl_str key = {(const char *)s->next, s->next_len};
    size_t low = 0, high = p->count, middle;

    while (high - low > 1) {
        middle = low + (high - low) / 2;
        if (key.len > 0 && compare(tree, page_key(p, middle), key) <= 0)
            low = middle;
        else
            high = middle;
    }
    if (s->turns[level] != low && s->path_len > level + 1)
        s->path_len = level + 1;
    s->turns[level] = low;
    return low;
}

/* Goes down from the root to where `next` is looked for, and looks at that page;
 * `next` is then where the page behind it begins.  Returns false at the end, or
 * when something is wrong. */
static bool
look_at_leaf(struct scrub *s, enum pages_of tree)
{
    const struct pages_tree *t = &s->meta.trees[tree];
    struct bounds b = {{"", 0}, {"", 0}};
    uint64_t number = t->root;
    struct page *p = NULL;

    for (size_t level = 0, i; level < t->depth; level++) {
        if ((p = look_at_page(s, tree, level, number, &b)) == NULL)
            return false;
        if (p->leaf)
            break;
        i = find_turn(s, tree, p, level);
        if (i > 0)
            b.low = page_key(p, i);
        if (i + 1 < p->count)
            b.high = page_key(p, i + 1);
        number = page_child(p, i);
    }
    for (size_t i = 0; p != NULL && i < p->count; i++)
        if (!look_at_record(s, tree, p, i))
            return false;
    memcpy(s->next, b.high.ptr, b.high.len);
    s->next_len = b.high.len;
    return b.high.len > 0;
}

/* --------------------------------------------------------------------- slices */

static void
collect(struct scrub *s, bool collects)
{
    s->collects = collects;
    s->path_len = 0;
    s->next_len = 0;
    while (look_at_leaf(s, PAGES_FREE))
        ;
    s->collects = false;
    s->path_len = 0;
}

/* The pages that are free at this moment; then, that this list is in none of them. */
static void
read_free(struct scrub *s)
{
    unsigned char next[PAGES_KEY_BYTES_MAX];
    size_t next_len = s->next_len;

    memcpy(next, s->next, next_len);
    free(s->is_free);
    must((s->is_free = calloc(s->meta.last / 8 + 1, 1)) != NULL);
    collect(s, true);
    if (s->err == 0)
        collect(s, false);
    memcpy(s->next, next, next_len);
    s->next_len = next_len;
}

/* The meta page of a moment stays until the second commit after it. */
static bool
read_meta(struct scrub *s, uint64_t moment)
{
    unsigned char bytes[PAGES_META_BYTES], again[PAGES_META_BYTES];
    unsigned which = moment & 1;
    uint64_t begin = which * s->page_bytes;
    const char *what;
    size_t at = 0;

    if (!read_at(s, bytes, sizeof bytes, begin) || !read_at(s, again, sizeof again, begin))
        return false;
    what = pages_meta(&s->meta, bytes, which, &at);
    if (memcmp(bytes, again, sizeof bytes) != 0 || s->meta.txn != moment)
        return false;
    if (what == NULL && s->meta.page_bytes != s->page_bytes)
        what = "pages are of no such size";
    return what == NULL || damaged(s, which, at, what);
}

static void
begin(struct scrub *s)
{
    uint64_t moment = 0, before = s->meta.txn;
    bool goes_on = s->next_len > 0, read = false;

    for (int tries = 0; !read && s->err == 0 && tries < TRIES_MAX; tries++) {
        txn_reader_end(&s->reader);
        if (!txn_reader_begin(&s->reader, &moment))
            s->err = s->reader.error;
        else if (goes_on && moment == before)
            return;
        else
            read = read_meta(s, moment);
    }
    if (s->err == 0 && !read)
        damaged(s, moment & 1, 0, "a meta page is not that of its moment");
    if (s->err == 0)
        read_free(s);
}

static bool
look(struct scrub *s, int64_t ns)
{
    int64_t end = clock_monotonic() + ns;
    bool more;

    if (s->next_len == 0) {
        s->began = s->meta.txn;
        s->records = 0;
    }
    do
        more = look_at_leaf(s, PAGES_RECORDS);
    while (more && clock_monotonic() < end);
    if (more || s->err != 0)
        return false;
    /* Of a walk that saw two moments nobody knows what it should have seen. */
    if (s->began == s->meta.txn && s->records != s->meta.trees[PAGES_RECORDS].entries)
        return damaged(s, s->meta.txn & 1, 0, "there are not as many records as it says");
    return true;
}

int
scrub_look(struct scrub *s, int64_t ns, bool *whole, char why[TXN_WHY_BYTES])
{
    if (s->err == 0)
        begin(s);
    s->whole = *whole = s->err == 0 && look(s, ns);
    txn_reader_end(&s->reader);
    if (s->err != 0)
        txn_env_damaged(s->env, s->how[0] != '\0' ? s->how : tl_code_sentence(s->err), why);
    return s->err;
}

/* ----------------------------------------------------------------- the thread */

/* Until it is to stop: then false. */
static bool
rest(struct scrub *s, int64_t ns)
{
    int64_t end = clock_monotonic() + ns;
    struct timespec until = {.tv_sec = end / CLOCK_SECOND, .tv_nsec = end % CLOCK_SECOND};
    bool goes_on;

    pthread_mutex_lock(&s->lock);
    while (!s->stop && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    goes_on = !s->stop;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void *
work(void *arg)
{
    struct scrub *s = arg;
    char why[TXN_WHY_BYTES];
    int64_t took = 0, from;
    bool whole = s->whole;

    while (rest(s, whole ? ROUND_NS : took * RESTS)) {
        from = clock_monotonic();
        if (scrub_look(s, SLICE_NS, &whole, why) != 0)
            txn_env_stop(s->env, s->how);
        took = clock_monotonic() - from;
    }
    return NULL;
}

void
scrub_start(struct scrub *s)
{
    s->started = true;
    must(pthread_create(&s->thread, NULL, work, s) == 0);
    pthread_setname_np(s->thread, "views scrub");
}

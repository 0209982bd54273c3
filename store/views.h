/* views.h -- what is derived from the log: ordered records in LMDB, with
 * write-back.
 *
 * Changed records live in memory (the active generation).  views_freeze makes
 * it the flushing one, which a background thread writes to LMDB in sorted
 * transactions of some 32 pages; reads see active, then flushing,
 * then LMDB.  All records of one profile go in one transaction, and records
 * that are not idempotent (key_global) in the last one together with the number
 * the checkpoint reaches; so a crash between any two leaves each profile exact
 * as of its card's number, and fold skips what it has (fold.h).
 *
 * Loop thread, except where it says otherwise. */

#ifndef STORE_VIEWS_H
#define STORE_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/event.h"

#define VIEWS_FORMAT 8
#define VIEWS_WHY_BYTES 512
#define VIEWS_MEMORY_MIN (1u << 20)

/* The start is so much later, and some 200 MB of a file in the page cache are looked at. */
#define VIEWS_SCRUB_NS 100000000LL

struct views;

/* Opens, or makes, the views in `dir` (one LMDB environment).  `memory_bytes`
 * bounds both generations together.  The file is looked at for damage before anything
 * is read from it, for VIEWS_SCRUB_NS; what that leaves is looked at beside all else,
 * and damage found there ends the program (scrub.h).
 * Returns 0, TL_EARGUMENT (so much memory is too little, or not to be had), TL_EFORMAT,
 * TL_EDAMAGED, TL_EIO, TL_NO_SPACE; `why` then says. */
int views_open(struct views **out, const char *dir, size_t memory_bytes, char why[VIEWS_WHY_BYTES]);
void views_close(struct views **v);     /* does not flush; waits for a running flush */

/* A part of views, in memory alone and of one thread: to see what they were once.
 * `has` says whether the part has the record of a key; what it has not is not there
 * when read, and goes nowhere when put.  Gets, walks, puts and deletes only. */
struct views_part {
    bool (*has)(void *arg, const void *key, size_t key_len);
    void *arg;
};

void views_open_part(struct views **out, const struct views_part *part);

/* What LMDB holds is folded to this number. */
uint64_t views_checkpoint(const struct views *v);

/* What went wrong when reading LMDB: 0, TL_EDAMAGED, TL_EIO.  Answers and folds
 * since then may have missed records, so nothing is flushed any more: stop. */
int views_error(const struct views *v);

/* TL_EDAMAGED when something read since the last call was not what was written:
 * what was made of it is worth nothing.  Others' records may be fine. */
int views_fault(struct views *v);

/* Keys are 1 to 511 bytes; a first byte of 0 is the views' own.
 *
 * A record.  `value` borrows until the next views_put, views_delete,
 * views_freeze, views_release or views_end_read.  Returns false: not there. */
bool views_get(struct views *v, const void *key, size_t key_len, struct tl_str *value);
void views_put(struct views *v, const void *key, size_t key_len, const void *value, size_t len);
void views_delete(struct views *v, const void *key, size_t key_len);

/* The same.  `*lasts`: the value stays where it is, whatever is put or deleted
 * besides, until this record is, or views_freeze. */
bool views_get_lasting(struct views *v, const void *key, size_t key_len, struct tl_str *value,
                       bool *lasts);

/* What a get will look at, fetched from memory ahead of it, in four steps that
 * each wait for what the one before asked for: take each with all records that
 * will be looked at before the next.  Only hints: what they say may be wrong, and
 * what is not in memory is not looked for. */
struct views_ahead {
    uint64_t hash;
    const void *entry;
};

uint64_t views_hash(const void *key, size_t key_len);
void views_ahead(struct views_ahead *a, const struct views *v, uint64_t hash);
void views_ahead_put(const struct views *v, const void *key, size_t key_len);
void views_ahead_slot(const struct views_ahead *a, const struct views *v);
void views_ahead_entry(struct views_ahead *a, const struct views *v);
void views_ahead_bytes(const struct views_ahead *a);
struct tl_str views_ahead_value(const struct views_ahead *a);   /* empty: not known */

/* A get, and a put, by a hash that is known. */
bool views_get_hashed(struct views *v, uint64_t hash, const void *key, size_t key_len,
                      struct tl_str *value);
void views_put_hashed(struct views *v, uint64_t hash, const void *key, size_t key_len,
                      const void *value, size_t len);

/* Walks records whose key begins with `prefix`, from the first key >= `from`
 * (or, backward, the last key <= `from`; an empty `from` starts at the end the
 * walk begins at).  Sees all three layers; deleted records are left out.
 * Records may not change during a walk.  A prefix names at least a profile
 * ('P' and its 8 bytes) or the sums ('G'); a shorter one, or one over
 * identifiers, only when nothing is dirty. */
struct views_walk {
    struct views *views;
    bool backward;
    struct tl_str prefix;       /* borrowed from the caller */
    struct tl_str key;          /* of the current record */
    struct tl_str value;
    void *state;
};

bool views_first(struct views_walk *w, struct views *v, const void *prefix, size_t prefix_len,
                 const void *from, size_t from_len, bool backward);
bool views_next(struct views_walk *w);
void views_end(struct views_walk *w);       /* also after a false */

/* The records as LMDB has them, for another thread to walk: exact as of the
 * checkpoint as long as no flush runs or starts.  Loop thread: new and free. */
struct views_rest;

struct views_rest *views_rest_new(struct views *v);
void views_rest_free(struct views_rest **r);
bool views_rest_first(struct views_rest *r, struct views_walk *w, const void *prefix,
                      size_t prefix_len);
int views_rest_error(const struct views_rest *r);

/* Looks at their file for damage, a part at a time until `*whole`.  Returns 0,
 * TL_EDAMAGED, TL_EIO; `why` then says. */
int views_rest_scrub(struct views_rest *r, bool *whole, char why[VIEWS_WHY_BYTES]);

/* Ends the short LMDB read transaction that gets and walks share; call when the
 * loop goes idle or at latest after 250 ms. */
void views_end_read(struct views *v);

/* Memory held by the two generations. */
size_t views_dirty_bytes(const struct views *v);
size_t views_dirty_records(const struct views *v);

/* Memory held by generations that were flushed: what the two leave of seven eighths
 * of `memory_bytes`, at most. */
size_t views_kept_bytes(const struct views *v);

/* The two hold three quarters of `memory_bytes` or more: fold no more before the
 * flush has ended.  What memory they leave is for generations flushed before. */
bool views_full(const struct views *v);

/* May a new flush start?  (None is running.) */
bool views_idle(const struct views *v);

/* Starts flushing everything put so far; the result is folded to `number`.
 * `done(arg)` is called on the flusher's thread when it ends. */
void views_freeze(struct views *v, uint64_t number, void (*done)(void *arg), void *arg);

/* A flush leaves the disk to others most of the time, for a sync of the log waits
 * for what it writes.  This ends its patience: memory fills, or somebody waits. */
void views_hurry(struct views *v);

/* After done: drops the flushed generation.  Returns 0 (also when there was no
 * flush), or TL_NO_SPACE (it is kept, and the next freeze tries again with it
 * merged), TL_EDAMAGED, TL_EIO. */
int views_release(struct views *v);

/* Waits for a running flush, on the loop thread, then releases. */
int views_settle(struct views *v);

/* Bytes of the LMDB file in use. */
uint64_t views_bytes(const struct views *v);

#endif

/* txn.h -- LMDB behind a sticky error; nobody else includes lmdb.h.
 *
 * The first failure of a transaction sticks, later calls do nothing, so the
 * code is straight and checks once.  Codes: TL_NO_SPACE (the disk or the map is
 * full; nothing of the transaction is there), TL_EDAMAGED, TL_EIO (errno says). */

#ifndef STORE_TXN_H
#define STORE_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/event.h"

#define TXN_WHY_BYTES 512

struct MDB_txn;
struct MDB_cursor;
struct txn_env;

/* Opens, or makes, the environment in `dir` (made too) with a map of at least
 * `map_bytes`.  Returns 0, TL_EDAMAGED, TL_EFORMAT, TL_EIO, TL_NO_SPACE; `why`
 * then says. */
int txn_env_open(struct txn_env **out, const char *dir, size_t map_bytes, char why[TXN_WHY_BYTES]);
void txn_env_close(struct txn_env **env);

/* Makes the map at least `bytes` long, and larger than it was when it has been
 * full.  No transaction may be open.  Returns 0 or TL_EIO (the environment is
 * of no use any more). */
int txn_env_fit(struct txn_env *env, uint64_t bytes);
uint64_t txn_env_bytes(const struct txn_env *env);      /* of the file in use */
size_t txn_env_records(const struct txn_env *env);

/* For who looks at the file itself (scrub.h): its descriptor, and the sentence that
 * it is damaged; or that sentence as the program's last. */
int txn_env_file(const struct txn_env *env, size_t *page_bytes);
void txn_env_damaged(const struct txn_env *env, const char *how, char why[TXN_WHY_BYTES]);
_Noreturn void txn_env_stop(const struct txn_env *env, const char *how);

struct txn {
    struct txn_env *env;
    struct MDB_txn *mdb;
    bool open;          /* sees the environment; a reader keeps `mdb` between two uses */
    bool damaged;       /* read a record that is not what was written: it seemed empty */
    int error;
    struct MDB_cursor *writer;
    uintptr_t last;     /* where the record before was put */
    size_t pages;       /* so many were written to, about */
};

/* The one write transaction. */
void txn_begin(struct txn *t, struct txn_env *env);
void txn_put(struct txn *t, const void *key, size_t key_len, const void *value, size_t len);
void txn_delete(struct txn *t, const void *key, size_t key_len);    /* also when it is not there */
int txn_commit(struct txn *t);      /* durable on return, or aborted */
int txn_commit_part(struct txn *t); /* durable with the next one: for half of the syncs */

/* A reader begins with its first get and sees that moment until it ends. */
void txn_reader_init(struct txn *t, struct txn_env *env);
bool txn_reader_begin(struct txn *t, uint64_t *moment);     /* now, and LMDB's number of now */
void txn_reader_end(struct txn *t);
void txn_reader_fini(struct txn *t);

/* Is it what was written under this key?  Then `value` is without its sum. */
bool txn_sound(struct tl_str key, struct tl_str *value);

/* `value` borrows until the reader ends. */
bool txn_get(struct txn *t, const void *key, size_t key_len, struct tl_str *value);

/* Walks a reader's records; false (and `at` false): there is none there. */
struct txn_cursor {
    struct txn *txn;
    struct MDB_cursor *mdb;
    bool at;
    struct tl_str key;
    struct tl_str value;
};

void txn_cursor_open(struct txn_cursor *c, struct txn *t);
bool txn_cursor_seek(struct txn_cursor *c, const void *key, size_t len);    /* the first >= key */
bool txn_cursor_last(struct txn_cursor *c);
bool txn_cursor_next(struct txn_cursor *c);
bool txn_cursor_prev(struct txn_cursor *c);
void txn_cursor_close(struct txn_cursor *c);

#endif

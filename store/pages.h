/* pages.h -- LMDB's file looked at without LMDB, which follows whatever it reads
 * wherever that leads, and keeps no sums of its pages.
 *
 * Data version 1, as liblmdb 0.9 writes it: two meta pages, then the pages of two
 * trees, of free pages and of the records.  Pure: bytes in, a verdict out, and
 * nothing beside the bytes is touched whatever they say.  A verdict is NULL, or
 * what is wrong (static), and then `*at` is where, counted from the bytes given. */

#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/event.h"

#define PAGES_HEAD_BYTES (64 << 10)     /* both meta pages, of the largest size */
#define PAGES_META_BYTES 152            /* what is read of one */
#define PAGES_PAGE_HEADER_BYTES 16
#define PAGES_DEPTH_MAX 32
#define PAGES_KEY_BYTES_MAX 511
#define PAGES_NONE UINT64_MAX           /* the root of an empty tree */

/* The last pages of a transaction may never have been written. */
#define PAGES_UNWRITTEN_MAX 8192

enum pages_of { PAGES_FREE, PAGES_RECORDS };

struct pages_tree {
    uint64_t root;
    uint64_t entries;
    unsigned depth;
};

struct pages_meta {
    size_t page_bytes;
    uint64_t last;                      /* page there is */
    uint64_t txn;
    struct pages_tree trees[2];         /* by enum pages_of */
};

/* Reads the meta page at `bytes`, the first or the second of the file. */
const char *pages_meta(struct pages_meta *out, const unsigned char *bytes, unsigned which,
                       size_t *at);

/* What LMDB would begin with, of the `len` first bytes of a file: of two meta pages
 * the later.  Nothing is wrong with another version, for LMDB says that. */
const char *pages_head(const unsigned char *bytes, size_t len, uint64_t file_bytes, size_t *at);

/* A page of a tree, all of whose nodes lie within it and fill it without a gap. */
struct page {
    const unsigned char *bytes;         /* borrowed */
    size_t size;
    uint64_t number;
    bool leaf;
    size_t count;                       /* of nodes; at least 1 */
};

const char *page_open(struct page *p, const unsigned char *bytes, size_t size, uint64_t number,
                      bool leaf, size_t *at);

size_t page_at(const struct page *p, size_t i);             /* of node `i`, in the page */
struct tl_str page_key(const struct page *p, size_t i);     /* of no meaning in a branch's first */
uint64_t page_child(const struct page *p, size_t i);        /* of a branch */

/* A leaf's value; or its length, and `*pages`: the first of the pages of its own it
 * lies in (else 0). */
struct tl_str page_value(const struct page *p, size_t i, uint64_t *pages);

/* The header of a value's own pages: says how many there are. */
const char *page_open_large(uint64_t *count, const unsigned char *bytes, uint64_t number,
                            size_t *at);

#endif

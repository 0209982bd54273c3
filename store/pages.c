#include "store/pages.h"

#include "store/le.h"

/* Of a page. */
#define NUMBER_AT 0
#define FLAGS_AT 10
#define LOWER_AT 12         /* where the list of nodes ends */
#define UPPER_AT 14         /* where the nodes begin */
#define LARGE_COUNT_AT 12
enum { BRANCH = 1, LEAF = 2, LARGE = 4, META = 8 };

/* Of a node. */
#define NODE_HEADER_BYTES 8
#define NODE_FLAGS_AT 4
#define NODE_KEY_LEN_AT 6
#define NODE_LARGE 1
#define POINTER_BYTES 8

/* Of a meta page. */
#define MAGIC 0xBEEFC0DEu
#define VERSION 1
#define MAGIC_AT 16
#define VERSION_AT 20
#define TREES_AT 40
#define TREE_BYTES 48
#define LAST_AT 136
#define TXN_AT 144
#define TREE_FLAGS_AT 4
#define TREE_DEPTH_AT 6
#define TREE_ENTRIES_AT 32
#define TREE_ROOT_AT 40
#define INTEGER_KEYS 0x08
#define ORDERS 0x7e         /* flags by which keys or values are ordered otherwise */

#define PAGE_BYTES_MIN 512
#define PAGE_BYTES_MAX 32768

static const char *
wrong(size_t *at, size_t where, const char *what)
{
    *at = where;
    return what;
}

/* ------------------------------------------------------------- meta pages */

static const char *
read_tree(struct pages_tree *t, const unsigned char *bytes, size_t begin, unsigned flags,
          uint64_t last, size_t *at)
{
    const unsigned char *tree = bytes + begin;

    t->depth = le_get16(tree + TREE_DEPTH_AT);
    t->entries = le_get64(tree + TREE_ENTRIES_AT);
    t->root = le_get64(tree + TREE_ROOT_AT);
    if ((le_get16(tree + TREE_FLAGS_AT) & ORDERS) != flags)
        return wrong(at, begin + TREE_FLAGS_AT, "a tree is of another kind");
    if (t->root != PAGES_NONE && (t->root < 2 || t->root > last))
        return wrong(at, begin + TREE_ROOT_AT, "a tree begins at no page");
    if ((t->root == PAGES_NONE) != (t->depth == 0) || t->depth > PAGES_DEPTH_MAX)
        return wrong(at, begin + TREE_DEPTH_AT, "a tree is of no such depth");
    return NULL;
}

const char *
pages_meta(struct pages_meta *out, const unsigned char *bytes, unsigned which, size_t *at)
{
    const char *what;

    *out = (struct pages_meta){.page_bytes = le_get32(bytes + TREES_AT),
                               .last = le_get64(bytes + LAST_AT),
                               .txn = le_get64(bytes + TXN_AT)};
    if (le_get32(bytes + MAGIC_AT) != MAGIC)
        return wrong(at, 0, "a meta page is none");
    if (out->page_bytes < PAGE_BYTES_MIN || out->page_bytes > PAGE_BYTES_MAX ||
        (out->page_bytes & (out->page_bytes - 1)) != 0)
        return wrong(at, TREES_AT, "pages are of no such size");
    /* A new file has two of number 0. */
    if (out->txn != 0 && (out->txn & 1) != which)
        return wrong(at, TXN_AT, "a meta page has the number of the other");
    if (out->last < 1 || out->last > INT64_MAX / PAGE_BYTES_MAX)
        return wrong(at, LAST_AT, "there are no so many pages");
    what = read_tree(&out->trees[PAGES_FREE], bytes, TREES_AT, INTEGER_KEYS, out->last, at);
    if (what == NULL)
        what = read_tree(&out->trees[PAGES_RECORDS], bytes, TREES_AT + TREE_BYTES, 0, out->last,
                         at);
    return what;
}

/* Both are looked at by LMDB, too. */
static const char *
check_kind(const unsigned char *bytes, size_t begin, size_t *at)
{
    if (le_get32(bytes + begin + MAGIC_AT) != MAGIC ||
        (le_get16(bytes + begin + FLAGS_AT) & META) == 0)
        return wrong(at, begin, "a meta page is none");
    return NULL;
}

const char *
pages_head(const unsigned char *bytes, size_t len, uint64_t file_bytes, size_t *at)
{
    struct pages_meta meta;
    const char *what;
    size_t size, begin;

    if (len < PAGES_META_BYTES)
        return len == 0 ? NULL : wrong(at, len, "it ends before its first page");
    size = le_get32(bytes + TREES_AT);
    if (size < PAGE_BYTES_MIN || len < size + PAGES_META_BYTES)
        return wrong(at, TREES_AT, "pages are of no such size");
    if ((what = check_kind(bytes, 0, at)) != NULL ||
        (what = check_kind(bytes, size, at)) != NULL)
        return what;
    if (le_get32(bytes + VERSION_AT) != VERSION || le_get32(bytes + size + VERSION_AT) != VERSION)
        return NULL;
    begin = le_get64(bytes + TXN_AT) < le_get64(bytes + size + TXN_AT) ? size : 0;
    what = pages_meta(&meta, bytes + begin, begin > 0, at);
    if (what == NULL && meta.page_bytes != size)
        what = wrong(at, TREES_AT, "pages are of no such size");
    if (what == NULL && meta.last >= file_bytes / size + PAGES_UNWRITTEN_MAX)
        what = wrong(at, LAST_AT, "it ends before its last page");
    *at += what != NULL ? begin : 0;
    return what;
}

/* -------------------------------------------------------- pages of a tree */

size_t
page_at(const struct page *p, size_t i)
{
    return le_get16(p->bytes + PAGES_PAGE_HEADER_BYTES + 2 * i);
}

static const unsigned char *
node(const struct page *p, size_t i)
{
    return p->bytes + page_at(p, i);
}

struct tl_str
page_key(const struct page *p, size_t i)
{
    const unsigned char *n = node(p, i);

    return (struct tl_str){(const char *)n + NODE_HEADER_BYTES, le_get16(n + NODE_KEY_LEN_AT)};
}

uint64_t
page_child(const struct page *p, size_t i)
{
    const unsigned char *n = node(p, i);

    return le_get32(n) | (uint64_t)le_get16(n + NODE_FLAGS_AT) << 32;
}

struct tl_str
page_value(const struct page *p, size_t i, uint64_t *pages)
{
    struct tl_str key = page_key(p, i);
    const unsigned char *n = node(p, i), *at = (const unsigned char *)key.ptr + key.len;
    bool large = (le_get16(n + NODE_FLAGS_AT) & NODE_LARGE) != 0;

    *pages = large ? le_get64(at) : 0;
    return (struct tl_str){large ? NULL : (const char *)at, le_get32(n)};
}

/* Bytes that belong to a node; 0: it does not fit in `room`. */
static size_t
node_bytes(const struct page *p, const unsigned char *n, size_t room)
{
    size_t bytes = NODE_HEADER_BYTES;

    if (room < NODE_HEADER_BYTES)
        return 0;
    bytes += le_get16(n + NODE_KEY_LEN_AT);
    if (p->leaf)
        bytes += (le_get16(n + NODE_FLAGS_AT) & NODE_LARGE) != 0 ? POINTER_BYTES : le_get32(n);
    return bytes <= room ? bytes + (bytes & 1) : 0;
}

static const char *
check_nodes(const struct page *p, size_t upper, size_t *at)
{
    size_t sum = 0, place, bytes;

    for (size_t i = 0; i < p->count; i++) {
        place = page_at(p, i);
        if (place < upper || place >= p->size || (place & 1) != 0)
            return wrong(at, PAGES_PAGE_HEADER_BYTES + 2 * i, "a node lies outside its page");
        if ((bytes = node_bytes(p, p->bytes + place, p->size - place)) == 0)
            return wrong(at, place, "a node is longer than its page");
        if (p->leaf && (le_get16(p->bytes + place + NODE_FLAGS_AT) & ~NODE_LARGE) != 0)
            return wrong(at, place + NODE_FLAGS_AT, "a node is of another kind");
        sum += bytes;
    }
    /* LMDB closes every gap, so a length that is wrong shows in the sum. */
    return sum == p->size - upper ? NULL : wrong(at, LOWER_AT, "nodes do not fill their page");
}

const char *
page_open(struct page *p, const unsigned char *bytes, size_t size, uint64_t number, bool leaf,
          size_t *at)
{
    size_t lower = le_get16(bytes + LOWER_AT), upper = le_get16(bytes + UPPER_AT);

    *p = (struct page){.bytes = bytes, .size = size, .number = number, .leaf = leaf};
    if (le_get64(bytes + NUMBER_AT) != number)
        return wrong(at, NUMBER_AT, "another page is meant to be here");
    if (le_get16(bytes + FLAGS_AT) != (leaf ? LEAF : BRANCH))
        return wrong(at, FLAGS_AT, "a page is of another kind");
    if (lower <= PAGES_PAGE_HEADER_BYTES || (lower & 1) != 0 || lower > upper || upper > size)
        return wrong(at, LOWER_AT, "a page says wrongly what of it is used");
    p->count = (lower - PAGES_PAGE_HEADER_BYTES) / 2;
    return check_nodes(p, upper, at);
}

const char *
page_open_large(uint64_t *count, const unsigned char *bytes, uint64_t number, size_t *at)
{
    if (le_get64(bytes + NUMBER_AT) != number)
        return wrong(at, NUMBER_AT, "another page is meant to be here");
    if (le_get16(bytes + FLAGS_AT) != LARGE)
        return wrong(at, FLAGS_AT, "a page is of another kind");
    *count = le_get32(bytes + LARGE_COUNT_AT);
    return NULL;
}

/* codec.c -- the walk over a message's bytes, both ways. */

#include "proto/codec.h"

#include <endian.h>
#include <string.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/short.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "proto/code.h"
#include "proto/table.h"

#define VARINT_BYTES_MAX 10
#define TIME_BYTES_MAX 17           /* two tags, a negative int64, 30 bits of nanoseconds */
#define NS 1000000000LL
#define SECONDS_MIN (-62135596800LL)    /* 0001-01-01T00:00:00Z, timestamp.proto */
#define SECONDS_MAX 253402300799LL      /* 9999-12-31T23:59:59Z */

void
codec_init(void)
{
    table_init();
}

/* ------------------------------------------------------------------ reading */

typedef const unsigned char *bytes;

/* As they lie in memory, the first byte the lowest. */
static inline uint64_t
eight(bytes p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return le64toh(w);
}

static inline uint64_t
four(bytes p)
{
    uint32_t w;

    memcpy(&w, p, sizeof w);
    return le32toh(w);
}

/* Readers give the place after what they read, NULL when it is not there. */

static bytes
read_long_varint(uint64_t *v, bytes p, bytes end)
{
    uint64_t sum = 0;
    size_t len;

    if (end - p >= 8 && (len = varint_read(v, p)) > 0)
        return p + len;
    for (unsigned shift = 0; p < end && shift < 63; shift += 7) {
        uint64_t byte = *p++;

        sum |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *v = sum;
            return p;
        }
    }
    /* Of the tenth byte one bit counts. */
    if (p == end || *p > 1)
        return NULL;
    *v = sum | (uint64_t)*p << 63;
    return p + 1;
}

static inline bytes
read_varint(uint64_t *v, bytes p, bytes end)
{
    if (p < end && *p < 0x80) {
        *v = *p;
        return p + 1;
    }
    return read_long_varint(v, p, end);
}

static inline bytes
read_tag(uint32_t *tag, bytes p, bytes end)
{
    uint64_t v;

    if (end - p >= 2 && p[0] >= 0x80 && p[1] < 0x80) {
        *tag = (uint32_t)(p[0] & 0x7f) | (uint32_t)p[1] << 7;
        p += 2;
    } else {
        if ((p = read_varint(&v, p, end)) == NULL || v > UINT32_MAX)
            return NULL;
        *tag = (uint32_t)v;
    }
    return *tag >> 3 != 0 ? p : NULL;
}

static inline bytes
read_length(size_t *len, bytes p, bytes end)
{
    uint64_t v;

    if ((p = read_varint(&v, p, end)) == NULL || v > (uint64_t)(end - p))
        return NULL;
    *len = (size_t)v;
    return p;
}

static bytes
skip_value(uint32_t tag, bytes p, bytes end)
{
    uint64_t v;
    size_t len;

    switch (tag & 7) {
    case 0:
        return read_varint(&v, p, end);
    case 1:
        return end - p >= 8 ? p + 8 : NULL;
    case 2:
        return (p = read_length(&len, p, end)) != NULL ? p + len : NULL;
    case 5:
        return end - p >= 4 ? p + 4 : NULL;
    default:
        return NULL;    /* groups are not of proto3 */
    }
}

static int
read_time(int64_t *ns, bytes p, bytes end)
{
    int64_t seconds = 0, nanos = 0;
    uint32_t tag;
    uint64_t v;

    while (p < end) {
        if ((p = read_tag(&tag, p, end)) == NULL)
            return TL_MALFORMED;
        if (tag == (1u << 3 | TABLE_VARINT) && (p = read_varint(&v, p, end)) != NULL)
            seconds = (int64_t)v;
        else if (tag == (2u << 3 | TABLE_VARINT) && (p = read_varint(&v, p, end)) != NULL)
            nanos = (int64_t)v;
        else if (p == NULL || tag >> 3 <= 2 || (p = skip_value(tag, p, end)) == NULL)
            return TL_MALFORMED;
    }
    if (seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos < 0 || nanos >= NS)
        return TL_BAD_TIME;
    if (__builtin_mul_overflow(seconds, NS, ns) || __builtin_add_overflow(*ns, nanos, ns))
        return TL_BAD_TIME;
    if (*ns == 0)
        *ns = 1;        /* 0 means "not given" */
    return 0;
}

static void
set_number(const struct table_field *f, unsigned char *at, uint64_t v)
{
    switch (f->kind) {
    case TABLE_BOOL:
        *(bool *)at = v != 0;
        return;
    case TABLE_U32:
    case TABLE_ENUM:
        *(uint32_t *)(void *)at = (uint32_t)v;
        return;
    default:
        *(uint64_t *)(void *)at = v;
    }
}

/* Only printable ASCII, as most text is?  Short text is looked at in two words
 * that overlap; no byte of them may be below a space or have its top bit set. */
static inline bool
is_plain(bytes p, size_t len)
{
    const uint64_t spaces = 0x2020202020202020u, tops = 0x8080808080808080u;
    uint64_t a, b;

    for (; len > 32; p += 16, len -= 16) {
        a = eight(p);
        b = eight(p + 8);
        if ((((a - spaces) | a | (b - spaces) | b) & tops) != 0)
            return false;
    }
    for (; len > 16; p += 8, len -= 8) {
        a = eight(p);
        if ((((a - spaces) | a) & tops) != 0)
            return false;
    }
    if (len >= 8) {
        a = eight(p);
        b = eight(p + len - 8);
    } else if (len >= 4) {
        a = b = four(p) | four(p + len - 4) << 32;
    } else if (len > 0) {
        a = b = p[0] | (uint64_t)p[len / 2] << 8 | (uint64_t)p[len - 1] << 16 | spaces << 24;
    } else {
        return true;
    }
    return (((a - spaces) | a | (b - spaces) | b) & tops) == 0;
}

static inline int
set_text(const struct table_field *f, unsigned char *at, bytes p, size_t len)
{
    if (f->kind == TABLE_TEXT && !is_plain(p, len) && !utf8_text(p, len))
        return TL_BAD_UTF8;
    *(struct tl_str *)(void *)at = (struct tl_str){(const char *)p, len};
    return 0;
}

static int read_message(const struct table *t, unsigned char *out, bytes p, bytes end,
                        struct arena *arena);

/* Another occurrence overwrites the struct of the one before. */
static int
set_message(const struct table_field *f, unsigned char *at, bytes p, size_t len,
            struct arena *arena)
{
    void **slot = (void **)(void *)at;

    if (*slot != NULL)
        memset(*slot, 0, f->sub->size);
    else if ((*slot = arena_alloc(arena, f->sub->size)) == NULL)
        return TL_TOO_MANY;
    return read_message(f->sub, *slot, p, p + len, arena);
}

static inline int
set_single(const struct table_field *f, unsigned char *at, bytes p, size_t len,
           struct arena *arena)
{
    switch (f->kind) {
    case TABLE_TIME:
        return read_time((int64_t *)(void *)at, p, p + len);
    case TABLE_MESSAGE:
        return set_message(f, at, p, len, arena);
    default:
        return set_text(f, at, p, len);
    }
}

/* How many elements of one repeated field follow each other; p is behind the
 * first one's tag. */
static size_t
count_run(uint32_t tag, bytes p, bytes end)
{
    size_t count = 0, len;
    uint32_t next = tag;

    while (next == tag && (p = read_length(&len, p, end)) != NULL) {
        count++;
        p += len;
        if (p == end || (p = read_tag(&next, p, end)) == NULL)
            break;
    }
    return count;
}

/* Room for a run of elements behind those there are.  Writers put elements of
 * one field together; whoever scatters them pays from the arena's budget. */
static unsigned char *
extend_array(const struct table_field *f, unsigned char *out, size_t run, struct arena *arena)
{
    void **array = (void **)(void *)(out + f->offset);
    size_t *count = (size_t *)(void *)(out + f->count_offset);
    size_t used = *count * f->size;
    unsigned char *more;

    if ((more = arena_alloc(arena, used + run * f->size)) == NULL)
        return NULL;
    if (used != 0)
        memcpy(more, *array, used);
    *array = more;
    *count += run;
    return more + used;
}

/* Reads a run of elements; p is behind the first one's tag. */
static bytes
read_run(const struct table_field *f, unsigned char *out, uint32_t tag, bytes p, bytes end,
         struct arena *arena, int *err)
{
    size_t len, run = count_run(tag, p, end);
    unsigned char *at;

    *err = TL_MALFORMED;
    if (run == 0)
        return NULL;
    if ((at = extend_array(f, out, run, arena)) == NULL) {
        *err = TL_TOO_MANY;
        return NULL;
    }
    for (;; at += f->size) {
        if ((p = read_length(&len, p, end)) == NULL)
            return NULL;
        *err = f->kind == TABLE_MESSAGE ? read_message(f->sub, at, p, p + len, arena)
                                        : set_text(f, at, p, len);
        if (*err != 0)
            return NULL;
        p += len;
        if (--run == 0)
            return p;
        p = read_tag(&tag, p, end);
    }
}

static int
read_message(const struct table *t, unsigned char *out, bytes p, bytes end, struct arena *arena)
{
    void **chosen = NULL;       /* of a oneof */
    uint32_t tag;
    uint64_t v;
    size_t len;
    int err;

    while (p < end) {
        const struct table_field *f;

        if ((p = read_tag(&tag, p, end)) == NULL)
            return TL_MALFORMED;
        f = tag >> 3 < TABLE_NUMBERS ? t->by_number[tag >> 3] : NULL;
        if (f == NULL) {
            if ((p = skip_value(tag, p, end)) == NULL)
                return TL_MALFORMED;
        } else if ((tag & 7) != f->wire) {
            return TL_MALFORMED;
        } else if (f->kind == TABLE_TEXT && !f->repeated) {
            if ((p = read_length(&len, p, end)) == NULL)
                return TL_MALFORMED;
            if ((err = set_text(f, out + f->offset, p, len)) != 0)
                return err;
            p += len;
        } else if (f->wire == TABLE_VARINT) {
            if ((p = read_varint(&v, p, end)) == NULL)
                return TL_MALFORMED;
            set_number(f, out + f->offset, v);
        } else if (f->repeated) {
            if ((p = read_run(f, out, tag, p, end, arena, &err)) == NULL)
                return err;
        } else {
            if ((p = read_length(&len, p, end)) == NULL)
                return TL_MALFORMED;
            if (f->oneof) {
                if (chosen != NULL)
                    *chosen = NULL;
                chosen = (void **)(void *)(out + f->offset);
            }
            if ((err = set_single(f, out + f->offset, p, len, arena)) != 0)
                return err;
            p += len;
        }
    }
    return 0;
}

int
codec_decode(enum codec_message what, void *out, struct tl_str in, struct arena *arena)
{
    const struct table *t = table_of(what);
    bytes p = (bytes)in.ptr;

    memset(out, 0, t->size);
    return in.len != 0 ? read_message(t, out, p, p + in.len, arena) : 0;
}

/* ------------------------------------------------------------------ writing */

/* Writes behind the buffer's end; the buffer learns of it when it must grow and
 * at the end. */
struct writer {
    unsigned char *p;
    unsigned char *end;
    struct buf *buf;
};

static void
settle(struct writer *w)
{
    w->buf->len = (size_t)(w->p - w->buf->ptr);
}

static bool
grow(struct writer *w, size_t len)
{
    if (w->p != NULL)
        settle(w);
    if (buf_grow(w->buf, len) == NULL)
        return false;
    w->buf->len -= len;
    w->p = w->buf->ptr + w->buf->len;
    w->end = w->buf->ptr + w->buf->cap;
    return true;
}

/* Are there `len` writable bytes? */
static inline bool
room(struct writer *w, size_t len)
{
    return (size_t)(w->end - w->p) >= len || grow(w, len);
}

static inline unsigned char *
put_varint(unsigned char *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (unsigned char)v;
    return p;
}

/* Times are mostly numbers of five bytes. */
static inline unsigned char *
put_large_varint(unsigned char *p, uint64_t v)
{
    if (v < 1u << 28 || v >= 1ull << 35)
        return put_varint(p, v);
    p[0] = (unsigned char)(v | 0x80);
    p[1] = (unsigned char)(v >> 7 | 0x80);
    p[2] = (unsigned char)(v >> 14 | 0x80);
    p[3] = (unsigned char)(v >> 21 | 0x80);
    p[4] = (unsigned char)(v >> 28);
    return p + 5;
}

static size_t
varint_bytes(uint64_t v)
{
    size_t len = 1;

    while ((v >>= 7) != 0)
        len++;
    return len;
}

static inline unsigned char *
put_tag(unsigned char *p, const struct table_field *f)
{
    p[0] = f->tag[0];
    p[1] = f->tag[1];
    return p + f->tag_bytes;
}

static inline void
write_number(struct writer *w, const struct table_field *f, uint64_t v)
{
    if (room(w, 2 + VARINT_BYTES_MAX))
        w->p = put_varint(put_tag(w->p, f), v);
}

static inline void
write_text(struct writer *w, const struct table_field *f, const struct tl_str *s)
{
    unsigned char *p;

    if (!room(w, 2 + VARINT_BYTES_MAX + s->len))
        return;
    p = put_varint(put_tag(w->p, f), s->len);
    w->p = short_copy(p, s->ptr, s->len);
}

static void
write_time(struct writer *w, const struct table_field *f, int64_t ns)
{
    int64_t seconds = ns / NS, nanos = ns % NS;
    unsigned char *p, *length;

    if (!room(w, 2 + 1 + TIME_BYTES_MAX))
        return;
    if (nanos < 0) {
        nanos += NS;
        seconds--;
    }
    p = length = put_tag(w->p, f);
    p++;
    if (seconds != 0) {
        *p++ = 1 << 3 | TABLE_VARINT;
        p = put_large_varint(p, (uint64_t)seconds);
    }
    if (nanos != 0) {
        *p++ = 2 << 3 | TABLE_VARINT;
        p = put_large_varint(p, (uint64_t)nanos);
    }
    *length = (unsigned char)(p - length - 1);
    w->p = p;
}

static void write_message(struct writer *w, const struct table *t, const unsigned char *in);

/* A message's length is known when it is written, and stands in front of it:
 * `width` bytes are kept for it, and the message moves when that was wrong.
 * Returns the width it had, a good guess for its sibling. */
static size_t
write_sub(struct writer *w, const struct table_field *f, const void *in, size_t width)
{
    size_t at, len, need;

    if (!room(w, 2 + 2 * VARINT_BYTES_MAX))
        return width;
    w->p = put_tag(w->p, f);
    at = (size_t)(w->p - w->buf->ptr);
    w->p += width;
    write_message(w, f->sub, in);
    if (w->buf->failed || !room(w, VARINT_BYTES_MAX))
        return width;
    len = (size_t)(w->p - w->buf->ptr) - at - width;
    need = varint_bytes(len);
    if (need != width)
        memmove(w->buf->ptr + at + need, w->buf->ptr + at + width, len);
    put_varint(w->buf->ptr + at, len);
    w->p = w->buf->ptr + at + need + len;
    return need;
}

static void
write_subs(struct writer *w, const struct table_field *f, const unsigned char *in)
{
    const unsigned char *at = *(unsigned char *const *)(const void *)(in + f->offset);
    size_t count = *(const size_t *)(const void *)(in + f->count_offset), width = 1;

    for (; count > 0; count--, at += f->size)
        width = write_sub(w, f, at, width);
}

static void
write_texts(struct writer *w, const struct table_field *f, const unsigned char *in)
{
    const struct tl_str *at = *(struct tl_str *const *)(const void *)(in + f->offset);
    size_t count = *(const size_t *)(const void *)(in + f->count_offset);

    for (; count > 0; count--)
        write_text(w, f, at++);
}

/* What is there. */
static inline void
write_field(struct writer *w, const struct table_field *f, const unsigned char *in)
{
    const unsigned char *at = in + f->offset;

    switch ((enum table_kind)f->kind) {
    case TABLE_TEXT:
    case TABLE_BYTES:
        if (f->repeated)
            write_texts(w, f, in);
        else
            write_text(w, f, (const struct tl_str *)(const void *)at);
        return;
    case TABLE_BOOL:
        write_number(w, f, 1);
        return;
    case TABLE_U32:
    case TABLE_ENUM:
        write_number(w, f, *(const uint32_t *)(const void *)at);
        return;
    case TABLE_U64:
    case TABLE_I64:
        write_number(w, f, *(const uint64_t *)(const void *)at);
        return;
    case TABLE_TIME:
        write_time(w, f, *(const int64_t *)(const void *)at);
        return;
    case TABLE_MESSAGE:
        if (f->repeated)
            write_subs(w, f, in);
        else
            write_sub(w, f, *(void *const *)(const void *)at, 1);
        return;
    }
}

static void
write_message(struct writer *w, const struct table *t, const unsigned char *in)
{
    const struct table_field *f = t->fields, *end = f + t->fields_count;

    for (; f < end; f++)
        if ((eight(in + f->look) & f->there) != 0)
            write_field(w, f, in);
}

void
codec_encode(enum codec_message what, const void *in, struct buf *out)
{
    struct writer w = {NULL, NULL, out};

    if (out->failed || !grow(&w, 1))
        return;
    write_message(&w, table_of(what), in);
    settle(&w);
}

/* ---------------------------------------------------------------- comparing */

/* Fields of an Event in which a repetition may differ. */
static bool
may_differ(uint32_t number)
{
    switch (number) {
    case 4:     /* time */
    case 5:     /* recorded_time */
    case 20:    /* replayed */
    case 40:    /* position */
    case 41:    /* received_time */
    case 42:    /* profile */
    case 44:    /* superseded */
        return true;
    default:
        return false;
    }
}

/* The next field that counts, tag and value; false at the end. */
static bool
next_field(bytes *at, bytes end, struct tl_str *field)
{
    while (*at < end) {
        bytes start = *at, p;
        uint32_t tag;

        if ((p = read_tag(&tag, start, end)) == NULL || (p = skip_value(tag, p, end)) == NULL) {
            *at = end;      /* not well-formed: what is left is one field */
            *field = (struct tl_str){(const char *)start, (size_t)(end - start)};
            return true;
        }
        *at = p;
        if (!may_differ(tag >> 3)) {
            *field = (struct tl_str){(const char *)start, (size_t)(p - start)};
            return true;
        }
    }
    return false;
}

/* A sum does not care about the order; the hash has a key nobody knows. */
static uint64_t
sum_fields(bytes at, bytes end)
{
    struct tl_str field;
    uint64_t sum = 0;

    while (next_field(&at, end, &field))
        sum += hash_table(field.ptr, field.len);
    return sum;
}

bool
codec_same_event(struct tl_str a, struct tl_str b)
{
    bytes at_a = (bytes)a.ptr, end_a = at_a + a.len, at_b = (bytes)b.ptr, end_b = at_b + b.len;
    struct tl_str x, y;

    /* What was sent again by the same library is the same in the same order. */
    for (;;) {
        bytes from_a = at_a, from_b = at_b;
        bool more_a = next_field(&at_a, end_a, &x), more_b = next_field(&at_b, end_b, &y);

        if (!more_a && !more_b)
            return true;
        if (!more_a || !more_b || x.len != y.len || memcmp(x.ptr, y.ptr, x.len) != 0)
            return sum_fields(from_a, end_a) == sum_fields(from_b, end_b);
    }
}

int
codec_event_name(struct tl_str event, struct tl_str *source, struct tl_str *id)
{
    enum { ID = 1 << 3 | 2, SOURCE = 2 << 3 | 2 };
    bytes p = (bytes)event.ptr, end = p + event.len;

    *source = *id = (struct tl_str){NULL, 0};
    while (p < end) {
        uint32_t tag;
        size_t len;
        bytes value = read_tag(&tag, p, end);

        if (value == NULL || (p = skip_value(tag, value, end)) == NULL)
            return TL_MALFORMED;
        if ((tag != ID && tag != SOURCE) || (value = read_length(&len, value, end)) == NULL)
            continue;
        *(tag == ID ? id : source) = (struct tl_str){(const char *)value, len};
    }
    return 0;
}

#include "adapters/counts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/utf8.h"

#define VALUE_BYTES_MAX 64

/* https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void
put_value(struct buf *key, const char *value)
{
    size_t len = strnlen(value, VALUE_BYTES_MAX);

    if (!utf8_text(value, len)) {
        buf_text(key, "other");
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '\\' || value[i] == '"')
            buf_byte(key, '\\');
        buf_byte(key, value[i] == '\n' ? ' ' : (unsigned char)value[i]);
    }
}

/* `others`: with every value but the first, which is ours, left out. */
static void
put_key(struct buf *key, const char *metric, va_list labels, bool others)
{
    const char *name;
    size_t n = 0;

    buf_text(key, metric);
    while ((name = va_arg(labels, const char *)) != NULL) {
        const char *value = va_arg(labels, const char *);

        buf_printf(key, "%s%s=\"", n == 0 ? "{" : ",", name);
        put_value(key, others && n > 0 ? "other" : value);
        buf_byte(key, '"');
        n++;
    }
    if (n > 0)
        buf_byte(key, '}');
    must(!key->failed);
}

void
count_add(struct counts *c, uint64_t n, const char *metric, ...)
{
    struct buf key = {0};
    va_list labels;
    void **value;

    va_start(labels, metric);
    put_key(&key, metric, labels, false);
    va_end(labels);
    if (c->counters.count >= COUNTS_MAX && map_get(&c->counters, key.ptr, key.len) == NULL) {
        buf_clear(&key);
        va_start(labels, metric);
        put_key(&key, metric, labels, true);
        va_end(labels);
    }
    value = map_put(&c->counters, key.ptr, key.len);
    if (*value == NULL)
        must((*value = calloc(1, sizeof(uint64_t))) != NULL);
    *(uint64_t *)*value += n;
    buf_free(&key);
}

static int
by_key(const void *a, const void *b)
{
    const struct map_entry *x = *(struct map_entry *const *)a, *y = *(struct map_entry *const *)b;
    size_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->key, y->key, len);

    return order != 0 ? order : (int)x->key_len - (int)y->key_len;
}

/* Of the metric's, in front of its labels. */
static size_t
name_bytes(const struct map_entry *e)
{
    const void *brace = memchr(e->key, '{', e->key_len);

    return brace != NULL ? (size_t)((const unsigned char *)brace - e->key) : e->key_len;
}

void
counts_write(const struct counts *c, struct buf *out)
{
    struct map_entry **sorted = calloc(c->counters.count + 1, sizeof *sorted), *e;
    size_t at = 0, n = 0;

    must(sorted != NULL);
    while ((e = map_next(&c->counters, &at)) != NULL)
        sorted[n++] = e;
    qsort(sorted, n, sizeof *sorted, by_key);
    for (size_t i = 0; i < n; i++) {
        const char *key = (const char *)sorted[i]->key;
        size_t len = name_bytes(sorted[i]);

        if (i == 0 || name_bytes(sorted[i - 1]) != len
            || memcmp(sorted[i - 1]->key, key, len) != 0)
            buf_printf(out, "# TYPE %.*s counter\n", (int)len, key);
        buf_printf(out, "%.*s %llu\n", (int)sorted[i]->key_len, (const char *)sorted[i]->key,
                   (unsigned long long)*(uint64_t *)sorted[i]->value);
    }
    free(sorted);
}

void
counts_fini(struct counts *c)
{
    struct map_entry *e;
    size_t at = 0;

    while ((e = map_next(&c->counters, &at)) != NULL)
        free(e->value);
    map_fini(&c->counters);
}

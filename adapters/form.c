#include "adapters/form.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/text.h"

/* Decodes [from, end) to `*to`, which moves behind it. */
static struct tl_str
decode(char **to, const char *from, const char *end)
{
    struct tl_str out = {*to, text_unescape(*to, (struct tl_str){from, (size_t)(end - from)}, ' ')};

    *to += out.len;
    return out;
}

static size_t
count_fields(struct tl_str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '&';
    return count;
}

int
form_read(struct form *out, struct tl_str text)
{
    size_t fields_max = count_fields(text);
    const char *at = text.ptr, *end;
    char *to;

    *out = (struct form){0};
    if (text.len == 0)
        return 0;
    if (fields_max > FORM_FIELDS_MAX)
        return TL_EARGUMENT;
    end = at + text.len;
    out->fields = calloc(fields_max, sizeof *out->fields);
    to = out->text = malloc(text.len);
    if (out->fields == NULL || to == NULL)
        return TL_ENOMEM;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at)), *equals;
        struct form_field *f = &out->fields[out->count];

        stop = stop != NULL ? stop : end;
        if (stop > at) {
            equals = memchr(at, '=', (size_t)(stop - at));
            f->name = decode(&to, at, equals != NULL ? equals : stop);
            f->value = decode(&to, equals != NULL ? equals + 1 : stop, stop);
            out->count++;
        }
        at = stop + 1;
    }
    return 0;
}

void
form_free(struct form *f)
{
    free(f->fields);
    free(f->text);
    *f = (struct form){0};
}

const struct form_field *
form_find(const struct form *f, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < f->count; i++)
        if (f->fields[i].name.len == len && memcmp(f->fields[i].name.ptr, name, len) == 0)
            return &f->fields[i];
    return NULL;
}

static int
compare(struct tl_str a, struct tl_str b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_fields(const void *a, const void *b)
{
    const struct form_field *x = a, *y = b;
    int order = compare(x->name, y->name);

    return order != 0 ? order : compare(x->value, y->value);
}

void
form_sort(struct form *f)
{
    if (f->count > 1)
        qsort(f->fields, f->count, sizeof *f->fields, compare_fields);
}

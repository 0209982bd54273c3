#include "adapters/call/fields.h"

#include <string.h>

#include "adapters/text.h"

static void
add(struct fields *f, struct tl_str line)
{
    const char *colon = memchr(line.ptr, ':', line.len);

    if (colon == NULL || colon == line.ptr || f->count == FIELDS_MAX) {
        f->more++;
        return;
    }
    f->all[f->count++] = (struct field){
        .name = {line.ptr, (size_t)(colon - line.ptr)},
        .value = text_trim((struct tl_str){colon + 1,
                                           line.len - (size_t)(colon + 1 - line.ptr)}),
    };
}

void
fields_read(struct fields *f, struct tl_str text)
{
    f->count = f->more = 0;
    while (text.len > 0) {
        struct tl_str line = text_trim(text_line(&text));

        if (line.len > 0)
            add(f, line);
    }
}

static struct field *
find(struct fields *f, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < f->count; i++)
        if (f->all[i].name.len == len && strncasecmp(f->all[i].name.ptr, name, len) == 0)
            return &f->all[i];
    return NULL;
}

struct tl_str
fields_get(struct fields *f, const char *name)
{
    struct field *field = find(f, name);

    if (field == NULL)
        return (struct tl_str){0};
    field->used = true;
    return field->value;
}

struct tl_str
fields_first(struct fields *f, const char *const *names)
{
    struct tl_str value = {0};

    while (value.len == 0 && *names != NULL)
        value = fields_get(f, *names++);
    return value;
}

void
fields_pass(struct fields *f, const char *const *names)
{
    for (; *names != NULL; names++)
        (void)fields_get(f, *names);
}

void
fields_keep(struct fields *f, struct draft *d)
{
    for (size_t i = 0; i < f->count; i++)
        if (!f->all[i].used)
            draft_attribute(d, f->all[i].name, f->all[i].value);
    d->attributes_more += f->more;
}

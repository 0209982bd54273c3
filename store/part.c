#include "store/part.h"

struct part
part_of(const struct frame *f, struct tl_str text)
{
    return text.len > 0 ? (struct part){f->time, f->number, text} : (struct part){0};
}

struct tl_str
part_cut(struct tl_str text, size_t max)
{
    if (text.len <= max)
        return text;
    text.len = max;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

bool
part_supersedes(const struct part *a, const struct part *b)
{
    return a->number != 0 && (b->number == 0 || a->time > b->time ||
                              (a->time == b->time && a->number > b->number));
}

void
part_merge(struct part *p, const struct part *more)
{
    if (part_supersedes(more, p))
        *p = *more;
}

void
part_read(struct part *p, struct record *r)
{
    p->number = record_varint(r);
    if (p->number == 0)
        return;
    p->time = record_time(r);
    p->text = record_text(r);
}

void
part_write(const struct part *p, struct buf *out)
{
    buf_varint(out, p->number);
    if (p->number == 0)
        return;
    record_put_time(out, p->time);
    record_put_text(out, p->text);
}

#include "adapters/web/beacon.h"

#include <string.h>

#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/listening.h"

#define ID_BYTES_MAX 256

static int64_t
read_time(const struct decoder *d, struct tl_str text)
{
    struct timeformat_time t = {0};

    text = text_trim(text);
    if (text.len > 0 && !timeformat_iso(&t, text, d->zone)
        && !timeformat_mail(&t, text, d->zone))
        return 0;
    return t.ns;
}

/* Each part with its length, so that no two items run together to the same. */
static void
add(struct buf *all, struct tl_str part)
{
    buf_printf(all, "%zu:", part.len);
    buf_append(all, part.ptr, part.len);
}

/* Everything the event will say: an item that was edited is another event. */
static struct tl_str
hash(struct draft *d, const struct beacon *b)
{
    const struct tl_str parts[] = {b->place, b->id, b->link, b->title, b->text, b->author,
                                   b->author_uri, b->published, b->updated, b->language};
    struct buf all = {0};
    struct tl_str id;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        add(&all, parts[i]);
    for (size_t i = 0; i < d->event.attributes_count; i++) {
        add(&all, d->attributes[i].key);
        add(&all, d->attributes[i].value);
    }
    d->failed = d->failed || all.failed;
    id = draft_hash(d, "feed", (struct tl_str){(const char *)all.ptr, all.len});
    buf_free(&all);
    return id;
}

static void
put_time(struct decoder *d, const struct beacon *b)
{
    int64_t published = read_time(d, b->published), updated = read_time(d, b->updated);

    d->draft.event.time = published != 0 ? published : updated;
    if (published == 0)
        draft_attribute(&d->draft, TL_STR("published"), b->published);
    if (published != 0 || updated == 0)
        draft_attribute(&d->draft, TL_STR("updated"), b->updated);
}

static struct tl_str
place_of(const struct decoder *d, const struct beacon *b)
{
    if (b->place.len > 0)
        return listening_host(b->place);
    return b->link.len > 0 ? listening_host(b->link) : d->source;
}

void
beacon_emit(struct decoder *d, const struct beacon *b, struct tl_str record)
{
    struct draft *draft = &d->draft;
    struct tl_event *ev = &draft->event;
    struct tl_feedback *f = &draft->feedback;
    bool is_url = b->id.len > 4 && memcmp(b->id.ptr, "http", 4) == 0;

    if (b->id.len + b->link.len + b->title.len + b->text.len == 0) {
        reader_reject(d, record, "an item with nothing in it");
        return;
    }
    ev->id = hash(draft, b);
    ev->type = TL_STR("feedback.beacon");
    ev->channel = TL_STR("feed");
    ev->direction = TL_STR("inbound");
    if (b->language.len <= DRAFT_NAME_BYTES_MAX)
        ev->locale = b->language;
    put_time(d, b);
    listening_author(draft, place_of(d, b), b->author, b->author_uri);
    f->id = b->id.len > 0 ? b->id : b->link;
    if (f->id.len == 0 || f->id.len > ID_BYTES_MAX)
        f->id = ev->id;
    f->kind = TL_STR("beacon");
    f->state = TL_STR("heard");
    f->is_public = true;
    f->title = b->title;
    f->text = listening_text(draft, b->text);
    f->url = b->link.len > 0 ? b->link : is_url ? b->id : (struct tl_str){0};
    ev->subject = f->id;
    ev->feedback = f;
    reader_emit(d, record);
}

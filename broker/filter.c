#include "broker/filter.h"

#include <stdlib.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/str.h"

static void
copy_texts(struct texts *t, const struct tl_str *list, size_t count)
{
    size_t bytes = count * sizeof *list;
    char *text;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        bytes += list[i].len;
    must((t->list = malloc(bytes)) != NULL);
    t->count = count;
    text = (char *)(t->list + count);
    for (size_t i = 0; i < count; i++) {
        t->list[i] = (struct tl_str){text, list[i].len};
        if (list[i].len > 0)
            memcpy(text, list[i].ptr, list[i].len);
        text += list[i].len;
    }
}

int
filter_init(struct filter *f, const struct wire_filter *asked, const char **detail)
{
    *f = (struct filter){0};
    if (asked == NULL)
        return 0;
    if (asked->types_count > FILTER_TEXTS_MAX || asked->channels_count > FILTER_TEXTS_MAX
        || asked->campaigns_count > FILTER_TEXTS_MAX || asked->offers_count > FILTER_TEXTS_MAX
        || asked->customers_count > FILTER_TEXTS_MAX) {
        *detail = "a filter has at most 64 values of a kind";
        return TL_TOO_MANY;
    }
    if (asked->shares != 0 && (asked->share < 1 || asked->share > asked->shares)) {
        *detail = "a share is a number from 1 to shares";
        return TL_BAD_REQUEST;
    }
    copy_texts(&f->types, asked->types, asked->types_count);
    copy_texts(&f->channels, asked->channels, asked->channels_count);
    copy_texts(&f->campaigns, asked->campaigns, asked->campaigns_count);
    copy_texts(&f->offers, asked->offers, asked->offers_count);
    f->share = asked->share;
    f->shares = asked->shares;
    return 0;
}

void
filter_fini(struct filter *f)
{
    free(f->types.list);
    free(f->channels.list);
    free(f->campaigns.list);
    free(f->offers.list);
    *f = (struct filter){0};
}

/* The finalizer of splitmix64.  Frozen: readers count on their share staying
 * theirs. */
static uint64_t
spread(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool
has(const struct texts *t, struct tl_str text)
{
    for (size_t i = 0; i < t->count; i++)
        if (str_equal(text, t->list[i]))
            return true;
    return false;
}

static bool
has_match(const struct texts *patterns, struct tl_str text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (str_matches(text, patterns->list[i]))
            return true;
    return false;
}

bool
filter_reads_header(const struct filter *f)
{
    return f->types.count > 0 || f->channels.count > 0 || f->shares > 1;
}

bool
filter_header(const struct filter *f, const struct frame *frame)
{
    return (f->shares <= 1 || spread(frame->profile) % f->shares == f->share - 1)
           && (f->types.count == 0 || has_match(&f->types, frame->type))
           && (f->channels.count == 0 || has(&f->channels, frame->channel));
}

bool
filter_reads_event(const struct filter *f)
{
    return f->campaigns.count > 0 || f->offers.count > 0;
}

static bool
touches_campaign(const struct filter *f, const struct tl_event *ev)
{
    if (f->campaigns.count == 0 || has(&f->campaigns, ev->campaign))
        return true;
    for (size_t i = 0; i < ev->offers_count; i++)
        if (has(&f->campaigns, ev->offers[i].campaign))
            return true;
    return false;
}

static bool
touches_offer(const struct filter *f, const struct tl_event *ev)
{
    if (f->offers.count == 0)
        return true;
    for (size_t i = 0; i < ev->offers_count; i++)
        if (has(&f->offers, ev->offers[i].offer))
            return true;
    return false;
}

bool
filter_event(const struct filter *f, const struct tl_event *ev)
{
    return touches_campaign(f, ev) && touches_offer(f, ev);
}

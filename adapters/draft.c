#include "adapters/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/text.h"
#include "base/hash.h"
#include "base/utf8.h"

#define LINE_OVERHEAD_BYTES 48      /* tags, lengths and amounts of one sale line */
#define FEW_BYTES 256
#define INTEGER_BYTES 20

void
draft_init(struct draft *d)
{
    /* A decoder is made for each body: the lists are left as they are. */
    d->offers = NULL;
    d->lines = NULL;
    d->written = (struct buf){0};
    arena_init(&d->text, DRAFT_TEXT_BYTES_MAX);
    values_init(&d->json);
    draft_begin(d);
}

void
draft_fini(struct draft *d)
{
    arena_fini(&d->text);
    values_fini(&d->json);
    buf_free(&d->written);
    free(d->offers);
    free(d->lines);
}

void
draft_begin(struct draft *d)
{
    arena_reset(&d->text);
    d->event = (struct tl_event){0};
    d->message = (struct tl_message){0};
    d->page = (struct tl_page){0};
    d->call = (struct tl_call){0};
    d->sale = (struct tl_sale){0};
    d->feedback = (struct tl_feedback){0};
    d->attributes_bytes = d->attributes_more = d->lines_bytes = d->lent_bytes = 0;
    d->failed = false;
}

const struct tl_event *
draft_end(struct draft *d)
{
    struct tl_event *ev = &d->event;

    if (d->attributes_more > 0)
        d->attributes[ev->attributes_count++] = (struct tl_attribute){
            TL_STR("attributes_more"), draft_printf(d, "%zu", d->attributes_more)};
    ev->identifiers = d->identifiers;
    ev->attributes = d->attributes;
    ev->offers = d->offers;
    ev->commitments = d->commitments;
    ev->consents = d->consents;
    if (ev->sale != NULL) {
        d->sale.lines = d->lines;
        d->sale.tenders = d->tenders;
    }
    return ev;
}

/* Each byte that begins no character of UTF-8 becomes a question mark. */
static void
mend(char *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        for (n = 1; n < 4 && i + n < len && !utf8_text(text + i, n); n++)
            continue;
        if (!utf8_text(text + i, n)) {
            text[i] = '?';
            n = 1;
        }
    }
}

struct tl_str
draft_copy(struct draft *d, struct tl_str text)
{
    char *to = arena_copy(&d->text, text.ptr, text.len);
    size_t len = 0;

    if (to == NULL) {
        d->failed = true;
        return (struct tl_str){0};
    }
    if (utf8_text(to, text.len))
        return (struct tl_str){to, text.len};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
            continue;
        to[len++] = c >= ' ' || c == '\t' || c == '\n' ? (char)c : ' ';
    }
    if (!utf8_text(to, len))
        mend(to, len);
    return (struct tl_str){to, len};
}

struct tl_str
draft_lent(struct draft *d, struct tl_str text)
{
    if (text.len > DRAFT_TEXT_BYTES_MAX - d->lent_bytes) {
        d->failed = true;
        return (struct tl_str){0};
    }
    if (!utf8_text(text.ptr, text.len))
        return draft_copy(d, text);
    d->lent_bytes += text.len;
    return text;
}

struct tl_str
draft_printf(struct draft *d, const char *fmt, ...)
{
    va_list args, again;
    char few[FEW_BYTES], *to = NULL;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(few, sizeof few, fmt, args);
    if (len >= 0 && (size_t)len < sizeof few)
        to = arena_copy(&d->text, few, (size_t)len);
    else if (len >= 0 && (to = arena_take(&d->text, (size_t)len + 1)) != NULL)
        vsnprintf(to, (size_t)len + 1, fmt, again);
    va_end(again);
    va_end(args);
    if (to == NULL) {
        d->failed = true;
        return (struct tl_str){0};
    }
    return (struct tl_str){to, (size_t)len};
}

struct tl_str
draft_integer(struct draft *d, int64_t number)
{
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    char digits[INTEGER_BYTES];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        digits[--at] = '-';
    return draft_copy(d, (struct tl_str){digits + at, sizeof digits - at});
}

struct tl_str
draft_hash(struct draft *d, const char *name, struct tl_str text)
{
    static const unsigned char key[HASH_KEY_BYTES];
    unsigned char h[12];
    char hex[2 * sizeof h];

    hash_pair96(h, key, name, strlen(name), text.ptr, text.len);
    for (size_t i = 0; i < sizeof hex; i++)
        hex[i] = "0123456789abcdef"[i % 2 == 0 ? h[i / 2] >> 4 : h[i / 2] & 15];
    return draft_copy(d, (struct tl_str){hex, sizeof hex});
}

void
draft_identifier(struct draft *d, struct tl_str type, struct tl_str value)
{
    struct tl_event *ev = &d->event;

    if (value.len == 0)
        return;
    if (ev->identifiers_count == DRAFT_IDENTIFIERS_MAX
        || value.len > DRAFT_IDENTIFIER_BYTES_MAX) {
        draft_attribute(d, type, value);
        return;
    }
    d->identifiers[ev->identifiers_count++] = (struct tl_identifier){type, value};
}

static unsigned char
key_hash(struct tl_str key)
{
    size_t hash = key.len;

    for (size_t i = 0; i < key.len; i++)
        hash = hash * 31 + (unsigned char)key.ptr[i];
    return (unsigned char)hash;
}

/* The keys of an event are many and alike: their hashes are looked through. */
static struct tl_attribute *
find_attribute(struct draft *d, struct tl_str key, unsigned char hash)
{
    const unsigned char *begin = d->attributes_hash, *end = begin + d->event.attributes_count;

    for (const unsigned char *at = begin;
         (at = memchr(at, hash, (size_t)(end - at))) != NULL; at++)
        if (text_equal(d->attributes[at - begin].key, key))
            return &d->attributes[at - begin];
    return NULL;
}

void
draft_attribute(struct draft *d, struct tl_str key, struct tl_str value)
{
    struct tl_event *ev = &d->event;
    unsigned char hash = key_hash(key);
    struct tl_attribute *there = value.len > 0 ? find_attribute(d, key, hash) : NULL;
    size_t bytes = key.len + value.len;

    if (value.len == 0)
        return;
    /* The last place is for the count of those that found none. */
    if ((there == NULL && ev->attributes_count == DRAFT_ATTRIBUTES_MAX - 1)
        || d->attributes_bytes + bytes > DRAFT_ATTRIBUTES_BYTES_MAX) {
        d->attributes_more++;
        return;
    }
    d->attributes_bytes += bytes;
    if (there == NULL) {
        d->attributes_hash[ev->attributes_count] = hash;
        there = &d->attributes[ev->attributes_count++];
    }
    *there = (struct tl_attribute){key, value};
}

bool
draft_has_offers(struct draft *d)
{
    if (d->offers == NULL
        && (d->offers = malloc(DRAFT_OFFERS_MAX * sizeof *d->offers)) == NULL)
        d->failed = true;
    return d->offers != NULL;
}

struct tl_offer_touch *
draft_offer(struct draft *d, struct tl_str offer, struct tl_str campaign, const char *outcome)
{
    struct tl_event *ev = &d->event;
    struct tl_offer_touch *touch;

    if (offer.len == 0 || offer.len > DRAFT_NAME_BYTES_MAX || campaign.len > DRAFT_NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < ev->offers_count; i++) {
        touch = &d->offers[i];
        if (text_equal(touch->offer, offer) && text_equal(touch->campaign, campaign)
            && text_is(touch->outcome, outcome)) {
            touch->count++;
            return touch;
        }
    }
    if (ev->offers_count == DRAFT_OFFERS_MAX || !draft_has_offers(d))
        return NULL;
    touch = &d->offers[ev->offers_count++];
    *touch = (struct tl_offer_touch){
        .offer = offer, .campaign = campaign, .outcome = text_of(outcome), .count = 1};
    return touch;
}

struct tl_consent *
draft_consent(struct draft *d)
{
    struct tl_event *ev = &d->event;

    if (ev->consents_count == DRAFT_CONSENTS_MAX)
        return NULL;
    d->consents[ev->consents_count] = (struct tl_consent){0};
    return &d->consents[ev->consents_count++];
}

struct tl_commitment *
draft_commitment(struct draft *d)
{
    struct tl_event *ev = &d->event;

    if (ev->commitments_count == DRAFT_COMMITMENTS_MAX)
        return NULL;
    d->commitments[ev->commitments_count] = (struct tl_commitment){0};
    return &d->commitments[ev->commitments_count++];
}

void
draft_line(struct draft *d, const struct tl_sale_line *line)
{
    size_t bytes = LINE_OVERHEAD_BYTES + line->item.len + line->description.len
                   + line->quantity.len + line->department.len + line->coupon.len;

    if (d->sale.lines_more > 0 || d->sale.lines_count == DRAFT_LINES_MAX
        || d->lines_bytes + bytes > DRAFT_LINES_BYTES_MAX) {
        d->sale.lines_more++;
        return;
    }
    if (d->lines == NULL && (d->lines = malloc(DRAFT_LINES_MAX * sizeof *d->lines)) == NULL) {
        d->failed = true;
        return;
    }
    d->lines_bytes += bytes;
    d->lines[d->sale.lines_count++] = *line;
}

/* Past the limit the last one takes the sum, so the amounts still add up. */
void
draft_tender(struct draft *d, struct tl_str type, int64_t amount_minor)
{
    struct tl_tender *last = &d->tenders[DRAFT_TENDERS_MAX - 1];

    if (d->sale.tenders_count == DRAFT_TENDERS_MAX) {
        last->type = TL_STR("others");
        if (__builtin_add_overflow(last->amount_minor, amount_minor, &last->amount_minor))
            d->failed = true;
        return;
    }
    d->tenders[d->sale.tenders_count++] = (struct tl_tender){type, amount_minor};
}

#include "adapters/web/review.h"

#include <stdio.h>
#include <string.h>

#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/reading.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/listening.h"

#define DEPTH_MAX 16
#define ID_BYTES_MAX 256

/* @type is a name or several; `http://schema.org/Review` is one, too. */
static bool
is_name(const struct value *type, const char *want)
{
    const char *name = value_text(type), *slash;

    if (name == NULL)
        return false;
    slash = strrchr(name, '/');
    name = slash != NULL ? slash + 1 : name;
    return strcmp(name, want) == 0;
}

static bool
is_a(const struct value *object, const char *want)
{
    const struct value *type = value_get(object, "@type"), *one;

    value_each(type, one)
        if (is_name(one, want))
            return true;
    return is_name(type, want);
}

static bool
is_review(const struct value *object)
{
    static const char *const names[] = {"Review", "UserReview", "CriticReview", "EmployerReview",
                                        "ClaimReview", "Recommendation"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_a(object, names[i]))
            return true;
    return false;
}

/* The first of several, which JSON-LD may write for one. */
static struct value *
first_of(struct value *value)
{
    return value_is_array(value) ? value_at(value, 0) : value;
}

/* Of an object its name, else the text. */
static struct tl_str
name_of(struct draft *d, struct value *value)
{
    value = first_of(value);
    return value_is_object(value) ? member_text(d, value, "name") : member_value(d, value);
}

static struct tl_str
uri_of(struct draft *d, struct value *value)
{
    static const char *const names[] = {"@id", "url", "sameAs"};
    struct tl_str uri = {0};

    value = first_of(value);
    for (size_t i = 0; uri.len == 0 && i < sizeof names / sizeof names[0]; i++)
        uri = member_value(d, first_of(value_get(value, names[i])));
    return text_find(uri, "://") != NULL ? uri
                                                                              : (struct tl_str){0};
}

static struct tl_str
product_of(struct draft *d, struct value *item)
{
    static const char *const names[] = {"sku", "gtin13", "gtin", "productID", "name", "@id"};
    struct tl_str product = {0};

    item = first_of(item);
    if (value_is_string(item))
        return member_value(d, item);
    for (size_t i = 0; product.len == 0 && i < sizeof names / sizeof names[0]; i++)
        product = member_text(d, item, names[i]);
    return product;
}

static void
put_rating(struct draft *d, struct value *review)
{
    struct value *rating = first_of(value_get(review, "reviewRating"));
    struct tl_str value = listening_rating(d, member_text(d, rating, "ratingValue"));
    struct tl_str best = listening_rating(d, member_text(d, rating, "bestRating"));

    if (value.len == 0)
        return;
    d->feedback.rating = value;
    d->feedback.rating_max = best.len > 0 ? best : TL_STR("5");
    value_drop(rating, "ratingValue");
    if (best.len > 0)
        value_drop(rating, "bestRating");
    value_drop(rating, "@type");
}

/* Who, and where he wrote it. */
static void
put_author(struct decoder *d, struct value *review)
{
    struct draft *draft = &d->draft;
    struct value *author = value_get(review, "author");
    struct tl_str place = name_of(draft, value_get(review, "publisher"));

    if (place.len == 0)
        place = listening_host(uri_of(draft, review));
    if (place.len == 0)
        place = d->source;
    listening_author(draft, place, name_of(draft, author), uri_of(draft, author));
}

static void
put_feedback(struct draft *d, struct value *review, struct value *about)
{
    struct tl_feedback *f = &d->feedback;
    struct value *item = value_get(review, "itemReviewed");

    f->id = member_take_id(d, review, "@id", ID_BYTES_MAX);
    if (f->id.len == 0)
        f->id = d->event.id;
    f->kind = TL_STR("review");
    f->state = TL_STR("heard");
    f->is_public = true;
    f->title = member_take(d, review, "name");
    if (f->title.len == 0)
        f->title = member_take(d, review, "headline");
    f->text = listening_text(d, member_text(d, review, "reviewBody"));
    value_drop(review, "reviewBody");
    f->url = uri_of(d, review);
    f->product = product_of(d, item != NULL ? item : about);
    put_rating(d, review);
    d->event.feedback = f;
}

static void
read_review(struct decoder *d, struct value *review, struct value *about, struct tl_str record)
{
    struct tl_event *ev = reader_begin(d);
    struct timeformat_time t = {0};

    ev->id = member_hash(&d->draft, "review", review);
    ev->type = TL_STR("feedback.review");
    ev->channel = TL_STR("feed");
    ev->direction = TL_STR("inbound");
    ev->locale = member_take_id(&d->draft, review, "inLanguage", DRAFT_NAME_BYTES_MAX);
    if (timeformat_iso(&t, member_text(&d->draft, review, "datePublished"), d->zone))
        value_drop(review, "datePublished");
    ev->time = t.ns;
    put_author(d, review);
    put_feedback(&d->draft, review, about);
    ev->subject = d->draft.feedback.id;
    value_drop(review, "@context");
    value_drop(review, "@type");
    member_attributes(&d->draft, review, "");
    reader_emit(d, record);
}

/* Returns how many reviews there were in it. */
static size_t
search(struct decoder *d, struct value *value, struct value *about, struct tl_str record, int depth)
{
    struct value *inner;
    size_t found = 0;

    if (depth == DEPTH_MAX)
        return 0;
    if (value_is_object(value) && is_review(value)) {
        read_review(d, value, about, record);
        return 1;
    }
    value_each(value, inner)
        found += search(d, inner, about, record, depth + 1);
    if (is_a(value, "AggregateRating")) {
        reader_ignore(d, TL_STR("AggregateRating"));
        return 1;
    }
    if (!value_is_object(value))
        return found;
    /* What a thing says of itself is what its reviews are about. */
    if (value_get(value, "@type") != NULL && value_get(value, "@graph") == NULL)
        about = value;
    value_each_member(value, inner)
        found += search(d, inner, about, record, depth + 1);
    return found;
}

static void
read_document(struct decoder *d, struct tl_str record)
{
    struct parse_error error;
    struct value *document = parse_json(&d->draft.json, record, &error);
    char why[READER_WHY_BYTES];

    if (document == NULL) {
        snprintf(why, sizeof why, "not JSON: %s (line %d)", error.text, error.line);
        reader_reject(d, record, why);
    } else if (search(d, document, NULL, record, 0) == 0) {
        reader_reject(d, record, "JSON without a schema.org Review in it");
    }
}

static const struct reader_kind kind = {
    .source = "review", .next = reader_body, .read = read_document};

int
review_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
            char *why)
{
    return reader_open(out, &kind, o, sink, why);
}

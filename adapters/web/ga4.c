#include "adapters/web/ga4.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/form.h"
#include "adapters/member.h"
#include "adapters/text.h"
#include "adapters/web/eventtype.h"
#include "adapters/web/intake.h"
#include "adapters/web/shop.h"
#include "adapters/web/visit.h"
#include "base/clock.h"
#include "base/utf8.h"

#define ID_BYTES_MAX 256
#define TIME_MAX_US 4133980799999999LL      /* 2100-12-31T23:59:59.999999Z */

/* A hit being read: an event of a request, and what all of them share. */
struct hit {
    struct decoder *d;
    struct draft *draft;
    struct value *body, *event, *params;
    const struct kind *kind;
};

struct kind {
    const char *name;
    const char *type;
    const char *outcome;
    void (*read)(struct hit *h);
};

static const struct shop_names item_names = {
    {"item_id", NULL}, "item_name", "price", "item_category", "coupon"};

static struct tl_str
take(struct hit *h, const char *name)
{
    return member_take(h->draft, h->params, name);
}

static struct tl_str
take_name(struct hit *h, struct value *object, const char *name)
{
    return member_take_id(h->draft, object, name, DRAFT_NAME_BYTES_MAX);
}

/* ---------------------------------------------------------- kinds of events */

static void
put_promotion(struct hit *h, struct value *from)
{
    static const char *const ids[] = {"promotion_id", "promotion_name", NULL};
    static const char *const creatives[] = {"creative_name", "creative_slot", NULL};
    struct tl_str offer = member_take_first(h->draft, from, ids, DRAFT_NAME_BYTES_MAX);
    struct tl_offer_touch *touch = draft_offer(h->draft, offer, (struct tl_str){0},
                                               h->kind->outcome);

    if (touch == NULL)
        return;
    touch->terms = member_take(h->draft, from, "promotion_name");
    touch->treatment = member_take_first(h->draft, from, creatives, DRAFT_NAME_BYTES_MAX);
}

/* The event's own promotion, or those of its items. */
static void
read_promotion(struct hit *h)
{
    struct value *item;

    put_promotion(h, h->params);
    if (h->draft->event.offers_count == 0)
        value_each(value_get(h->params, "items"), item)
            put_promotion(h, item);
    if (h->draft->event.offers_count == 0)
        h->draft->event.type = TL_STR("track.promotion");
}

static void
read_product(struct hit *h)
{
    struct value *item = value_at(value_get(h->params, "items"), 0);

    h->draft->page.product = member_text(h->draft, item, "item_id");
}

static void
read_search(struct hit *h)
{
    h->draft->page.search = take(h, "search_term");
}

static void
read_view(struct hit *h)
{
    (void)h;
}

/* Money without a currency is none we can count. */
static void
read_money(struct hit *h)
{
    struct tl_sale *sale = &h->draft->sale;
    bool sold = strcmp(h->kind->type, "order.completed") == 0;
    struct tl_str currency = shop_currency(h->draft, member_text(h->draft, h->params, "currency"));

    if (currency.len == 0) {
        h->draft->event.type = draft_printf(h->draft, "track.%s", h->kind->name);
        return;
    }
    value_drop(h->params, "currency");
    sale->currency = currency;
    member_take_minor(h->draft, h->params, "value", currency, &sale->total_minor);
    if (strcmp(h->kind->type, "sale.returned") == 0 && sale->total_minor > 0)
        sale->total_minor = -sale->total_minor;
    member_take_minor(h->draft, h->params, "tax", currency, &sale->tax_minor);
    sale->receipt = member_take_id(h->draft, h->params, "transaction_id", ID_BYTES_MAX);
    h->draft->event.subject = sale->receipt;
    h->draft->event.sale = sale;
    if (sold && draft_offer(h->draft, member_text(h->draft, h->params, "coupon"),
                            (struct tl_str){0}, "redeemed") != NULL)
        value_drop(h->params, "coupon");
    shop_lines(h->d, h->params, "items", &item_names, currency, sold);
}

static const struct kind kinds[] = {
    {"page_view", "page.viewed", NULL, read_view},
    {"screen_view", "screen.viewed", NULL, read_view},
    {"session_start", "session.started", NULL, read_view},
    {"view_promotion", "offer.presented", "presented", read_promotion},
    {"select_promotion", "offer.clicked", "clicked", read_promotion},
    {"view_item", "product.viewed", NULL, read_product},
    {"select_item", "product.clicked", NULL, read_product},
    {"search", "search.performed", NULL, read_search},
    {"view_search_results", "search.performed", NULL, read_search},
    {"add_to_cart", "cart.updated", NULL, read_money},
    {"remove_from_cart", "cart.updated", NULL, read_money},
    {"view_cart", "cart.viewed", NULL, read_money},
    {"begin_checkout", "checkout.started", NULL, read_money},
    {"purchase", "order.completed", NULL, read_money},
    {"refund", "sale.returned", NULL, read_money},
};

static const struct kind *
find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* ---------------------------------------------------------------- all of them */

static const char *const who[][2] = {
    {"user_id", "user"}, {"client_id", "cookie"}, {"app_instance_id", "device"}};

#define WHO (sizeof who / sizeof who[0])

static void
put_consents(struct hit *h)
{
    static const char *const purposes[] = {"ad_user_data", "ad_personalization"};
    const struct value *consent = value_get(h->body, "consent");

    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++) {
        struct tl_str said = member_text(h->draft, consent, purposes[i]);
        struct tl_consent *c;

        if ((!text_is(said, "GRANTED") && !text_is(said, "DENIED"))
            || (c = draft_consent(h->draft)) == NULL)
            continue;
        c->purpose = text_of(purposes[i]);
        c->channel = TL_STR("web");
        c->status = text_is(said, "GRANTED") ? TL_STR("granted") : TL_STR("denied");
        c->evidence = TL_STR("ga4 consent");
    }
}

static void
put_page(struct hit *h)
{
    struct tl_page *page = &h->draft->page;

    page->url = take(h, "page_location");
    page->title = take(h, "page_title");
    if (page->title.len == 0)
        page->title = take(h, "screen_name");
    page->referrer = take(h, "page_referrer");
    visit_put(h->draft);
}

static int64_t
microseconds(const struct value *object)
{
    const struct value *value = value_get(object, "timestamp_micros");
    long long us = value_integer(value);

    if (value_is_string(value))
        us = strtoll(value_text(value), NULL, 10);
    return us > 0 && us <= TIME_MAX_US ? us * 1000 : 0;
}

static void
put_copy(struct values *in, struct value *object, const char *name, const struct value *value)
{
    value_put(in, object, text_of(name), values_copy(in, value));
}

/* The same event of the same request, whatever else the request holds. */
static struct tl_str
hash(struct hit *h, size_t index)
{
    struct values *in = &h->draft->json;
    struct value *record = values_object(in);

    for (size_t i = 0; i < WHO; i++)
        put_copy(in, record, who[i][0], value_get(h->body, who[i][0]));
    put_copy(in, record, "timestamp_micros", value_get(h->body, "timestamp_micros"));
    put_copy(in, record, "event", h->event);
    value_put(in, record, TL_STR("index"), values_integer(in, (int64_t)index));
    if (record == NULL)
        h->draft->failed = true;
    return record != NULL ? member_hash(h->draft, "ga4", record) : (struct tl_str){0};
}

static void
put_envelope(struct hit *h, size_t index)
{
    struct tl_event *ev = &h->draft->event;

    ev->id = hash(h, index);
    ev->time = microseconds(h->event);
    if (ev->time == 0)
        ev->time = microseconds(h->body);
    if (ev->time == 0)
        ev->time = h->d->received;
    for (size_t i = 0; i < WHO; i++)
        draft_identifier(h->draft, text_of(who[i][1]),
                         member_text(h->draft, h->body, who[i][0]));
    ev->session = member_take_id(h->draft, h->params, "session_id", ID_BYTES_MAX);
    ev->locale = take_name(h, h->params, "language");
}

/* What the request says besides of all its events. */
static void
put_shared(struct hit *h, struct tl_str property)
{
    static const char *const held[] = {"user_id", "client_id", "app_instance_id",
                                       "timestamp_micros", "events"};
    struct value *rest = values_copy(&h->draft->json, h->body);

    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        value_drop(rest, held[i]);
    member_attributes(h->draft, rest, "");
    draft_attribute(h->draft, TL_STR("measurement_id"), property);
}

static void
read_event(struct hit *h, size_t index, struct tl_str property, struct tl_str record)
{
    const char *name = value_text(value_get(h->event, "name"));
    struct tl_event *ev = intake_begin(h->d);

    if (name == NULL || name[0] == '\0') {
        intake_reject_json(h->d, h->event, "an event without `name`");
        return;
    }
    h->params = value_get(h->event, "params");
    h->kind = find_kind(name);
    put_envelope(h, index);
    if (h->kind != NULL) {
        ev->type = text_of(h->kind->type);
        h->kind->read(h);
    } else {
        ev->type = eventtype_pair(h->draft, TL_STR("track"), text_of(name));
    }
    put_consents(h);
    put_page(h);
    value_drop(h->event, "timestamp_micros");
    member_attributes(h->draft, h->event, "");
    put_shared(h, property);
    intake_finish(h->d, record);
}

static const char *
refusal(struct decoder *d, const struct value *body)
{
    if (!value_is_array(value_get(body, "events")))
        return "no Measurement Protocol: `events` is no array";
    for (size_t i = 0; i < WHO; i++)
        if (member_text(&d->draft, body, who[i][0]).len > 0)
            return NULL;
    return "names nobody: no client_id, app_instance_id or user_id";
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct value *body = intake_json(d, r->body);
    struct hit h = {.d = d, .draft = &d->draft, .body = body};
    const struct form_field *property;
    const char *reason;
    struct form query;
    size_t i = 0;

    if (body == NULL)
        return;
    draft_begin(&d->draft);
    if ((reason = refusal(d, body)) != NULL) {
        intake_reject(d, r->body, reason);
        return;
    }
    property = form_read(&query, r->query) == 0 ? form_find(&query, "measurement_id") : NULL;
    if (property != NULL && !utf8_text(property->value.ptr, property->value.len))
        property = NULL;
    value_each(value_get(body, "events"), h.event)
        read_event(&h, i++, property != NULL ? property->value : (struct tl_str){0}, r->body);
    form_free(&query);
}

int
ga4_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
         char *why)
{
    return intake_open(out, o, sink, why, "ga4", read_request);
}

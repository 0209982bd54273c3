#include "adapters/web/snowplow.h"

#include <string.h>

#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/base64url.h"
#include "adapters/web/eventtype.h"
#include "adapters/web/intake.h"
#include "adapters/web/shop.h"
#include "adapters/web/visit.h"
#include "base/clock.h"

#define ID_BYTES_MAX 256
#define TIME_MAX_MS 4133980799999LL     /* 2100-12-31T23:59:59.999Z */

/* An event being read. */
struct payload {
    struct decoder *d;
    struct draft *draft;
    struct value *event;              /* its parameters */
    struct value *data;               /* of a self-describing event */
};

static struct tl_str
take(struct payload *p, const char *name)
{
    return member_take(p->draft, p->event, name);
}

static struct tl_str
take_id(struct payload *p, const char *name)
{
    return member_take_id(p->draft, p->event, name, ID_BYTES_MAX);
}

static struct tl_str
take_data(struct payload *p, const char *name)
{
    return member_take(p->draft, p->data, name);
}

/* ------------------------------------------------- self-describing events */

static void
put_advert(struct payload *p, const char *outcome)
{
    static const char *const ids[] = {"campaignId", "bannerId", NULL};
    struct tl_str offer = member_take_first(p->draft, p->data, ids, DRAFT_NAME_BYTES_MAX);
    struct tl_offer_touch *touch = draft_offer(p->draft, offer, (struct tl_str){0}, outcome);

    if (touch == NULL) {
        p->draft->event.type = TL_STR("advert.seen");
        return;
    }
    p->draft->event.type = draft_printf(p->draft, "offer.%s", outcome);
    touch->treatment = member_take_id(p->draft, p->data, "bannerId", DRAFT_NAME_BYTES_MAX);
}

static void
read_impression(struct payload *p)
{
    put_advert(p, "presented");
}

static void
read_click(struct payload *p)
{
    put_advert(p, "clicked");
}

static void
read_conversion(struct payload *p)
{
    put_advert(p, "accepted");
}

/* com.example.touchline/offer_response: what a customer said to an offer. */
static void
read_response(struct payload *p)
{
    static const struct {
        const char *response, *outcome;
    } words[] = {
        {"accepted", "accepted"}, {"declined", "declined"}, {"later", "dismissed"},
        {"dismissed", "dismissed"},
    };
    struct tl_str response = member_text(p->draft, p->data, "response");
    struct tl_str offer = member_text(p->draft, p->data, "offerCode");
    struct tl_str customer = take_data(p, "customerId"), user;

    user = member_text(p->draft, p->event, "uid");
    if (customer.len > 0
        && (customer.len != user.len || memcmp(customer.ptr, user.ptr, user.len) != 0))
        draft_identifier(p->draft, TL_STR("crm"), customer);
    p->draft->event.type = TL_STR("track.offer_response");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!text_is(response, words[i].response)
            || draft_offer(p->draft, offer, (struct tl_str){0}, words[i].outcome) == NULL)
            continue;
        p->draft->event.type = draft_printf(p->draft, "offer.%s", words[i].outcome);
        value_drop(p->data, "offerCode");
        if (strcmp(words[i].response, words[i].outcome) == 0)
            value_drop(p->data, "response");
    }
}

static void
read_cart(struct payload *p)
{
    p->draft->event.type = TL_STR("cart.updated");
    p->draft->page.product = take_data(p, "sku");
}

static void
put_consent(struct payload *p, const char *status)
{
    struct tl_consent *consent = draft_consent(p->draft);
    struct timeformat_time t = {0};

    if (consent == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->status = text_of(status);
    consent->evidence = draft_printf(p->draft, "snowplow consent_%s",
                                     strcmp(status, "granted") == 0 ? status : "withdrawn");
    if (timeformat_iso(&t, member_text(p->draft, p->data, "expiry"), p->d->zone)) {
        consent->expires = t.ns;
        value_drop(p->data, "expiry");
    }
}

static void
read_granted(struct payload *p)
{
    p->draft->event.type = TL_STR("consent.granted");
    put_consent(p, "granted");
}

static void
read_withdrawn(struct payload *p)
{
    p->draft->event.type = TL_STR("consent.revoked");
    put_consent(p, "revoked");
}

static void
read_search(struct payload *p)
{
    struct value *terms = value_get(p->data, "terms"), *term;
    struct tl_str words = {0};

    p->draft->event.type = TL_STR("search.performed");
    value_each(terms, term) {
        struct tl_str word = member_value(p->draft, term);

        words = draft_printf(p->draft, "%.*s%s%.*s", (int)words.len, words.ptr,
                             words.len > 0 ? " " : "", (int)word.len, word.ptr);
    }
    p->draft->page.search = words;
    value_drop(p->data, "terms");
}

static void
read_screen(struct payload *p)
{
    p->draft->event.type = TL_STR("screen.viewed");
    p->draft->page.title = take_data(p, "name");
}

static const struct {
    const char *name;           /* of the schema */
    void (*read)(struct payload *p);
} schemas[] = {
    {"ad_impression", read_impression},   {"ad_click", read_click},
    {"ad_conversion", read_conversion},   {"offer_response", read_response},
    {"add_to_cart", read_cart},           {"remove_from_cart", read_cart},
    {"consent_granted", read_granted},    {"consent_withdrawn", read_withdrawn},
    {"site_search", read_search},         {"screen_view", read_screen},
};

/* `ad_click` of iglu:com.snowplowanalytics.snowplow/ad_click/jsonschema/1-0-0. */
static struct tl_str
schema_name(struct tl_str schema)
{
    const char *slash = schema.len > 0 ? memchr(schema.ptr, '/', schema.len) : NULL;
    const char *end;

    if (slash == NULL)
        return schema;
    slash++;
    end = memchr(slash, '/', (size_t)(schema.ptr + schema.len - slash));
    end = end != NULL ? end : schema.ptr + schema.len;
    return (struct tl_str){slash, (size_t)(end - slash)};
}

static void
read_described(struct payload *p)
{
    struct value *described = value_get(value_get(p->event, "ue_pr"), "data");
    struct tl_str name = schema_name(member_text(p->draft, described, "schema"));

    p->data = value_get(described, "data");
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
        if (text_is(name, schemas[i].name)) {
            schemas[i].read(p);
            return;
        }
    p->draft->event.type = eventtype_name(p->draft, name);
}

/* ------------------------------------------------------------ other events */

static void
read_view(struct payload *p)
{
    p->draft->event.type = TL_STR("page.viewed");
}

static void
read_ping(struct payload *p)
{
    p->draft->event.type = TL_STR("page.pinged");
}

static void
read_structured(struct payload *p)
{
    struct tl_str category = member_text(p->draft, p->event, "se_ca");
    struct tl_str action = member_text(p->draft, p->event, "se_ac");

    p->draft->event.type = eventtype_pair(p->draft, category, action);
    if (text_is(action, "view-product")) {
        p->draft->event.type = TL_STR("product.viewed");
        p->draft->page.product = take(p, "se_la");
    }
}

static void
read_order(struct payload *p)
{
    struct tl_sale *sale = &p->draft->sale;

    p->draft->event.type = TL_STR("order.completed");
    sale->receipt = take_id(p, "tr_id");
    p->draft->event.subject = sale->receipt;
    sale->currency = shop_currency(p->draft, member_text(p->draft, p->event, "tr_cu"));
    if (sale->currency.len > 0) {
        value_drop(p->event, "tr_cu");
        member_take_minor(p->draft, p->event, "tr_tt", sale->currency, &sale->total_minor);
        member_take_minor(p->draft, p->event, "tr_tx", sale->currency, &sale->tax_minor);
    }
    p->draft->event.sale = sale;
}

static void
read_item(struct payload *p)
{
    struct tl_sale *sale = &p->draft->sale;
    struct tl_sale_line line = {
        .item = take(p, "ti_sk"),
        .description = take(p, "ti_nm"),
        .department = take(p, "ti_ca"),
    };

    p->draft->event.type = TL_STR("order.item_added");
    sale->receipt = take_id(p, "ti_id");
    p->draft->event.subject = sale->receipt;
    sale->currency = shop_currency(p->draft, take(p, "ti_cu"));
    if (!shop_line(p->draft, &line, member_text(p->draft, p->event, "ti_pr"),
                   member_text(p->draft, p->event, "ti_qu"), sale->currency))
        return;
    value_drop(p->event, "ti_pr");
    value_drop(p->event, "ti_qu");
    p->draft->event.sale = sale;
}

static const struct {
    const char *e;
    void (*read)(struct payload *p);
} kinds[] = {
    {"pv", read_view},  {"pp", read_ping},  {"se", read_structured},
    {"ue", read_described}, {"tr", read_order}, {"ti", read_item},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* -------------------------------------------------------- what all have */

static void
put_identifiers(struct payload *p)
{
    static const char *const ids[][2] = {
        {"uid", "user"}, {"duid", "cookie"}, {"nuid", "cookie"}, {"tnuid", "cookie"}};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        draft_identifier(p->draft, text_of(ids[i][1]), take(p, ids[i][0]));
}

static void
put_page(struct payload *p)
{
    struct tl_page *page = &p->draft->page;

    page->url = take(p, "url");
    if (page->title.len == 0)
        page->title = take(p, "page");
    page->referrer = take(p, "refr");
    page->user_agent = take(p, "ua");
    visit_put(p->draft);
}

static int64_t
milliseconds(struct payload *p, const char *name)
{
    struct tl_str text = member_text(p->draft, p->event, name);
    int64_t ms = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || ms > TIME_MAX_MS)
            return 0;
        ms = ms * 10 + (text.ptr[i] - '0');
    }
    return ms <= TIME_MAX_MS ? ms * CLOCK_MS : 0;
}

static void
put_envelope(struct payload *p)
{
    static const char *const times[] = {"ttm", "dtm", "stm"};
    struct tl_event *ev = &p->draft->event;
    int64_t made = milliseconds(p, "dtm"), sent = milliseconds(p, "stm");
    int64_t real = milliseconds(p, "ttm");

    ev->time = real != 0 ? real : intake_time(p->d, made, sent);
    ev->session = take_id(p, "sid");
    ev->locale = member_take_id(p->draft, p->event, "lang", DRAFT_NAME_BYTES_MAX);
    ev->timezone = member_take_id(p->draft, p->event, "tz", DRAFT_NAME_BYTES_MAX);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        value_drop(p->event, times[i]);
}

/* ue_px and cx are base64url of what ue_pr and co are; both are JSON text. */
static bool
open_json(struct payload *p, const char *encoded, const char *name)
{
    const struct value *text = value_get(p->event, encoded);
    struct values *in = &p->draft->json;
    struct buf bytes = {0};
    struct value *value = NULL;

    if (value_is_string(text) && base64url_read(&bytes, text->text))
        value = parse_json(in, (struct tl_str){(const char *)bytes.ptr, bytes.len}, NULL);
    else if (!value_is_string(text) && value_is_string(text = value_get(p->event, name)))
        value = parse_json(in, text->text, NULL);
    buf_free(&bytes);
    if (value == NULL)
        return !value_is_string(text);
    value_drop(p->event, encoded);
    return value_put(in, p->event, text_of(name), value);
}

static const char *
refusal(struct payload *p, size_t kind)
{
    static const char *const names[] = {"uid", "duid", "nuid", "tnuid"};
    bool somebody = false;

    if (!value_is_object(p->event))
        return "an event that is no object";
    if (kind == KINDS)
        return "`e` is none of pv, pp, se, ue, tr and ti";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        somebody = somebody || member_text(p->draft, p->event, names[i]).len > 0;
    if (!somebody)
        return "names nobody: no uid and no duid";
    if (!open_json(p, "ue_px", "ue_pr"))
        return "a self-describing event (ue_pr, ue_px) that is no JSON";
    if (!open_json(p, "cx", "co"))
        return "contexts (co, cx) that are no JSON";
    return NULL;
}

static size_t
find_kind(const struct value *event)
{
    struct tl_str e = text_of(value_text(value_get(event, "e")));
    size_t i = 0;

    while (i < KINDS && !text_is(e, kinds[i].e))
        i++;
    return i;
}

static void
read_event(struct decoder *d, struct value *event, struct tl_str record)
{
    struct payload p = {.d = d, .draft = &d->draft, .event = event};
    struct tl_event *ev = intake_begin(d);
    size_t kind = find_kind(event);
    const char *reason = refusal(&p, kind);

    if (reason != NULL) {
        intake_reject_json(d, event, reason);
        return;
    }
    ev->id = take_id(&p, "eid");
    if (ev->id.len == 0) {
        value_drop(event, "stm");
        ev->id = member_hash(&d->draft, "snowplow", event);
    }
    kinds[kind].read(&p);
    put_identifiers(&p);
    put_page(&p);
    put_envelope(&p);
    member_attributes(&d->draft, p.data, "");
    value_drop(event, "e");
    value_drop(value_get(value_get(event, "ue_pr"), "data"), "data");
    member_attributes(&d->draft, event, "");
    intake_finish(d, record);
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct value *body, *events, *event;

    if (r->body.len == 0) {
        if ((event = intake_query(d, r->query)) != NULL)
            read_event(d, event, r->query);
        return;
    }
    if ((body = intake_json(d, r->body)) == NULL)
        return;
    events = value_get(body, "data");
    if (value_is_array(events))
        value_each(events, event)
            read_event(d, event, r->body);
    else
        intake_reject_json(d, body, "no payload_data: `data` is no array of events");
}

int
snowplow_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
              char *why)
{
    return intake_open(out, o, sink, why, "snowplow", read_request);
}

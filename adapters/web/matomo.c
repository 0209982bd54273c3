#include "adapters/web/matomo.h"

#include <string.h>

#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/eventtype.h"
#include "adapters/web/intake.h"
#include "adapters/web/shop.h"
#include "adapters/web/visit.h"
#include "base/decimal.h"

#define ID_BYTES_MAX 256

static struct tl_str
value_of(struct decoder *d, const struct value *action, const char *name)
{
    return member_text(&d->draft, action, name);
}

static bool
says(struct decoder *d, const struct value *action, const char *name)
{
    return value_of(d, action, name).len > 0;
}

/* ------------------------------------------------------- kinds of an action */

static void
read_content(struct decoder *d, struct value *action)
{
    bool clicked = says(d, action, "c_i");
    struct tl_str name = value_of(d, action, "c_n");
    struct tl_offer_touch *touch = draft_offer(&d->draft, name, (struct tl_str){0},
                                               clicked ? "clicked" : "presented");

    if (touch == NULL) {
        d->draft.event.type = TL_STR("content.seen");
        return;
    }
    d->draft.event.type = clicked ? TL_STR("offer.clicked") : TL_STR("offer.presented");
    value_drop(action, "c_n");
    touch->treatment = member_take_id(&d->draft, action, "c_p", DRAFT_NAME_BYTES_MAX);
}

/* [[sku, name, category or categories, price, quantity], ...] */
static void
read_items(struct decoder *d, struct value *action, struct tl_str currency)
{
    struct tl_str text = value_str(value_get(action, "ec_items"));
    struct value *items = parse_json(&d->draft.json, text, NULL), *item;

    if (!value_is_array(items))
        return;
    value_each(items, item) {
        struct tl_sale_line line = {
            .item = member_value(&d->draft, value_at(item, 0)),
            .description = member_value(&d->draft, value_at(item, 1)),
            .department = member_value(&d->draft, value_at(item, 2)),
        };

        if (value_is_array(value_at(item, 2)))
            line.department = member_json(&d->draft, value_at(item, 2));
        if (!shop_line(&d->draft, &line, member_value(&d->draft, value_at(item, 3)),
                       member_value(&d->draft, value_at(item, 4)), currency))
            intake_ignore(d, "ec_items that cannot be multiplied");
    }
    value_drop(action, "ec_items");
}

static void
read_shop(struct decoder *d, struct value *action)
{
    struct tl_sale *sale = &d->draft.sale;
    struct tl_event *ev = &d->draft.event;

    ev->type = TL_STR("cart.updated");
    sale->currency = shop_currency(&d->draft, member_take(&d->draft, action, "currency"));
    if (sale->currency.len == 0)
        sale->currency = TL_STR("USD");
    sale->receipt = member_take_id(&d->draft, action, "ec_id", ID_BYTES_MAX);
    if (sale->receipt.len > 0) {
        ev->type = TL_STR("order.completed");
        ev->subject = sale->receipt;
    }
    member_take_minor(&d->draft, action, "revenue", sale->currency, &sale->total_minor);
    member_take_minor(&d->draft, action, "ec_tx", sale->currency, &sale->tax_minor);
    member_take_minor(&d->draft, action, "ec_dt", sale->currency, &sale->discount_minor);
    read_items(d, action, sale->currency);
    ev->sale = sale;
}

static bool
is_rating(struct tl_str text)
{
    int64_t hundredths;

    return text.len > 0 && decimal_to_minor(&hundredths, text.ptr, text.len, 2) == 0
           && memchr(text.ptr, 'e', text.len) == NULL && text.ptr[0] != '+';
}

static void
read_event(struct decoder *d, struct value *action)
{
    struct tl_str category = value_of(d, action, "e_c"), name = value_of(d, action, "e_a");
    struct tl_str rating = value_of(d, action, "e_v");

    d->draft.event.type = eventtype_pair(&d->draft, category, name);
    if (!text_is(category, "feedback") || !text_is(name, "rating") || !is_rating(rating))
        return;
    d->draft.event.type = TL_STR("feedback.rating");
    d->draft.feedback = (struct tl_feedback){
        .id = d->draft.event.id,
        .kind = TL_STR("rating"),
        .title = member_take(&d->draft, action, "e_n"),
        .rating = member_take(&d->draft, action, "e_v"),
        .state = TL_STR("heard"),
    };
    d->draft.event.feedback = &d->draft.feedback;
}

static void
read_product(struct decoder *d, struct value *action)
{
    d->draft.event.type = TL_STR("product.viewed");
    d->draft.page.product = member_take(&d->draft, action, "_pks");
}

static void
read_search(struct decoder *d, struct value *action)
{
    d->draft.event.type = TL_STR("search.performed");
    d->draft.page.search = member_take(&d->draft, action, "search");
}

static void
read_goal(struct decoder *d, struct value *action)
{
    (void)action;
    d->draft.event.type = TL_STR("goal.reached");
}

static void
read_link(struct decoder *d, struct value *action)
{
    (void)action;
    d->draft.event.type = TL_STR("link.clicked");
}

static void
read_download(struct decoder *d, struct value *action)
{
    (void)action;
    d->draft.event.type = TL_STR("file.downloaded");
}

static void
read_page(struct decoder *d, struct value *action)
{
    (void)action;
    d->draft.event.type = TL_STR("page.viewed");
}

/* By the parameter that makes it one; the first that is there. */
static const struct {
    const char *name;
    void (*read)(struct decoder *d, struct value *action);
} kinds[] = {
    {"c_n", read_content},    {"ec_items", read_shop},     {"ec_id", read_shop},
    {"e_c", read_event},      {"_pks", read_product},      {"search", read_search},
    {"idgoal", read_goal},    {"download", read_download}, {"link", read_link},
    {"url", read_page},       {"action_name", read_page},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* ------------------------------------------------------------- all actions */

static void
put_identifiers(struct decoder *d, struct value *action)
{
    static const char *const ids[][2] = {{"uid", "user"}, {"_id", "cookie"}, {"cid", "cookie"}};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        draft_identifier(&d->draft, text_of(ids[i][1]),
                         member_take(&d->draft, action, ids[i][0]));
}

static void
put_page(struct decoder *d, struct value *action)
{
    struct tl_page *page = &d->draft.page;

    page->url = member_take(&d->draft, action, "url");
    page->title = member_take(&d->draft, action, "action_name");
    page->referrer = member_take(&d->draft, action, "urlref");
    page->user_agent = member_take(&d->draft, action, "ua");
    visit_put(&d->draft);
}

/* `2011-04-05 00:11:42` or seconds since 1970. */
static bool
read_time(const struct decoder *d, struct tl_str text, int64_t *ns)
{
    struct timeformat_time t = {0};
    bool ok = text.len == 0 || timeformat_iso(&t, text, d->zone)
              || timeformat_read(&t, text, TL_STR("%s"), d->zone, false);

    *ns = text.len > 0 ? t.ns : d->received;
    return ok;
}

static const char *
refusal(struct decoder *d, const struct value *action, size_t kind)
{
    int64_t ns;

    if (kind == KINDS)
        return "no action: neither url nor anything else that makes one";
    if (!read_time(d, value_of(d, action, "cdt"), &ns))
        return "a `cdt` that is no time from 1970 to 2100";
    if (!says(d, action, "uid") && !says(d, action, "_id") && !says(d, action, "cid"))
        return "names nobody: no uid and no _id";
    return NULL;
}

static size_t
find_kind(struct decoder *d, const struct value *action)
{
    size_t i = 0;

    while (i < KINDS && !says(d, action, kinds[i].name))
        i++;
    return i;
}

static void
read_action(struct decoder *d, struct tl_str query)
{
    struct tl_event *ev = intake_begin(d);
    struct value *action = intake_query(d, query);
    const char *reason;
    size_t kind;

    if (action == NULL)
        return;
    value_drop(action, "token_auth");
    kind = find_kind(d, action);
    if ((reason = refusal(d, action, kind)) != NULL) {
        intake_reject(d, query, reason);
        return;
    }
    ev->id = member_hash(&d->draft, "matomo", action);
    read_time(d, member_take(&d->draft, action, "cdt"), &ev->time);
    kinds[kind].read(d, action);
    put_identifiers(d, action);
    put_page(d, action);
    ev->locale = member_take_id(&d->draft, action, "lang", DRAFT_NAME_BYTES_MAX);
    ev->session = member_take_id(&d->draft, action, "pv_id", ID_BYTES_MAX);
    member_attributes(&d->draft, action, "");
    intake_finish(d, query);
}

static struct tl_str
without_mark(struct tl_str query)
{
    if (query.len > 0 && query.ptr[0] == '?')
        query = (struct tl_str){query.ptr + 1, query.len - 1};
    return query;
}

static void
read_bulk(struct decoder *d, struct tl_str text)
{
    struct value *body = intake_json(d, text), *requests, *request;

    if (body == NULL)
        return;
    requests = value_get(body, "requests");
    if (!value_is_array(requests))
        intake_reject(d, text, "no bulk request: `requests` is no array");
    value_each(requests, request) {
        if (value_is_string(request))
            read_action(d, without_mark(value_str(request)));
        else
            intake_reject_json(d, request, "a request that is no query");
    }
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct tl_str body = text_trim(r->body);

    if (body.len > 0 && body.ptr[0] == '{')
        read_bulk(d, body);
    else if (body.len > 0)
        read_action(d, without_mark(body));
    else
        read_action(d, r->query);
}

int
matomo_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
            char *why)
{
    return intake_open(out, o, sink, why, "matomo", read_request);
}

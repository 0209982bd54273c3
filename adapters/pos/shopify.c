#include "adapters/pos/shopify.h"

#include "adapters/pos/code.h"
#include "adapters/pos/order.h"
#include "adapters/text.h"
#include "adapters/value.h"
#include "adapters/web/shop.h"
#include "base/clock.h"

static const struct shop_names line_names = {
    .item = {"sku", "variant_id", NULL}, .name = "title", .price = "price", .category = "vendor"};

/* ---------------------------------------------------------------- envelope */

/* Its id and when it was changed; false: rejected. */
static bool
begin(struct decoder *d, const char *what, struct value *json, struct tl_str whole)
{
    struct tl_event *ev = order_begin(d);
    int64_t created = order_take_time(d, json, "created_at");
    int64_t changed = order_time(d, member_text(&d->draft, json, "updated_at"));

    ev->time = created;
    if (order_subject(d, what, member_take_id(&d->draft, json, "id", ORDER_NAME_BYTES_MAX),
                      changed != 0 ? changed : created))
        return true;
    intake_reject(d, whole, "a resource of Shopify's without its id");
    return false;
}

static void
put_customer(struct decoder *d, struct value *json)
{
    static const char *const emails[] = {"email", "contact_email", NULL};
    struct value *customer = value_get(json, "customer");
    struct tl_str email = member_take_first(&d->draft, json, emails, 320);
    struct tl_str phone = member_take(&d->draft, json, "phone");

    if (email.len == 0)
        email = member_take(&d->draft, customer, "email");
    if (phone.len == 0)
        phone = member_take(&d->draft, customer, "phone");
    order_customer(d, email, phone, "x-shopify", member_take(&d->draft, customer, "id"));
}

/* ------------------------------------------------------------------ orders */

static void
touch(struct decoder *d, struct tl_str offer, const char *outcome, struct tl_str terms)
{
    struct tl_offer_touch *touch = code_touch(&d->draft, offer, outcome);

    if (touch != NULL)
        touch->terms = terms;
}

static struct tl_str
terms_of(struct decoder *d, struct value *discount, const char *amount, const char *kind)
{
    struct tl_str value = member_text(&d->draft, discount, amount);
    struct tl_str type = member_text(&d->draft, discount, kind);

    return draft_printf(&d->draft, "%.*s%s%.*s", (int)value.len, value.ptr,
                        value.len > 0 && type.len > 0 ? " " : "", (int)type.len, type.ptr);
}

/* Applications tell of automatic discounts too; those of codes again. */
static void
put_discounts(struct decoder *d, struct value *order)
{
    struct value *codes = value_get(order, "discount_codes");
    struct value *applications = value_get(order, "discount_applications"), *one;

    value_each(codes, one)
        touch(d, member_text(&d->draft, one, "code"), "redeemed",
              terms_of(d, one, "amount", "type"));
    value_each(applications, one)
        if (value_get(one, "code") == NULL)
            touch(d, member_text(&d->draft, one, "title"), "redeemed",
                  terms_of(d, one, "value", "value_type"));
        else if (value_count(codes) == 0)
            touch(d, member_text(&d->draft, one, "code"), "redeemed",
                  terms_of(d, one, "value", "value_type"));
}

static void
put_tenders(struct decoder *d, struct value *order)
{
    struct value *names = value_get(order, "payment_gateway_names");
    struct tl_str name = member_value(&d->draft, value_at(names, 0));

    if (value_count(names) != 1 || name.len == 0 || name.len > 32)
        return;
    draft_tender(&d->draft, name, d->draft.sale.total_minor);
    value_drop(order, "payment_gateway_names");
}

static void
read_order(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct draft *draft = &d->draft;
    struct tl_sale *sale = &draft->sale;
    struct tl_str order_id, source;
    int64_t cancelled, processed;

    if (!begin(d, "order", json, whole))
        return;
    cancelled = order_time(d, member_text(draft, json, "cancelled_at"));
    order_id = (struct tl_str){draft->event.subject.ptr + 6, draft->event.subject.len - 6};
    processed = order_take_time(d, json, "processed_at");
    draft->event.type = cancelled != 0 ? TL_STR("sale.voided") : TL_STR("sale.completed");
    draft->event.time = cancelled != 0 ? cancelled : processed != 0 ? processed
                                                                    : draft->event.time;
    source = member_take(draft, json, "source_name");
    if (source.len > 0 && !text_is(source, "pos"))
        draft->event.channel = TL_STR("web");
    draft->event.sale = sale;
    sale->receipt = member_take_id(draft, json, "name", ORDER_NAME_BYTES_MAX);
    sale->store = member_take_id(draft, json, "location_id", ORDER_NAME_BYTES_MAX);
    sale->till = member_take_id(draft, json, "device_id", ORDER_NAME_BYTES_MAX);
    sale->operator_id = member_take_id(draft, json, "user_id", ORDER_NAME_BYTES_MAX);
    sale->currency = shop_currency(draft, member_text(draft, json, "currency"));
    if (sale->currency.len == 0) {
        intake_reject(d, whole, "an order without its currency");
        return;
    }
    sale->total_minor = order_take_minor(d, json, "total_price", sale->currency);
    sale->tax_minor = order_take_minor(d, json, "total_tax", sale->currency);
    sale->discount_minor = order_take_minor(d, json, "total_discounts", sale->currency);
    put_customer(d, json);
    order_receipt(d, order_id);
    put_discounts(d, json);
    put_tenders(d, json);
    shop_lines(d, json, "line_items", &line_names, sale->currency, false);
    if (value_is_true(value_get(json, "buyer_accepts_marketing")))
        order_consent(d, "email", "granted", "shopify: buyer accepts marketing");
    order_finish(d, json, whole);
}

/* What a merchant offers a customer, to be paid later. */
static void
read_draft_order(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct value *discount = value_get(json, "applied_discount");
    struct tl_str name;

    if (!begin(d, "draft_order", json, whole))
        return;
    d->draft.event.type = TL_STR("cart.updated");
    put_customer(d, json);
    order_receipt(d, d->draft.event.subject);
    name = member_text(&d->draft, discount, "title");
    if (name.len == 0)
        name = member_text(&d->draft, discount, "description");
    touch(d, name, "made", terms_of(d, discount, "value", "value_type"));
    order_finish(d, json, whole);
}

static void
put_refunded_lines(struct decoder *d, struct value *refund, struct tl_str currency)
{
    struct value *items = value_get(refund, "refund_line_items"), *one;

    value_each(items, one) {
        struct value *item = value_get(one, "line_item");
        struct tl_sale_line line = {
            .item = member_text(&d->draft, item, "sku"),
            .description = member_text(&d->draft, item, "title"),
            .quantity = member_text(&d->draft, one, "quantity"),
        };
        int64_t minor = order_take_minor(d, one, "subtotal", currency);

        line.amount_minor = minor > 0 ? -minor : minor;
        draft_line(&d->draft, &line);
    }
    value_drop(refund, "refund_line_items");
}

static void
read_refund(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct value *transactions = value_get(json, "transactions"), *one;
    struct tl_sale *sale = &d->draft.sale;
    struct tl_str order_id;
    int64_t minor;

    if (!begin(d, "refund", json, whole))
        return;
    order_id = member_take_id(&d->draft, json, "order_id", ORDER_NAME_BYTES_MAX);
    sale->currency = shop_currency(
        &d->draft, member_text(&d->draft, value_at(transactions, 0), "currency"));
    if (order_id.len == 0 || sale->currency.len == 0) {
        intake_reject(d, whole, "a refund without its order_id, or without a transaction's "
                                     "currency");
        return;
    }
    d->draft.event.type = TL_STR("sale.returned");
    d->draft.event.sale = sale;
    sale->receipt = order_id;
    value_each(transactions, one) {
        minor = order_take_minor(d, one, "amount", sale->currency);
        if (__builtin_sub_overflow(sale->total_minor, minor, &sale->total_minor))
            d->draft.failed = true;
    }
    put_refunded_lines(d, json, sale->currency);
    order_receipt(d, order_id);
    order_finish(d, json, whole);
}

static void
read_transaction(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct tl_str order_id;

    if (!begin(d, "transaction", json, whole))
        return;
    order_id = member_take_id(&d->draft, json, "order_id", ORDER_NAME_BYTES_MAX);
    if (order_id.len == 0) {
        intake_reject(d, whole, "a transaction without its order_id");
        return;
    }
    d->draft.event.type = TL_STR("payment.updated");
    order_receipt(d, order_id);
    order_finish(d, json, whole);
}

/* --------------------------------------------------------------- customers */

static void
put_consent(struct decoder *d, struct value *customer, const char *member, const char *channel)
{
    struct tl_str state = member_text(&d->draft, value_get(customer, member), "state");

    if (text_is(state, "subscribed"))
        order_consent(d, channel, "granted", "shopify: subscribed");
    else if (text_is(state, "unsubscribed"))
        order_consent(d, channel, "revoked", "shopify: unsubscribed");
}

static void
read_customer(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct tl_str number;
    struct value *consent = value_get(json, "email_marketing_consent");

    if (!begin(d, "customer", json, whole))
        return;
    number = (struct tl_str){d->draft.event.subject.ptr + 9, d->draft.event.subject.len - 9};
    d->draft.event.type = TL_STR("customer.attributes_set");
    d->draft.event.time = d->draft.event.revision > 0
                              ? (int64_t)d->draft.event.revision * CLOCK_MS
                              : d->draft.event.time;
    order_customer(d, member_take(&d->draft, json, "email"), member_take(&d->draft, json, "phone"),
                   "x-shopify", number);
    put_consent(d, json, "email_marketing_consent", "email");
    put_consent(d, json, "sms_marketing_consent", "sms");
    if (consent == NULL && value_is_true(value_get(json, "accepts_marketing")))
        order_consent(d, "email", "granted", "shopify: accepts marketing");
    /* The one that counts is the default address. */
    if (value_get(json, "addresses") != NULL) {
        intake_ignore(d, "customer.addresses");
        value_drop(json, "addresses");
    }
    order_finish(d, json, whole);
}

/* Mandatory webhooks: somebody asks for his data, or to be forgotten. */
static void
read_privacy(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct value *customer = value_get(json, "customer");
    bool access = value_get(json, "data_request") != NULL;
    struct tl_event *ev = order_begin(d);

    ev->id = member_hash(&d->draft, "shopify", json);
    ev->type = access ? TL_STR("privacy.access_requested") : TL_STR("privacy.erasure_requested");
    order_customer(d, member_text(&d->draft, customer, "email"),
                   member_text(&d->draft, customer, "phone"), "x-shopify",
                   member_text(&d->draft, customer, "id"));
    if (ev->identifiers_count == 0)
        intake_reject(d, whole, "a privacy request without its customer");
    else
        order_finish(d, json, whole);
}

/* ------------------------------------------------------------------ offers */

static void
define(struct decoder *d, struct value *json, struct tl_str whole, struct tl_str offer,
       struct tl_str campaign)
{
    struct tl_offer_touch *touch = draft_offer(&d->draft, offer, campaign, "");

    d->draft.event.type = TL_STR("offer.defined");
    if (touch == NULL) {
        intake_reject(d, whole, "a discount without a code or title of at most 128 bytes");
        return;
    }
    touch->title = offer;
    touch->terms = terms_of(d, json, "value", "value_type");
    touch->valid_from = order_take_time(d, json, "starts_at");
    touch->expires = order_take_time(d, json, "ends_at");
    order_finish(d, json, whole);
}

static void
read_discount_code(struct decoder *d, struct value *json, struct tl_str whole)
{
    if (begin(d, "discount_code", json, whole))
        define(d, json, whole, member_take(&d->draft, json, "code"),
               member_take_id(&d->draft, json, "price_rule_id", ORDER_NAME_BYTES_MAX));
}

static void
read_price_rule(struct decoder *d, struct value *json, struct tl_str whole)
{
    if (begin(d, "price_rule", json, whole))
        define(d, json, whole, member_take(&d->draft, json, "title"),
               (struct tl_str){d->draft.event.subject.ptr + 11, d->draft.event.subject.len - 11});
}

/* ------------------------------------------------------------------- kinds */

/* The first that has both members.  Without a reader it is none of a
 * customer's. */
static const struct kind {
    const char *name;
    const char *member, *other;
    void (*read)(struct decoder *d, struct value *json, struct tl_str whole);
} kinds[] = {
    {"privacy request", "shop_domain", "customer", read_privacy},
    {"order", "line_items", "financial_status", read_order},
    {"draft order", "line_items", "applied_discount", read_draft_order},
    {"refund", "refund_line_items", NULL, read_refund},
    {"discount code", "price_rule_id", "code", read_discount_code},
    {"price rule", "target_type", "value_type", read_price_rule},
    {"customer", "orders_count", NULL, read_customer},
    {"customer", "email_marketing_consent", NULL, read_customer},
    {"customer", "verified_email", NULL, read_customer},
    {"transaction", "gateway", "kind", read_transaction},
    {"payout transaction", "payout_id", NULL, NULL},
    {"product", "variants", NULL, NULL},
    {"fulfillment event", "fulfillment_id", NULL, NULL},
    {"fulfillment", "tracking_number", NULL, NULL},
    {"gift card", "initial_value", NULL, NULL},
    {"webhook", "topic", "address", NULL},
    {"checkout", "abandoned_checkout_url", NULL, NULL},
    {"cart", "line_items", "token", NULL},
    {"line item", "variant_id", "quantity", NULL},
    {"location", "address1", "legacy", NULL},
    {"inventory level", "inventory_item_id", NULL, NULL},
};

static const struct kind *
find_kind(const struct value *json)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (value_get(json, kinds[i].member) != NULL
            && (kinds[i].other == NULL || value_get(json, kinds[i].other) != NULL))
            return &kinds[i];
    return NULL;
}

static void
read_resource(struct decoder *d, struct value *json, struct tl_str whole)
{
    const struct kind *kind = find_kind(json);

    if (kind == NULL && value_members(json) == 1 && value_get(json, "id") != NULL) {
        intake_ignore(d, "deleted");
    } else if (kind == NULL) {
        intake_reject(d, whole, "no resource of Shopify's that this decoder knows");
    } else if (kind->read == NULL) {
        intake_ignore(d, "%s", kind->name);
    } else {
        draft_begin(&d->draft);
        kind->read(d, json, whole);
    }
}

/* `{"orders":[...]}`: the only member is an object, or an array of them. */
static struct value *
unwrap(struct value *json)
{
    struct value *inner = value_members(json) == 1 ? json->in.first : NULL;

    return value_is_object(inner) || value_is_array(inner) ? inner : json;
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct value *json = intake_json(d, r->body), *content = json, *one;

    if (json == NULL)
        return;
    if (value_is_object(json))
        content = unwrap(json);
    if (value_is_array(content))
        value_each(content, one)
            read_resource(d, one, r->body);
    else
        read_resource(d, content, r->body);
}

int
shopify_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why)
{
    return intake_open(out, o, sink, why, "shopify", read_request);
}

#include "adapters/pos/woocommerce.h"

#include <string.h>

#include "adapters/pos/code.h"
#include "adapters/pos/order.h"
#include "adapters/text.h"
#include "adapters/value.h"
#include "adapters/web/shop.h"
#include "base/clock.h"

#define TENDER_BYTES_MAX 32

static const struct {
    const char *status;
    const char *type;
} statuses[] = {
    {"processing", "sale.completed"}, {"completed", "sale.completed"},
    {"refunded", "sale.returned"},    {"cancelled", "sale.voided"},
    {"failed", "sale.voided"},        {"trash", "sale.voided"},
};

static struct tl_str
take(struct decoder *d, struct value *of, const char *name)
{
    return member_take_id(&d->draft, of, name, ORDER_NAME_BYTES_MAX);
}

/* `date_paid_gmt` is UTC without saying so; `date_paid` is the site's own time. */
static int64_t
date(struct decoder *d, const struct value *json, const char *name)
{
    struct tl_str gmt = member_text(&d->draft, json, draft_printf(&d->draft, "%s_gmt", name).ptr);

    if (gmt.len > 0 && gmt.ptr[gmt.len - 1] != 'Z')
        gmt = draft_printf(&d->draft, "%.*sZ", (int)gmt.len, gmt.ptr);
    return gmt.len > 0 ? order_time(d, gmt)
                       : order_time(d, member_text(&d->draft, json, name));
}

static bool
begin(struct decoder *d, const char *what, struct value *json, struct tl_str whole)
{
    struct tl_event *ev = order_begin(d);
    int64_t created = date(d, json, "date_created"), changed = date(d, json, "date_modified");

    ev->time = created;
    if (order_subject(d, what, take(d, json, "id"), changed != 0 ? changed : created))
        return true;
    intake_reject(d, whole, "a resource of WooCommerce's without its id");
    return false;
}

/* ------------------------------------------------------------------ orders */

static void
put_lines(struct decoder *d, struct value *order, struct tl_str currency)
{
    struct value *items = value_get(order, "line_items"), *item;

    value_each(items, item) {
        static const char *const ids[] = {"sku", "variation_id", "product_id", NULL};
        struct tl_sale_line line = {
            .description = member_text(&d->draft, item, "name"),
            .quantity = member_text(&d->draft, item, "quantity"),
        };
        int64_t before;

        for (size_t k = 0; ids[k] != NULL && line.item.len == 0; k++) {
            line.item = member_text(&d->draft, item, ids[k]);
            if (text_is(line.item, "0"))
                line.item.len = 0;
        }
        before = order_take_minor(d, item, "subtotal", currency);
        line.amount_minor = order_take_minor(d, item, "total", currency);
        if (before > line.amount_minor
            && __builtin_sub_overflow(before, line.amount_minor, &line.discount_minor))
            d->draft.failed = true;
        draft_line(&d->draft, &line);
    }
    value_drop(order, "line_items");
}

static void
put_coupons(struct decoder *d, struct value *order)
{
    struct value *coupons = value_get(order, "coupon_lines"), *one;

    value_each(coupons, one) {
        struct tl_str discount = member_text(&d->draft, one, "discount");
        struct tl_offer_touch *touch = code_touch(&d->draft, member_text(&d->draft, one, "code"),
                                                  "redeemed");

        if (touch != NULL && discount.len > 0)
            touch->terms = draft_printf(&d->draft, "%.*s off", (int)discount.len, discount.ptr);
    }
}

static void
put_sale(struct decoder *d, struct value *json, struct tl_str currency)
{
    struct tl_sale *sale = &d->draft.sale;
    struct tl_str method = member_text(&d->draft, json, "payment_method");

    d->draft.event.sale = sale;
    sale->currency = currency;
    sale->receipt = take(d, json, "number");
    sale->total_minor = order_take_minor(d, json, "total", currency);
    sale->tax_minor = order_take_minor(d, json, "total_tax", currency);
    sale->discount_minor = order_take_minor(d, json, "discount_total", currency);
    put_lines(d, json, currency);
    if (method.len > 0 && method.len <= TENDER_BYTES_MAX) {
        draft_tender(&d->draft, method, sale->total_minor);
        value_drop(json, "payment_method");
    }
}

static void
negate(struct draft *draft, int64_t *minor)
{
    if (__builtin_sub_overflow(0, *minor, minor))
        draft->failed = true;
}

/* Everything comes back: what was paid and what was bought. */
static void
give_back(struct draft *draft)
{
    struct tl_sale *sale = &draft->sale;

    negate(draft, &sale->total_minor);
    negate(draft, &sale->tax_minor);
    negate(draft, &sale->discount_minor);
    for (size_t i = 0; i < sale->lines_count; i++) {
        negate(draft, &draft->lines[i].amount_minor);
        negate(draft, &draft->lines[i].discount_minor);
    }
    for (size_t i = 0; i < sale->tenders_count; i++)
        negate(draft, &draft->tenders[i].amount_minor);
    draft->event.offers_count = 0;
}

static void
read_order(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct value *billing = value_get(json, "billing");
    struct tl_event *ev = &d->draft.event;
    struct tl_str status, currency;
    int64_t paid;

    if (!begin(d, "order", json, whole))
        return;
    status = member_text(&d->draft, json, "status");
    currency = shop_currency(&d->draft, member_text(&d->draft, json, "currency"));
    paid = date(d, json, "date_paid");
    ev->type = TL_STR("order.placed");
    ev->channel = TL_STR("web");
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (text_is(status, statuses[i].status))
            ev->type = text_of(statuses[i].type);
    if (currency.len == 0) {
        intake_reject(d, whole, "an order without its currency");
        return;
    }
    if (!text_is(ev->type, "order.placed")) {
        put_sale(d, json, currency);
        put_coupons(d, json);
        ev->time = paid != 0 ? paid : ev->time;
    }
    if (text_is(ev->type, "sale.returned")) {
        give_back(&d->draft);
        /* It takes nothing away from the sale, as a later word on the order would. */
        ev->subject = draft_printf(&d->draft, "refund:%.*s", (int)ev->subject.len,
                                   ev->subject.ptr);
        ev->time = ev->revision > 0 ? (int64_t)ev->revision * CLOCK_MS : ev->time;
    }
    order_customer(d, member_take(&d->draft, billing, "email"),
                   member_take(&d->draft, billing, "phone"), "x-woocommerce",
                   take(d, json, "customer_id"));
    if (ev->identifiers_count == 0)
        order_receipt(d, ev->subject);
    order_finish(d, json, whole);
}

/* ---------------------------------------------------------------- the others */

static void
read_customer(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct tl_str number;

    if (!begin(d, "customer", json, whole))
        return;
    number = (struct tl_str){d->draft.event.subject.ptr + 9, d->draft.event.subject.len - 9};
    d->draft.event.type = TL_STR("customer.attributes_set");
    d->draft.event.channel = TL_STR("web");
    order_customer(d, member_take(&d->draft, json, "email"),
                   member_take(&d->draft, value_get(json, "billing"), "phone"),
                   "x-woocommerce", number);
    order_finish(d, json, whole);
}

static void
read_coupon(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct tl_str code, amount, type;
    struct tl_offer_touch *touch;

    if (!begin(d, "coupon", json, whole))
        return;
    code = member_take(&d->draft, json, "code");
    amount = member_text(&d->draft, json, "amount");
    type = member_text(&d->draft, json, "discount_type");
    d->draft.event.type = TL_STR("offer.defined");
    if ((touch = draft_offer(&d->draft, code, (struct tl_str){0}, "")) == NULL) {
        intake_reject(d, whole, "a coupon without a code of at most 128 bytes");
        return;
    }
    touch->title = code;
    touch->terms = draft_printf(&d->draft, "%.*s %.*s", (int)amount.len, amount.ptr,
                                (int)type.len, type.ptr);
    touch->expires = date(d, json, "date_expires");
    order_finish(d, json, whole);
}

static const struct {
    const char *name;
    const char *member, *other;
    void (*read)(struct decoder *d, struct value *json, struct tl_str whole);
} kinds[] = {
    {"order", "line_items", "order_key", read_order},
    {"coupon", "code", "discount_type", read_coupon},
    {"customer", "billing", "username", read_customer},
    {"product", "sku", "stock_status", NULL},
    {"product", "sku", "regular_price", NULL},
};

static void
read_resource(struct decoder *d, struct value *json, struct tl_str whole)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (value_get(json, kinds[i].member) == NULL
            || value_get(json, kinds[i].other) == NULL)
            continue;
        if (kinds[i].read == NULL) {
            intake_ignore(d, "%s", kinds[i].name);
        } else {
            draft_begin(&d->draft);
            kinds[i].read(d, json, whole);
        }
        return;
    }
    if (value_members(json) == 1 && value_get(json, "id") != NULL)
        intake_ignore(d, "deleted");
    else
        intake_reject(d, whole, "no resource of WooCommerce's that this decoder knows");
}

/* What it posts when a webhook is saved: `webhook_id=11`. */
static bool
is_ping(struct tl_str body)
{
    static const char ping[] = "webhook_id=";

    return body.len > strlen(ping) && memcmp(body.ptr, ping, strlen(ping)) == 0;
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct value *json, *one;

    if (is_ping(r->body)) {
        intake_ignore(d, "ping");
        return;
    }
    if ((json = intake_json(d, r->body)) == NULL)
        return;
    if (value_is_array(json))
        value_each(json, one)
            read_resource(d, one, r->body);
    else
        read_resource(d, json, r->body);
}

int
woocommerce_open(struct decoder **out, const struct format_options *o,
                 const struct format_sink *sink, char *why)
{
    return intake_open(out, o, sink, why, "woocommerce", read_request);
}

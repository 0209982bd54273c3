#include "adapters/pos/square.h"

#include <string.h>

#include "adapters/pos/order.h"
#include "adapters/text.h"
#include "adapters/value.h"
#include "adapters/web/shop.h"

#define TYPE_BYTES 64

struct webhook {
    struct decoder *d;
    struct draft *draft;
    struct value *object;             /* what it is about; members are taken out of it */
    struct tl_str whole;
    struct tl_str type, id;     /* of the event, of the object */
};

static struct tl_str
take(struct webhook *w, struct value *of, const char *name)
{
    return member_take_id(w->draft, of, name, ORDER_NAME_BYTES_MAX);
}

/* `{"amount": 100, "currency": "USD"}`: integers are minor units already. */
static int64_t
take_money(struct webhook *w, const char *name, struct tl_str *currency)
{
    struct value *money = value_get(w->object, name);
    int64_t minor = value_integer(value_get(money, "amount"));
    struct tl_str code = shop_currency(w->draft, member_text(w->draft, money, "currency"));

    if (code.len == 0)
        return 0;
    *currency = code;
    value_drop(w->object, name);
    return minor;
}

static void
finish(struct webhook *w, const char *type)
{
    struct tl_event *ev = &w->draft->event;

    if (type != NULL)
        ev->type = text_of(type);
    if (ev->identifiers_count == 0 && !text_is(ev->type, "offer.defined")) {
        intake_ignore(w->d, "%.*s without a customer", (int)w->type.len, w->type.ptr);
        return;
    }
    order_finish(w->d, w->object, w->whole);
}

/* gift_card.customer_linked as it is: Square's types are words joined by dots. */
static void
finish_as_said(struct webhook *w)
{
    if (w->type.len < TYPE_BYTES)
        w->draft->event.type = w->type;
    finish(w, NULL);
}

/* ------------------------------------------------------------------- sales */

static void
set_subject(struct webhook *w, const char *what)
{
    static const char *const times[] = {"updated_at", "created_at", NULL};
    struct tl_str id = w->draft->event.id;
    int64_t changed = 0;

    for (size_t i = 0; changed == 0 && times[i] != NULL; i++)
        changed = order_time(w->d, member_text(w->draft, w->object, times[i]));
    order_subject(w->d, what, w->id, changed);
    w->draft->event.id = id;
}

static void
read_payment(struct webhook *w)
{
    struct tl_sale *sale = &w->draft->sale;
    struct tl_str status = member_text(w->draft, w->object, "status");
    struct value *card = value_get(value_get(w->object, "card_details"), "card");
    struct tl_str email = take(w, w->object, "buyer_email_address");

    set_subject(w, "payment");
    sale->total_minor = take_money(w, "total_money", &sale->currency);
    if (sale->currency.len == 0)
        sale->total_minor = take_money(w, "amount_money", &sale->currency);
    order_customer(w->d, email, (struct tl_str){0}, "x-square",
                   take(w, w->object, "customer_id"));
    order_receipt(w->d, w->id);
    if (!text_is(status, "COMPLETED") || sale->currency.len == 0) {
        finish_as_said(w);
        return;
    }
    w->draft->event.sale = sale;
    sale->receipt = w->id;
    sale->store = take(w, w->object, "location_id");
    sale->operator_id = take(w, w->object, "team_member_id");
    sale->till = take(w, value_get(w->object, "device_details"), "device_id");
    draft_tender(w->draft, take(w, w->object, "source_type"), sale->total_minor);
    /* Who pays with the same card; it identifies no more than that. */
    draft_attribute(w->draft, TL_STR("card_fingerprint"), member_take(w->draft, card,
                                                                      "fingerprint"));
    finish(w, "sale.completed");
}

static void
read_refund(struct webhook *w)
{
    struct tl_sale *sale = &w->draft->sale;
    struct tl_str payment = take(w, w->object, "payment_id");
    int64_t minor = take_money(w, "amount_money", &sale->currency);

    set_subject(w, "refund");
    order_receipt(w->d, payment);
    if (!text_is(member_text(w->draft, w->object, "status"), "COMPLETED")
        || sale->currency.len == 0) {
        draft_attribute(w->draft, TL_STR("amount_minor"),
                        draft_printf(w->draft, "%lld", (long long)minor));
        draft_attribute(w->draft, TL_STR("currency"), sale->currency);
        finish_as_said(w);
        return;
    }
    w->draft->event.sale = sale;
    sale->receipt = payment;
    sale->store = take(w, w->object, "location_id");
    sale->total_minor = minor > 0 ? -minor : minor;
    finish(w, "sale.returned");
}

static void
read_dispute(struct webhook *w)
{
    set_subject(w, "dispute");
    order_receipt(w->d, take(w, value_get(w->object, "disputed_payment"), "payment_id"));
    finish_as_said(w);
}

/* --------------------------------------------------------------- customers */

static void
read_customer(struct webhook *w)
{
    struct value *preferences = value_get(w->object, "preferences");
    bool deleted = text_is(w->type, "customer.deleted");

    set_subject(w, "customer");
    order_customer(w->d, member_take(w->draft, w->object, "email_address"),
                   member_take(w->draft, w->object, "phone_number"), "x-square", w->id);
    if (value_is_true(value_get(preferences, "email_unsubscribed")))
        order_consent(w->d, "email", "revoked", "square: email unsubscribed");
    finish(w, deleted ? "customer.deleted" : "customer.attributes_set");
}

/* Bookings, subscriptions, gift cards: whoever they name. */
static void
read_named(struct webhook *w)
{
    struct value *ids = value_get(w->object, "customer_ids");
    struct tl_str customer = take(w, w->object, "customer_id");

    if (customer.len == 0)
        customer = member_value(w->draft, value_at(ids, 0));
    draft_identifier(w->draft, TL_STR("x-square"), customer);
    draft_identifier(w->draft, TL_STR("payment"), take(w, w->object, "gan"));
    draft_identifier(w->draft, TL_STR("payment"), take(w, w->object, "gift_card_gan"));
    finish_as_said(w);
}

static void
read_invoice(struct webhook *w)
{
    struct value *recipient = value_get(w->object, "primary_recipient");

    set_subject(w, "invoice");
    order_customer(w->d, member_take(w->draft, recipient, "email_address"),
                   member_take(w->draft, recipient, "phone_number"), "x-square",
                   take(w, recipient, "customer_id"));
    finish_as_said(w);
}

/* ----------------------------------------------------------------- loyalty */

static void
read_account(struct webhook *w)
{
    struct value *mapping = value_get(w->object, "mapping");

    set_subject(w, "loyalty_account");
    draft_identifier(w->draft, TL_STR("loyalty"), w->id);
    order_customer(w->d, (struct tl_str){0}, member_take(w->draft, mapping, "phone_number"),
                   "x-square", take(w, w->object, "customer_id"));
    finish_as_said(w);
}

/* Types of loyalty events; the member of the same name in lower case has more. */
static const struct {
    const char *said;
    const char *member;
    const char *type;
    const char *outcome;        /* of the reward it names; NULL: of none */
} loyalty_kinds[] = {
    {"ACCUMULATE_POINTS", "accumulate_points", "points.earned", NULL},
    {"ACCUMULATE_PROMOTION_POINTS", "accumulate_promotion_points", "points.earned", "redeemed"},
    {"ADJUST_POINTS", "adjust_points", "points.adjusted", NULL},
    {"EXPIRE_POINTS", "expire_points", "points.expired", NULL},
    {"CREATE_REWARD", "create_reward", "points.redeemed", "made"},
    {"REDEEM_REWARD", "redeem_reward", "coupon.redeemed", "redeemed"},
    {"DELETE_REWARD", "delete_reward", "offer.withdrawn", "withdrawn"},
    {"OTHER", "other_event", "points.adjusted", NULL},
};

static void
read_loyalty_event(struct webhook *w)
{
    static const char *const rewards[] = {"loyalty_promotion_id", "reward_id", NULL};
    struct tl_str said = take(w, w->object, "type"), program;
    size_t kind = 0, kinds = sizeof loyalty_kinds / sizeof loyalty_kinds[0];
    struct value *more;

    while (kind < kinds && !text_is(said, loyalty_kinds[kind].said))
        kind++;
    if (kind == kinds) {
        intake_reject(w->d, w->whole, "a loyalty event of a type this decoder does not know");
        return;
    }
    more = value_get(w->object, loyalty_kinds[kind].member);
    program = take(w, more, "loyalty_program_id");
    draft_identifier(w->draft, TL_STR("loyalty"), take(w, w->object, "loyalty_account_id"));
    if (loyalty_kinds[kind].outcome != NULL
        && draft_offer(w->draft,
                       member_take_first(w->draft, more, rewards, ORDER_NAME_BYTES_MAX), program,
                       loyalty_kinds[kind].outcome) == NULL) {
        intake_reject(w->d, w->whole, "a loyalty event without the reward it is about");
        return;
    }
    finish(w, loyalty_kinds[kind].type);
}

static void
read_promotion(struct webhook *w)
{
    struct value *available = value_get(w->object, "available_time");
    bool gone = text_is(member_text(w->draft, w->object, "status"), "CANCELED");
    struct tl_str offer = take(w, w->object, "id");
    struct tl_offer_touch *touch;

    set_subject(w, "loyalty_promotion");
    touch = draft_offer(w->draft, offer.len > 0 ? offer : w->id,
                        take(w, w->object, "loyalty_program_id"), gone ? "withdrawn" : "");
    if (touch != NULL) {
        touch->title = member_take(w->draft, w->object, "name");
        touch->valid_from = order_take_time(w->d, available, "start_date");
        touch->expires = order_take_time(w->d, available, "end_date");
    }
    finish(w, "offer.defined");
}

static void
read_program(struct webhook *w)
{
    struct value *tiers = value_get(w->object, "reward_tiers"), *tier;
    struct tl_offer_touch *touch;

    set_subject(w, "loyalty_program");
    value_each(tiers, tier) {
        touch = draft_offer(w->draft, member_text(w->draft, tier, "id"), w->id, "");
        if (touch == NULL)
            continue;
        touch->title = member_text(w->draft, tier, "name");
        touch->terms = draft_printf(w->draft, "%lld points",
                                    (long long)value_integer(value_get(tier,
                                                                                  "points")));
    }
    if (w->draft->event.offers_count == 0)
        intake_ignore(w->d, "%.*s without tiers", (int)w->type.len, w->type.ptr);
    else
        finish(w, "offer.defined");
}

/* ------------------------------------------------------------------- kinds */

/* By the beginning of the type, the longest first; the member of data.object that
 * it is about. */
static const struct {
    const char *type;
    const char *member;
    void (*read)(struct webhook *w);
} kinds[] = {
    {"customer.custom_attribute", NULL, NULL},
    {"customer.", "customer", read_customer},
    {"payment.", "payment", read_payment},
    {"refund.", "refund", read_refund},
    {"dispute.", "dispute", read_dispute},
    {"booking.custom_attribute", NULL, NULL},
    {"booking.", "booking", read_named},
    {"subscription.", "subscription", read_named},
    {"gift_card.activity.", "gift_card_activity", read_named},
    {"gift_card.", "gift_card", read_named},
    {"invoice.", "invoice", read_invoice},
    {"loyalty.account.", "loyalty_account", read_account},
    {"loyalty.event.", "loyalty_event", read_loyalty_event},
    {"loyalty.promotion.", "loyalty_promotion", read_promotion},
    {"loyalty.program.", "loyalty_program", read_program},
};

static void
read_webhook(struct webhook *w, struct value *data)
{
    struct value *objects = value_get(data, "object");

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].type);

        if (w->type.len <= len || memcmp(w->type.ptr, kinds[i].type, len) != 0)
            continue;
        if (kinds[i].read == NULL)
            break;
        w->object = value_get(objects, kinds[i].member);
        if (value_is_object(w->object))
            kinds[i].read(w);
        else
            intake_ignore(w->d, "%.*s", (int)w->type.len, w->type.ptr);
        return;
    }
    intake_ignore(w->d, "%.*s", (int)w->type.len, w->type.ptr);
}

static bool
begin(struct webhook *w, struct value *json)
{
    struct tl_event *ev = order_begin(w->d);
    struct tl_str event_id = take(w, json, "event_id");

    w->type = take(w, json, "type");
    w->id = take(w, value_get(json, "data"), "id");
    ev->time = order_time(w->d, member_text(w->draft, json, "created_at"));
    /* One event_id may come with two types, in Square's own examples. */
    ev->id = draft_printf(w->draft, "%.*s-%.*s", (int)event_id.len, event_id.ptr,
                          (int)w->type.len, w->type.ptr);
    draft_attribute(w->draft, TL_STR("merchant_id"), member_text(w->draft, json, "merchant_id"));
    draft_attribute(w->draft, TL_STR("square_type"), w->type);
    return event_id.len > 0 && w->type.len > 0 && w->id.len > 0;
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct webhook w = {.d = d, .draft = &d->draft, .whole = r->body};
    struct value *json = intake_json(d, r->body);

    if (json == NULL)
        return;
    if (!value_is_object(json) || !begin(&w, json))
        intake_reject(d, r->body, "no webhook of Square's: event_id, type and data.id are missing");
    else
        read_webhook(&w, value_get(json, "data"));
}

int
square_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
            char *why)
{
    return intake_open(out, o, sink, why, "square", read_request);
}

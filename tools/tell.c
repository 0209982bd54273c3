#include "tools/tell.h"

#include <string.h>

#include "base/clock.h"
#include "tools/print.h"

#define SHOW(s) (int)(s).len, (s).len > 0 ? (s).ptr : ""
#define DAY_BYTES 10                    /* 2017-03-03 */

static struct tl_str
identifier(const struct tl_event *ev, const char *type)
{
    for (size_t i = 0; i < ev->identifiers_count; i++)
        if (ev->identifiers[i].type.len == strlen(type)
            && memcmp(ev->identifiers[i].type.ptr, type, strlen(type)) == 0)
            return ev->identifiers[i].value;
    return (struct tl_str){0};
}

struct tl_str
tell_card(const struct tl_event *ev)
{
    return identifier(ev, "loyalty");
}

/* Appends `"name":"text",`, or nothing. */
static void
member(struct buf *out, const char *name, struct tl_str text)
{
    if (text.len == 0)
        return;
    buf_printf(out, "\"%s\":", name);
    print_json_text(out, text);
    buf_byte(out, ',');
}

static void
email(struct buf *out, const struct tl_event *ev)
{
    struct tl_str known = identifier(ev, "email"), number = tell_card(ev);

    buf_text(out, "\"email\":");
    if (known.len > 0)
        print_json_text(out, known);
    else
        buf_printf(out, "\"household%.*s@example.com\"", SHOW(number));
}

void
tell_mailing(struct buf *out, const struct tl_event *ev)
{
    const struct tl_offer_touch *touch = &ev->offers[0];
    char expires[CLOCK_TEXT_BYTES];

    buf_byte(out, '{');
    email(out, ev);
    buf_byte(out, ',');
    member(out, "sg_event_id", ev->id);
    member(out, "sg_message_id", ev->id);
    member(out, "campaign_id", touch->campaign);
    member(out, "offer_id", touch->offer);
    member(out, "offer_terms", touch->terms);
    member(out, "loyalty_id", tell_card(ev));
    if (touch->expires != 0)
        buf_printf(out, "\"offer_expires\":\"%s\",", clock_format(expires, touch->expires));
    buf_printf(out, "\"timestamp\":%lld,\"event\":\"processed\"}",
               (long long)(ev->time / CLOCK_SECOND));
}

void
tell_coupon(struct buf *out, const struct tl_event *ev)
{
    char time[CLOCK_TEXT_BYTES];

    buf_text(out, "{\"type\":\"track\",\"event\":\"Coupon Applied\",");
    member(out, "messageId", ev->id);
    member(out, "userId", tell_card(ev));
    buf_text(out, "\"context\":{\"traits\":{");
    email(out, ev);
    buf_text(out, "}},\"properties\":{");
    member(out, "campaign_id", ev->offers[0].campaign);
    buf_text(out, "\"coupon_id\":");
    print_json_text(out, ev->offers[0].offer);
    buf_printf(out, "},\"timestamp\":\"%s\"}", clock_format(time, ev->time));
}

void
tell_agent(struct buf *out, const struct tl_event *ev)
{
    long long seconds = ev->time / CLOCK_SECOND;
    struct tl_str number = tell_card(ev);

    buf_printf(out,
               "Event: UserEvent\r\nPrivilege: user,all\r\nTimestamp: %lld.000000\r\n"
               "Uniqueid: %lld.%.*s\r\nLinkedid: %lld.%.*s\r\nUserEvent: OfferAccepted\r\n"
               "LoyaltyNumber: %.*s\r\nAgent: Agent/101\r\nOfferCode: %.*s\r\n"
               "Reference: %.*s\r\n\r\n",
               seconds, seconds, SHOW(number), seconds, SHOW(number), SHOW(number),
               SHOW(ev->offers[0].offer), SHOW(ev->id));
}

/* ---------------------------------------------------------------- receipts */

static void
element(struct buf *out, const char *name, struct tl_str text)
{
    if (text.len == 0)
        return;
    buf_printf(out, "<%s>", name);
    for (size_t i = 0; i < text.len; i++)
        switch (text.ptr[i]) {
        case '<': buf_text(out, "&lt;"); break;
        case '>': buf_text(out, "&gt;"); break;
        case '&': buf_text(out, "&amp;"); break;
        default: buf_byte(out, (unsigned char)text.ptr[i]);
        }
    buf_printf(out, "</%s>", name);
}

/* Tills of this kind count in hundredths. */
static void
hundredths(struct buf *out, int64_t minor)
{
    uint64_t size = minor < 0 ? -(uint64_t)minor : (uint64_t)minor;

    buf_printf(out, "%s%llu.%02llu", minor < 0 ? "-" : "", (unsigned long long)(size / 100),
               (unsigned long long)(size % 100));
}

static void
amount(struct buf *out, const char *name, int64_t minor)
{
    buf_printf(out, "<%s>", name);
    hundredths(out, minor);
    buf_printf(out, "</%s>", name);
}

static void
line(struct buf *out, size_t n, const struct tl_sale_line *l, struct tl_str promotion)
{
    buf_printf(out, "<LineItem><SequenceNumber>%zu</SequenceNumber><Sale ItemType=\"Stock\">", n);
    element(out, "ItemID", l->item);
    element(out, "Description", l->description);
    amount(out, "ExtendedAmount", l->amount_minor);
    amount(out, "ExtendedDiscountAmount", l->discount_minor);
    element(out, "Quantity", l->quantity);
    if (promotion.len > 0) {
        buf_text(out, "<RetailPriceModifier>");
        element(out, "PromotionID", promotion);
        buf_text(out, "</RetailPriceModifier>");
    }
    buf_text(out, "</Sale></LineItem>");
}

static void
lines(struct buf *out, const struct tl_event *ev)
{
    struct tl_sale_line coupon = {.item = TL_STR("coupon"), .quantity = TL_STR("1")};
    struct tl_str promotion = {0};

    if (ev->sale == NULL) {
        line(out, 1, &coupon, ev->offers[0].offer);
        return;
    }
    for (size_t i = 0; i < ev->sale->lines_count; i++)
        line(out, i + 1, &ev->sale->lines[i], promotion);
}

void
tell_receipt(struct buf *out, const struct tl_event *ev)
{
    static const struct tl_sale nothing = {.currency = {"USD", 3}, .store = {"0", 1}};
    const struct tl_sale *sale = ev->sale != NULL ? ev->sale : &nothing;
    struct tl_str card = tell_card(ev);
    char time[CLOCK_TEXT_BYTES];

    buf_text(out, "<Transaction>");
    element(out, "RetailStoreID", sale->store);
    element(out, "WorkstationID", sale->till.len > 0 ? sale->till : TL_STR("1"));
    element(out, "SequenceNumber", sale->receipt.len > 0 ? sale->receipt : ev->id);
    clock_format(time, ev->time);
    element(out, "BusinessDayDate", (struct tl_str){time, DAY_BYTES});
    element(out, "EndDateTime", (struct tl_str){time, strlen(time)});
    element(out, "CurrencyCode", sale->currency);
    buf_text(out, "<RetailTransaction>");
    lines(out, ev);
    if (card.len > 0) {
        buf_text(out, "<LineItem><acs:LoyaltyMembership>");
        element(out, "acs:MembershipID", card);
        buf_text(out, "</acs:LoyaltyMembership></LineItem>");
    }
    buf_text(out, "<Total TotalType=\"TransactionGrandAmount\">");
    hundredths(out, sale->total_minor);
    buf_text(out, "</Total></RetailTransaction></Transaction>");
}

#include "adapters/pos/retail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapters/pos/code.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "base/clock.h"
#include "base/decimal.h"

#define ATTRIBUTE_BYTES_MAX 256
#define LIST_BYTES_MAX 1024

struct retail {
    struct draft *draft;
    struct node *transaction;
    struct node *retail;
    char *why;
    int digits;                         /* of the currency */
    int64_t lines, tax, discount;       /* summed, in minor units */
    size_t sales, returns, voided_lines, other_rewards, values_more, offers_more;
    char promotions[LIST_BYTES_MAX];    /* `5081/4:1127`: promotion, its event, custom offer */
    char other_lines[LIST_BYTES_MAX];   /* `acs:ItemNotFound` */
    char coupons[LIST_BYTES_MAX];
};

#define SHOW(s) (int)((s).len < 80 ? (s).len : 80), (s).ptr

__attribute__((format(printf, 2, 3))) static bool
wrong(struct retail *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->why, RETAIL_WHY_BYTES, fmt, args);
    va_end(args);
    return false;
}

/* An empty amount is none. */
static bool
minor(struct retail *r, struct tl_str text, int64_t *out)
{
    *out = 0;
    return text.len == 0 || decimal_to_minor(out, text.ptr, text.len, r->digits) == 0
           || wrong(r, "`%.*s` is no amount", SHOW(text));
}

static bool
add(struct retail *r, int64_t *sum, int64_t amount)
{
    return !__builtin_add_overflow(*sum, amount, sum) || wrong(r, "amounts too large to add up");
}

/* Keeps a list of different words; when it is full its end says so. */
static void
remember(char list[LIST_BYTES_MAX], const char *word)
{
    size_t len = strlen(list), more = strlen(word);

    for (const char *at = strstr(list, word); at != NULL; at = strstr(at + 1, word))
        if ((at == list || at[-1] == ' ') && (at[more] == ' ' || at[more] == '\0'))
            return;
    if (len + more + sizeof " ..." > LIST_BYTES_MAX) {
        if (len < 3 || strcmp(list + len - 3, "...") != 0)
            snprintf(list + len, LIST_BYTES_MAX - len, " ...");
        return;
    }
    snprintf(list + len, LIST_BYTES_MAX - len, "%s%s", len > 0 ? " " : "", word);
}

static bool
contains(struct tl_str s, const char *word)
{
    return s.len > 0 && memmem(s.ptr, s.len, word, strlen(word)) != NULL;
}

static bool
is_true(struct tl_str s)
{
    return text_is(s, "true") || text_is(s, "1");
}

/* ------------------------------------------------------------ sale lines */

static void
touch(struct retail *r, struct tl_str offer, const char *outcome)
{
    if (offer.len > 0 && draft_offer(r->draft, offer, (struct tl_str){0}, outcome) == NULL)
        r->offers_more++;
}

/* ARTS' own way to say which promotion changed a line's price. */
static void
read_modifiers(struct retail *r, const struct node *item)
{
    for (struct node *m = item->first; m != NULL; m = m->next)
        if (text_is(m->name, "RetailPriceModifier"))
            touch(r, node_child_text(m, "PromotionID"), "redeemed");
}

static bool
read_item(struct retail *r, struct node *item, bool returned)
{
    struct tl_str id = node_child_text(node_child(item, "POSIdentity"), "POSItemID");
    struct tl_str discount = node_child_text(item, "ExtendedDiscountAmount");
    struct tl_sale_line line = {
        .item = id.len > 0 ? id : node_child_text(item, "ItemID"),
        .description = node_child_text(item, "Description"),
        .quantity = node_child_text(item, "Quantity"),
        .department = node_child_text(item, "MerchandiseHierarchy"),
    };

    if (discount.len == 0)
        discount = node_child_text(item, "DiscountAmount");
    if (!minor(r, node_child_text(item, "ExtendedAmount"), &line.amount_minor)
        || !minor(r, discount, &line.discount_minor))
        return false;
    /* What comes back is worth less than nothing, whichever sign the till writes. */
    if (returned && line.amount_minor > 0)
        line.amount_minor = -line.amount_minor;
    read_modifiers(r, item);
    draft_line(r->draft, &line);
    return add(r, &r->lines, line.amount_minor) && add(r, &r->discount, line.discount_minor);
}

static bool
read_sale(struct retail *r, struct node *item)
{
    r->sales++;
    return read_item(r, item, false);
}

static bool
read_return(struct retail *r, struct node *item)
{
    r->returns++;
    return read_item(r, item, true);
}

/* ---------------------------------------------------------- other lines */

static void
read_coupon(struct retail *r, const struct node *coupon)
{
    static const char *const names[] = {"ScanCode", "PrimaryLabel", "CouponID", NULL};
    struct tl_str code = {0};
    char word[DRAFT_NAME_BYTES_MAX + 1];

    for (size_t i = 0; code.len == 0 && names[i] != NULL; i++)
        code = node_child_text(coupon, names[i]);
    if (code.len == 0 || code.len > DRAFT_NAME_BYTES_MAX)
        return;
    if (code_touch(r->draft, code, "redeemed") == NULL)
        r->offers_more++;
    snprintf(word, sizeof word, "%.*s", (int)code.len, code.ptr);
    remember(r->coupons, word);
}

static bool
read_tender(struct retail *r, struct node *tender)
{
    struct node *coupon = node_child(tender, "Coupon");
    int64_t amount;

    if (!minor(r, node_child_text(tender, "Amount"), &amount))
        return false;
    draft_tender(r->draft, node_attribute(tender, "TenderType"), amount);
    if (coupon != NULL)
        read_coupon(r, coupon);
    return true;
}

static bool
read_tax(struct retail *r, struct node *tax)
{
    int64_t amount;

    return minor(r, node_child_text(tax, "Amount"), &amount) && add(r, &r->tax, amount);
}

/* ACS writes a reward's parts (detailedData) and then their sum
 * (summarizedActivity): the parts are not money a second time. */
static bool
add_reward(struct retail *r, const struct node *reward, struct tl_str amount)
{
    struct tl_str category = node_child_text(reward, "acs:RewardCategory");
    bool part = is_true(node_attribute(reward, "acs:detailedData"))
                && !is_true(node_attribute(reward, "acs:summarizedActivity"));
    int64_t value;

    if (part || !text_is(category, "Monetary"))
        return true;
    return minor(r, amount, &value) && add(r, &r->discount, value < 0 ? -value : 0);
}

static bool
is_zero(struct tl_str decimal)
{
    for (size_t i = 0; i < decimal.len; i++)
        if (decimal.ptr[i] >= '1' && decimal.ptr[i] <= '9')
            return false;
    return true;
}

static bool
read_reward(struct retail *r, struct node *reward)
{
    struct tl_str promotion = node_child_text(reward, "PromotionID");
    struct tl_str event = node_child_text(reward, "EventID");
    struct tl_str custom = node_child_text(reward, "acs:CustomOfferID");
    struct tl_str type = node_child_text(reward, "acs:RewardType");
    struct tl_str amount = node_child_text(reward, "acs:ExtendedRewardAmount");
    char word[128];

    if (!is_zero(amount))
        touch(r, promotion, "redeemed");
    else if (contains(type, "Message") && (contains(type, "Customer") || contains(type, "Receipt")))
        touch(r, promotion, "made");
    else
        r->other_rewards++;
    snprintf(word, sizeof word, "%.*s%s%.*s%s%.*s", SHOW(promotion), event.len > 0 ? "/" : "",
             SHOW(event), is_zero(custom) ? "" : ":", is_zero(custom) ? 0 : (int)custom.len,
             custom.ptr);
    remember(r->promotions, word);
    return add_reward(r, reward, amount);
}

static void
keep_value(void *arg, const struct node *node, const struct node_attribute *attribute)
{
    struct retail *r = arg;
    struct tl_str value = attribute != NULL ? attribute->value : node->text;
    bool top = node->parent == NULL || node->parent == r->transaction
               || node->parent == r->retail || node->parent->parent == NULL;
    struct tl_str name = node->name;

    if (value.len > ATTRIBUTE_BYTES_MAX) {
        r->values_more++;
        return;
    }
    if (!top)
        name = draft_printf(r->draft, "%.*s.%.*s", SHOW(node->parent->name), SHOW(name));
    if (attribute != NULL)
        name = draft_printf(r->draft, "%.*s.%.*s", SHOW(name), SHOW(attribute->name));
    draft_attribute(r->draft, name, value);
}

static bool
read_membership(struct retail *r, struct node *membership)
{
    code_loyalty(r->draft, node_child_text(membership, "acs:MembershipID"));
    node_each_unread(membership, keep_value, r);
    return true;
}

/* What the till's loyalty system knows about the customer, by number. */
static bool
read_variable(struct retail *r, struct node *variable)
{
    struct tl_str id = node_child_text(variable, "acs:ID");
    struct tl_str value = node_child_text(variable, "acs:Value");

    if (value.len <= ATTRIBUTE_BYTES_MAX)
        draft_attribute(r->draft, draft_printf(r->draft, "acs:CRMCustomVariable.%.*s", SHOW(id)),
                        value);
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct retail *r, struct node *node);
} line_kinds[] = {
    {"Sale", read_sale},
    {"Return", read_return},
    {"Tender", read_tender},
    {"Tax", read_tax},
    {"LoyaltyReward", read_reward},
    {"acs:LoyaltyMembership", read_membership},
    {"acs:CRMCustomVariable", read_variable},
};

static void
count_value(void *arg, const struct node *node, const struct node_attribute *attribute)
{
    struct retail *r = arg;

    (void)node;
    (void)attribute;
    r->values_more++;
}

static bool
read_line(struct retail *r, struct node *line)
{
    struct node *what = line->first;
    bool known = false;
    char word[128];

    if (is_true(node_attribute(line, "VoidFlag")))
        r->voided_lines++;
    while (what != NULL && text_is(what->name, "SequenceNumber")) {
        what->used = true;      /* the order of the lines says it */
        what = what->next;
    }
    for (size_t i = 0; what != NULL && i < sizeof line_kinds / sizeof line_kinds[0]; i++) {
        if (!text_is(what->name, line_kinds[i].name))
            continue;
        known = true;
        if (!line_kinds[i].read(r, what))
            return false;
    }
    if (!known && what != NULL) {
        snprintf(word, sizeof word, "%.*s", SHOW(what->name));
        remember(r->other_lines, word);
    }
    node_each_unread(line, count_value, r);
    return true;
}

static bool
read_lines(struct retail *r)
{
    for (struct node *n = r->retail->first; n != NULL; n = n->next)
        if (text_is(n->name, "LineItem") && !read_line(r, n))
            return false;
    return true;
}

/* -------------------------------------------------------------- envelope */

/* The key of a transaction, by the standard.  Empty when a part is missing. */
static struct tl_str
key(struct retail *r, const struct node *node)
{
    struct tl_str store = node_child_text(node, "RetailStoreID");
    struct tl_str till = node_child_text(node, "WorkstationID");
    struct tl_str number = node_child_text(node, "SequenceNumber");
    struct tl_str day = node_child_text(node, "BusinessDayDate");

    if (store.len == 0 || till.len == 0 || number.len == 0 || day.len == 0)
        return (struct tl_str){0};
    return draft_printf(r->draft, "%.*s-%.*s-%.*s-%.*s", SHOW(store), SHOW(till), SHOW(number),
                        SHOW(day));
}

static bool
read_time(struct retail *r, const struct zone *zone, struct tl_str timezone)
{
    static const char *const names[] = {"EndDateTime", "BeginDateTime", NULL};
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f",
                                        "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", NULL};
    struct timeformat_time t;
    struct tl_str text = {0};

    for (size_t i = 0; text.len == 0 && names[i] != NULL; i++)
        text = node_child_text(r->transaction, names[i]);
    if (text.len == 0)
        text = node_child_text(r->retail, "ReceiptDateTime");
    for (size_t i = 0; forms[i] != NULL; i++) {
        if (!timeformat_read(&t, text, text_of(forms[i]), zone, false))
            continue;
        r->draft->event.time = t.ns;
        if (t.local)
            r->draft->event.timezone = timezone;
        return true;
    }
    return wrong(r, "`%.*s` is no EndDateTime", SHOW(text));
}

static bool
read_envelope(struct retail *r)
{
    struct tl_event *ev = &r->draft->event;
    struct tl_sale *sale = &r->draft->sale;

    if ((ev->id = key(r, r->transaction)).len == 0)
        return wrong(r, "without RetailStoreID, WorkstationID, SequenceNumber or BusinessDayDate");
    ev->channel = TL_STR("pos");
    ev->direction = TL_STR("inbound");
    ev->sale = sale;
    sale->receipt = ev->id;
    sale->store = node_child_text(r->transaction, "RetailStoreID");
    sale->till = node_child_text(r->transaction, "WorkstationID");
    sale->operator_id = node_child_text(r->transaction, "OperatorID");
    sale->currency = node_child_text(r->transaction, "CurrencyCode");
    if (sale->currency.len == 0)
        sale->currency = TL_STR("USD");
    ev->touchpoint = draft_printf(r->draft, "till %.*s", SHOW(sale->till));
    r->digits = tl_currency_decimals(sale->currency);
    return true;
}

/* A suspended sale goes on under a number of its own, which names this one. */
static void
read_link(struct retail *r)
{
    struct node *link = node_child(r->retail, "TransactionLink");

    if (link == NULL)
        return;
    draft_attribute(r->draft, TL_STR("transaction_link"), key(r, link));
    draft_attribute(r->draft, TL_STR("transaction_link_reason"),
                    node_attribute(link, "ReasonCode"));
}

/* ---------------------------------------------------------------- totals */

static struct tl_str
total(const struct retail *r, const char *type)
{
    for (struct node *n = r->retail->first; n != NULL; n = n->next)
        if (text_is(n->name, "Total") && text_is(node_attribute(n, "TotalType"), type))
            return node_text(n);
    return (struct tl_str){0};
}

static bool
read_totals(struct retail *r)
{
    struct tl_sale *sale = &r->draft->sale;
    struct tl_str grand = total(r, "TransactionGrandAmount");
    struct tl_str tax = total(r, "TransactionTaxAmount");

    sale->tax_minor = r->tax;
    sale->discount_minor = r->discount;
    sale->total_minor = r->lines;
    if (tax.len > 0 && !minor(r, tax, &sale->tax_minor))
        return false;
    if (grand.len > 0)
        return minor(r, grand, &sale->total_minor);
    return add(r, &sale->total_minor, sale->tax_minor);
}

static bool
is_voided(const struct retail *r)
{
    static const char *const states[] = {"Voided", "PostVoided", "Cancelled", "Canceled",
                                         "SuspendedDeleted", NULL};
    struct tl_str status = node_attribute(r->retail, "TransactionStatus");

    for (size_t i = 0; states[i] != NULL; i++)
        if (text_is(status, states[i]))
            return true;
    return is_true(node_attribute(r->transaction, "CancelFlag"))
           || is_true(node_attribute(r->retail, "CancelFlag"))
           || is_true(node_attribute(r->transaction, "VoidFlag"))
           || is_true(node_attribute(r->retail, "VoidFlag"));
}

static void
decide_type(struct retail *r)
{
    struct tl_event *ev = &r->draft->event;
    struct tl_sale *sale = &r->draft->sale;
    bool only_returns = r->returns > 0 && r->sales == 0;

    if (only_returns && sale->total_minor > 0)
        sale->total_minor = -sale->total_minor;
    if (is_voided(r))
        ev->type = TL_STR("sale.voided");
    else if (only_returns || sale->total_minor < 0)
        ev->type = TL_STR("sale.returned");
    else
        ev->type = TL_STR("sale.completed");
}

/* ------------------------------------------------------------------ rest */

static void
put_list(struct retail *r, struct tl_str name, const char *list)
{
    draft_attribute(r->draft, name, draft_copy(r->draft, text_of(list)));
}

static void
put_count(struct retail *r, struct tl_str name, size_t count)
{
    if (count > 0)
        draft_attribute(r->draft, name, draft_printf(r->draft, "%zu", count));
}

/* The totals that are no field of a sale. */
static void
put_totals(struct retail *r)
{
    for (struct node *n = r->retail->first; n != NULL; n = n->next)
        if (text_is(n->name, "Total") && !n->used) {
            struct tl_str type = node_attribute(n, "TotalType");

            draft_attribute(r->draft, draft_printf(r->draft, "Total.%.*s", SHOW(type)),
                            node_text(n));
        }
}

/* Ours first: they are few and say what the others leave open. */
static void
put_attributes(struct retail *r)
{
    put_totals(r);
    put_list(r, TL_STR("promotions"), r->promotions);
    put_list(r, TL_STR("coupons"), r->coupons);
    put_list(r, TL_STR("lines_other"), r->other_lines);
    put_count(r, TL_STR("lines_voided"), r->voided_lines);
    put_count(r, TL_STR("rewards_other"), r->other_rewards);
    put_count(r, TL_STR("offers_more"), r->offers_more);
    node_each_unread(r->transaction, keep_value, r);
    put_count(r, TL_STR("values_more"), r->values_more);
}

static bool
read_retail(struct retail *r, const struct zone *zone, struct tl_str timezone)
{
    struct tl_event *ev = &r->draft->event;

    if (!read_envelope(r) || !read_time(r, zone, timezone) || !read_lines(r) || !read_totals(r))
        return false;
    decide_type(r);
    if (ev->identifiers_count == 0)
        draft_identifier(r->draft, TL_STR("receipt"), ev->id);
    read_link(r);
    put_attributes(r);
    draft_end(r->draft);
    return !r->draft->failed || wrong(r, "more than a MiB of text");
}

/* `OperatorSignOn` says more than `ControlTransaction`. */
static enum retail_result
ignore(struct retail *r, const struct node *other)
{
    struct tl_str name = other->name;

    if (text_is(name, "ControlTransaction"))
        for (const struct node *n = other->first; n != NULL; n = n->next)
            if (!text_is(n->name, "ReasonCode"))
                name = n->name;
    wrong(r, "%.*s", SHOW(name));
    return RETAIL_IGNORED;
}

static const struct node *
other_kind(const struct node *transaction)
{
    for (const struct node *n = transaction->first; n != NULL; n = n->next)
        if (n->name.len > 11 && memcmp(n->name.ptr + n->name.len - 11, "Transaction", 11) == 0)
            return n;
    return NULL;
}

/* Not paid (yet), or not real: nothing a customer did. */
static const char *
not_a_sale(const struct retail *r)
{
    if (is_true(node_attribute(r->transaction, "TrainingModeFlag")))
        return "training";
    if (text_is(node_attribute(r->retail, "TransactionStatus"), "Suspended"))
        return "suspended";
    return NULL;
}

enum retail_result
retail_read(struct draft *draft, struct node *transaction, const struct zone *zone,
            struct tl_str timezone, char why[RETAIL_WHY_BYTES])
{
    struct retail r = {.draft = draft, .transaction = transaction, .why = why};
    const struct node *other;
    const char *name;

    draft_begin(draft);
    r.retail = node_child(transaction, "RetailTransaction");
    if (r.retail == NULL) {
        if ((other = other_kind(transaction)) != NULL)
            return ignore(&r, other);
        wrong(&r, "a Transaction without a RetailTransaction or any other kind");
        return RETAIL_WRONG;
    }
    if ((name = not_a_sale(&r)) != NULL) {
        wrong(&r, "%s", name);
        return RETAIL_IGNORED;
    }
    return read_retail(&r, zone, timezone) ? RETAIL_EVENT : RETAIL_WRONG;
}

#include "adapters/web/shop.h"

#include <string.h>

#include "base/decimal.h"

#define QUANTITY_DECIMALS 4
#define QUANTITY_ONE 10000

struct tl_str
shop_currency(struct draft *d, struct tl_str text)
{
    char code[4] = "";

    if (text.len != 3)
        return (struct tl_str){0};
    for (size_t i = 0; i < 3; i++) {
        code[i] = (char)(text.ptr[i] & ~0x20);
        if (code[i] < 'A' || code[i] > 'Z')
            return (struct tl_str){0};
    }
    return draft_printf(d, "%s", code);
}

bool
shop_line(struct draft *d, struct tl_sale_line *line, struct tl_str price, struct tl_str quantity,
          struct tl_str currency)
{
    int64_t minor = 0, units = QUANTITY_ONE, product;

    if (price.len > 0
        && decimal_to_minor(&minor, price.ptr, price.len, tl_currency_decimals(currency)) != 0)
        return false;
    if (quantity.len > 0
        && decimal_to_minor(&units, quantity.ptr, quantity.len, QUANTITY_DECIMALS) != 0)
        return false;
    if (__builtin_mul_overflow(minor, units, &product))
        return false;
    line->quantity = quantity;
    line->amount_minor = (product + (product < 0 ? -1 : 1) * (QUANTITY_ONE / 2)) / QUANTITY_ONE;
    draft_line(d, line);
    return true;
}

static void
ignore_rest(struct decoder *d, const char *list, struct value *product)
{
    struct value *value;

    value_each_member(product, value)
        if (!value_is_null(value))
            intake_ignore(d, "%s.%s", list, value->name.ptr);
}

/* The other names of an item say the same thing again. */
static void
drop_same(struct draft *d, struct value *product, const char *const *names, struct tl_str item)
{
    for (; *names != NULL; names++) {
        struct tl_str other = member_text(d, product, *names);

        if (other.len == item.len && other.len > 0 && memcmp(other.ptr, item.ptr, item.len) == 0)
            value_drop(product, *names);
    }
}

static void
read_product(struct decoder *d, const char *list, struct value *product,
             const struct shop_names *names, struct tl_str currency, bool sold)
{
    struct draft *draft = &d->draft;
    struct tl_sale_line line = {
        .item = member_take_first(draft, product, names->item, SIZE_MAX),
        .description = member_take(draft, product, names->name),
        .department = member_take(draft, product, names->category),
        .coupon = member_take(draft, product, names->coupon),
    };
    struct tl_str price = member_take(draft, product, names->price);
    struct tl_str quantity = member_take(draft, product, "quantity");

    drop_same(draft, product, names->item, line.item);
    if (!shop_line(draft, &line, price, quantity, currency))
        intake_ignore(d, "%s that cannot be multiplied", list);
    if (sold)
        draft_offer(draft, line.coupon, (struct tl_str){0}, "redeemed");
    ignore_rest(d, list, product);
}

void
shop_lines(struct decoder *d, struct value *object, const char *list,
           const struct shop_names *names, struct tl_str currency, bool sold)
{
    struct value *products = value_get(object, list);
    struct value *product;

    if (value_count(products) == 0)
        return;
    value_each(products, product)
        if (!value_is_object(product))
            return;
    value_each(products, product)
        read_product(d, list, product, names, currency, sold);
    value_drop(object, list);
}

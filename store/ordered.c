#include "store/ordered.h"

#include <string.h>

void
ordered_put(struct views *v, const struct key *record, const struct buf *value,
            const struct key *was, const struct key *order)
{
    if (was != NULL && (was->len != order->len || memcmp(was->bytes, order->bytes, was->len) != 0))
        views_delete(v, was->bytes, was->len);
    views_put(v, order->bytes, order->len, "", 0);
    views_put(v, record->bytes, record->len, value->ptr, value->len);
}

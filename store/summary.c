#include "store/summary.h"

#include <inttypes.h>

#include "proto/money.h"
#include "proto/str.h"
#include "store/card.h"
#include "store/offer.h"

static void
add(struct buf *out, struct tl_str text)
{
    buf_append(out, text.ptr, text.len);
}

static void
sum_sale(const struct tl_sale *sale, struct buf *out)
{
    size_t lines = sale->lines_count + sale->lines_more;

    money_format(out, sale->total_minor, sale->currency);
    if (lines == 1)
        buf_text(out, ", 1 line");
    else if (lines > 1)
        buf_printf(out, ", %zu lines", lines);
}

static void
sum_offer(const struct tl_event *ev, struct buf *out)
{
    enum outcome outcome = outcome_of(ev, &ev->offers[0]);

    buf_text(out, "offer ");
    add(out, offer_id(ev, &ev->offers[0]));
    if (outcome != OUTCOME_COUNT) {
        buf_byte(out, ' ');
        add(out, outcome_name(outcome));
    }
    if (ev->offers_count > 1)
        buf_printf(out, " +%zu", ev->offers_count - 1);
}

static void
sum_call(const struct tl_call *call, struct buf *out)
{
    add(out, call->queue);
    if (call->agent.len > 0) {
        buf_text(out, call->queue.len > 0 ? ", agent " : "agent ");
        add(out, call->agent);
    }
    if (call->talk_ms > 0)
        buf_printf(out, ", %" PRId64 " s", call->talk_ms / 1000);
}

static void
sum_page(const struct tl_page *page, struct buf *out)
{
    if (page->search.len > 0)
        add(out, page->search);
    else if (page->product.len > 0)
        add(out, page->product);
    else
        add(out, page->path.len > 0 ? page->path : page->url);
}

static void
sum_message(const struct tl_message *message, struct buf *out)
{
    const struct tl_str *said[] = {&message->text, &message->subject, &message->url,
                                   &message->reason, &message->status};

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (said[i]->len > 0) {
            add(out, *said[i]);
            return;
        }
}

/* `son in smith, shows offers` */
static void
sum_household(const struct tl_household *household, struct buf *out)
{
    if (household->role.len > 0) {
        add(out, household->role);
        buf_text(out, " in ");
    }
    add(out, household->id);
    if (household->visibility.len > 0) {
        buf_text(out, ", shows ");
        add(out, household->visibility);
    }
}

static void
cut(struct buf *out, size_t from)
{
    if (out->len - from <= CARD_SUMMARY_BYTES_MAX)
        return;
    out->len = from + CARD_SUMMARY_BYTES_MAX;
    while (out->len > from && (out->ptr[out->len] & 0xc0) == 0x80)
        out->len--;
}

void
summary_of(const struct tl_event *ev, struct buf *out)
{
    size_t from = out->len;

    if (ev->sale != NULL)
        sum_sale(ev->sale, out);
    else if (ev->offers_count > 0)
        sum_offer(ev, out);
    else if (ev->commitments_count > 0)
        add(out, ev->commitments[0].text);
    else if (ev->feedback != NULL)
        add(out, ev->feedback->title.len > 0 ? ev->feedback->title : ev->feedback->text);
    else if (ev->call != NULL)
        sum_call(ev->call, out);
    else if (ev->page != NULL)
        sum_page(ev->page, out);
    else if (ev->message != NULL)
        sum_message(ev->message, out);
    else if (ev->household != NULL)
        sum_household(ev->household, out);
    cut(out, from);
}

#include "store/word.h"

#include "proto/str.h"

/* Only ever append: the numbers are on disk. */
static const struct tl_str words[] = {
    {NULL, 0},
#define WORD(text) {text, sizeof(text) - 1}
    WORD("email"), WORD("web"), WORD("call"), WORD("pos"), WORD("mail"), WORD("sms"),
    WORD("push"), WORD("chat"), WORD("social"), WORD("feed"), WORD("system"),
    WORD("email.queued"), WORD("email.sent"), WORD("email.delivered"), WORD("email.opened"),
    WORD("email.link_clicked"), WORD("email.bounced"), WORD("email.unsubscribed"),
    WORD("page.viewed"), WORD("product.viewed"), WORD("cart.updated"), WORD("order.completed"),
    WORD("sale.completed"), WORD("sale.returned"), WORD("coupon.redeemed"), WORD("offer.made"),
    WORD("offer.accepted"), WORD("offer.declined"), WORD("call.offered"), WORD("call.answered"),
    WORD("call.ended"), WORD("note.added"),
#undef WORD
};

#define WORDS_COUNT (sizeof(words) / sizeof(words[0]))

void
word_put(struct buf *out, struct tl_str text)
{
    for (size_t i = 1; i < WORDS_COUNT; i++)
        if (str_equal(words[i], text)) {
            buf_byte(out, (unsigned char)i);
            return;
        }
    buf_byte(out, 0);
    record_put_text(out, text);
}

struct tl_str
word_read(struct record *r)
{
    unsigned word = record_byte(r);

    if (word == 0)
        return record_text(r);
    if (word >= WORDS_COUNT) {
        r->bad = true;
        return (struct tl_str){"", 0};
    }
    return words[word];
}

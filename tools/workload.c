#include "tools/workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"

#define ID_PREFIX "bench-"
#define SCATTER 7368787     /* a prime: each rank becomes another customer */
#define CAMPAIGNS 24
#define TEXT_BYTES 64

/* Everything an event of any kind may point to. */
struct draft {
    struct tl_event ev;
    struct tl_identifier who[2];
    struct tl_attribute note;
    struct tl_offer_touch offer;
    struct tl_page page;
    struct tl_message message;
    struct tl_sale sale;
    struct tl_sale_line line;
    struct tl_tender tender;
    char id[TEXT_BYTES], email[TEXT_BYTES], loyalty[TEXT_BYTES], cookie[TEXT_BYTES];
    char campaign[TEXT_BYTES], item[TEXT_BYTES], path[TEXT_BYTES];
};

static const char filler[] =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
    "Safari/537.36; en-GB,en;q=0.9,de;q=0.8; gzip, deflate, br, zstd; viewport 1920x1080; dpr 1";

/* splitmix64 */
static uint64_t
throw(struct workload *w)
{
    uint64_t z = w->dice += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t
workload_draw(struct workload *w, uint64_t limit)
{
    return throw(w) % limit;
}

void
workload_init(struct workload *w, uint64_t customers)
{
    double sum = 0;

    *w = (struct workload){.customers = customers, .dice = 42, .time = clock_now()};
    must((w->reach = malloc(customers * sizeof w->reach[0])) != NULL);
    for (uint64_t i = 0; i < customers; i++)
        w->reach[i] = sum += 1.0 / (double)(i + 1);
    for (uint64_t i = 0; i < customers; i++)
        w->reach[i] /= sum;
}

void
workload_fini(struct workload *w)
{
    free(w->reach);
    w->reach = NULL;
}

static uint32_t
draw_customer(struct workload *w)
{
    double at = (double)(throw(w) >> 11) / 9007199254740992.0;
    uint64_t low = 0, high = w->customers - 1;

    while (low < high) {
        uint64_t middle = (low + high) / 2;

        if (w->reach[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)(low * SCATTER % w->customers);
}

/* ------------------------------------------------------------------ events */

__attribute__((format(printf, 2, 3))) static struct tl_str
write_text(char out[TEXT_BYTES], const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(out, TEXT_BYTES, fmt, args);
    va_end(args);
    must(len >= 0 && len < TEXT_BYTES);
    return (struct tl_str){out, (size_t)len};
}

static void
identify(struct draft *d, struct tl_str type, struct tl_str value)
{
    d->ev.identifiers = d->who;
    d->who[d->ev.identifiers_count++] = (struct tl_identifier){type, value};
}

static void
identify_email(struct draft *d, uint32_t customer)
{
    identify(d, TL_STR("email"), write_text(d->email, "c%u@example.com", customer));
}

static void
touch_offer(struct draft *d, struct workload *w, struct tl_str outcome)
{
    uint64_t campaign = workload_draw(w, CAMPAIGNS);

    d->ev.campaign = write_text(d->campaign, "spring-%u", (unsigned)campaign);
    d->offer.offer = d->offer.campaign = d->ev.campaign;
    d->offer.outcome = outcome;
    d->ev.offers = &d->offer;
    d->ev.offers_count = 1;
}

static void
write_page(struct draft *d, struct workload *w, uint32_t customer)
{
    d->ev.type = TL_STR("page.viewed");
    d->ev.channel = TL_STR("web");
    d->ev.direction = TL_STR("inbound");
    identify_email(d, customer);
    identify(d, TL_STR("cookie"), write_text(d->cookie, "ck-%08x", customer));
    d->page.path = write_text(d->path, "/shop/aisle-%u", (unsigned)workload_draw(w, 500));
    d->ev.page = &d->page;
}

static void
write_stranger(struct draft *d, struct workload *w)
{
    d->ev.type = TL_STR("page.viewed");
    d->ev.channel = TL_STR("web");
    d->ev.direction = TL_STR("inbound");
    identify(d, TL_STR("cookie"),
             write_text(d->cookie, "new-%llu", (unsigned long long)w->made));
    d->page.path = write_text(d->path, "/shop/aisle-%u", (unsigned)workload_draw(w, 500));
    d->ev.page = &d->page;
}

static void
write_email(struct draft *d, struct workload *w, uint32_t customer, struct tl_str type,
            struct tl_str outcome)
{
    d->ev.type = type;
    d->ev.channel = TL_STR("email");
    d->ev.direction = TL_STR("outbound");
    identify_email(d, customer);
    touch_offer(d, w, outcome);
    d->message.id = write_text(d->item, "<%u.%s@mail.example.com>", customer, d->campaign);
    d->ev.message = &d->message;
}

static void
write_sent(struct draft *d, struct workload *w, uint32_t customer)
{
    write_email(d, w, customer, TL_STR("email.sent"), TL_STR("made"));
}

static void
write_opened(struct draft *d, struct workload *w, uint32_t customer)
{
    write_email(d, w, customer, TL_STR("email.opened"), TL_STR("presented"));
}

static void
write_clicked(struct draft *d, struct workload *w, uint32_t customer)
{
    write_email(d, w, customer, TL_STR("email.link_clicked"), TL_STR("clicked"));
}

static void
write_sale(struct draft *d, struct workload *w, uint32_t customer)
{
    d->ev.type = TL_STR("sale.completed");
    d->ev.channel = TL_STR("pos");
    d->ev.touchpoint = TL_STR("till 4");
    identify(d, TL_STR("loyalty"), write_text(d->loyalty, "%u", 1000000000 + customer));
    if (workload_draw(w, 8) == 0)
        identify_email(d, customer);        /* the receipt by e-mail: one person, two names */
    d->line = (struct tl_sale_line){
        .item = write_text(d->item, "%013u", (unsigned)workload_draw(w, 90000)),
        .quantity = TL_STR("1"),
        .amount_minor = 99 + (int64_t)workload_draw(w, 2000),
    };
    d->sale.lines = &d->line;
    d->sale.lines_count = 1;
    d->sale.total_minor = d->line.amount_minor;
    d->sale.currency = TL_STR("EUR");
    d->tender = (struct tl_tender){TL_STR("card"), d->sale.total_minor};
    d->sale.tenders = &d->tender;
    d->sale.tenders_count = 1;
    d->ev.sale = &d->sale;
    if (workload_draw(w, 8) == 0)
        touch_offer(d, w, TL_STR("redeemed"));
}

/* ------------------------------------------------------------- one customer */

static struct tl_str
address(char out[TEXT_BYTES], const struct workload_one *one, uint64_t nth)
{
    return write_text(out, "%s.%llu@example.com", one->name, (unsigned long long)nth);
}

/* Every so-many-th of his events is a mail, until all offers were made. */
static void
write_one(struct draft *d, struct workload *w, uint64_t nth)
{
    const struct workload_one *one = w->one;
    uint64_t every = one->offers > 0 ? one->events / one->offers : 0;

    d->ev.type = TL_STR("page.viewed");
    d->ev.channel = TL_STR("web");
    d->ev.direction = TL_STR("inbound");
    d->page.path = write_text(d->path, "/shop/aisle-%u", (unsigned)workload_draw(w, 500));
    d->ev.page = &d->page;
    identify(d, TL_STR("email"), address(d->email, one, nth % one->addresses));
    if (nth >= one->addresses && nth < 2 * one->addresses)
        identify(d, TL_STR("email"), address(d->cookie, one, 0));
    if (every == 0 || nth % every != 0)
        return;
    d->ev.page = NULL;
    d->ev.type = TL_STR("email.sent");
    d->ev.channel = TL_STR("email");
    d->ev.direction = TL_STR("outbound");
    touch_offer(d, w, TL_STR("made"));
    d->offer.offer = write_text(d->item, "%s-%llu", one->name, (unsigned long long)(nth / every));
}

void
workload_one_name(char out[WORKLOAD_NAME_BYTES], const struct workload_one *one)
{
    char value[TEXT_BYTES];

    address(value, one, 0);
    snprintf(out, WORKLOAD_NAME_BYTES, "email:%.50s", value);
}

/* ------------------------------------------------------------ whichever kind */

static const struct kind {
    unsigned percent;
    void (*write)(struct draft *d, struct workload *w, uint32_t customer);
} kinds[] = {
    {50, write_page}, {18, write_sent}, {15, write_opened}, {5, write_clicked}, {12, write_sale},
};

static const struct kind *
draw_kind(struct workload *w)
{
    uint64_t percent = workload_draw(w, 100);
    const struct kind *kind = kinds;

    for (; percent >= kind->percent; kind++)
        percent -= kind->percent;
    return kind;
}

static size_t
encode(const struct tl_event *ev, char **bytes)
{
    size_t len;

    must(tl_event_encode(ev, bytes, &len) == 0);
    return len;
}

/* The note makes up what is missing of the bytes an event has. */
static size_t
encode_padded(struct draft *d, char **bytes)
{
    size_t len;

    d->note = (struct tl_attribute){TL_STR("agent"), {filler, 1}};
    d->ev.attributes = &d->note;
    d->ev.attributes_count = 1;
    len = encode(&d->ev, bytes);
    must(len <= WORKLOAD_EVENT_BYTES
         && WORKLOAD_EVENT_BYTES - len < sizeof filler - 1);
    d->note.value.len += WORKLOAD_EVENT_BYTES - len;
    free(*bytes);
    len = encode(&d->ev, bytes);
    must(len >= WORKLOAD_EVENT_BYTES);
    return len;
}

static void
make_event(struct workload *w, struct workload_run *run, size_t i)
{
    struct draft d = {
        .ev = {.source = TL_STR("shop.example.com"), .time = w->time, .recorded_time = w->time},
    };
    char *bytes;
    size_t len;

    d.ev.id = write_text(d.id, ID_PREFIX "%llu", (unsigned long long)w->made++);
    if (w->one != NULL)
        write_one(&d, w, i);
    else if (w->strangers && w->made % 3 == 0)
        write_stranger(&d, w);
    else
        draw_kind(w)->write(&d, w, draw_customer(w));
    len = encode_padded(&d, &bytes);
    buf_append(&run->bytes, bytes, len);
    free(bytes);
    run->ends[i] = run->bytes.len;
    w->time += CLOCK_MS;
}

void
workload_make(struct workload *w, struct workload_run *run, size_t count)
{
    buf_clear(&run->bytes);
    must((run->ends = realloc(run->ends, count * sizeof run->ends[0])) != NULL);
    for (size_t i = 0; i < count; i++)
        make_event(w, run, i);
    must(!run->bytes.failed);
    run->count = count;
}

void
workload_make_one(struct workload *w, struct workload_run *run, const struct workload_one *one)
{
    w->one = one;
    workload_make(w, run, one->events);
    w->one = NULL;
}

struct tl_str
workload_event(const struct workload_run *run, size_t i)
{
    size_t at = i > 0 ? run->ends[i - 1] : 0;

    return (struct tl_str){(const char *)run->bytes.ptr + at, run->ends[i] - at};
}

void
workload_run_fini(struct workload_run *run)
{
    buf_free(&run->bytes);
    free(run->ends);
    *run = (struct workload_run){0};
}

uint64_t
workload_number(struct tl_str event)
{
    struct tl_event *ev;
    unsigned long long number;
    char id[TEXT_BYTES];
    bool ours;

    must(tl_event_decode(event, &ev) == 0);
    snprintf(id, sizeof id, "%.*s", (int)ev->id.len, ev->id.ptr);
    tl_event_free(&ev);
    ours = sscanf(id, ID_PREFIX "%llu", &number) == 1;
    return ours ? number : UINT64_MAX;
}

void
workload_name(char out[WORKLOAD_NAME_BYTES], struct tl_str event)
{
    struct tl_event *ev;
    const struct tl_identifier *who;

    must(tl_event_decode(event, &ev) == 0);
    who = &ev->identifiers[0];
    snprintf(out, WORKLOAD_NAME_BYTES, "%.*s:%.*s", (int)who->type.len, who->type.ptr,
             (int)who->value.len, who->value.ptr);
    tl_event_free(&ev);
}

#include "adapters/web/accesslog.h"

#include <string.h>
#include <strings.h>

#include "adapters/reading.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/visit.h"
#include "base/utf8.h"

/* A line: address ident user [time] "request" status bytes "referrer" "agent",
 * and whatever a server adds. */
struct line {
    struct tl_str address, ident, user, time, request, status, bytes, referrer, agent, rest;
    struct tl_str method, target, protocol;
};

/* ------------------------------------------------------------------- fields */

static bool
take_until(struct tl_str *rest, char end, struct tl_str *out)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;

    if (at == NULL)
        return false;
    *out = (struct tl_str){rest->ptr, (size_t)(at - rest->ptr)};
    rest->ptr = at + 1;
    rest->len -= out->len + 1;
    return true;
}

static struct tl_str
take_word(struct tl_str *rest)
{
    struct tl_str word;

    if (!take_until(rest, ' ', &word)) {
        word = *rest;
        *rest = (struct tl_str){rest->ptr + rest->len, 0};
    }
    return word;
}

static bool
take_char(struct tl_str *rest, char c)
{
    if (rest->len == 0 || *rest->ptr != c)
        return false;
    rest->ptr++;
    rest->len--;
    return true;
}

/* "...", in which a quote has a backslash before it. */
static bool
take_quoted(struct tl_str *rest, struct tl_str *out)
{
    size_t len = 0;

    if (!take_char(rest, '"'))
        return false;
    while (len < rest->len && rest->ptr[len] != '"')
        len += rest->ptr[len] == '\\' ? 2 : 1;
    if (len >= rest->len)
        return false;
    *out = (struct tl_str){rest->ptr, len};
    rest->ptr += len + 1;
    rest->len -= len + 1;
    take_char(rest, ' ');
    return true;
}

static bool
read_fields(struct line *l, struct tl_str rest)
{
    struct tl_str request;

    l->address = take_word(&rest);
    l->ident = take_word(&rest);
    l->user = take_word(&rest);
    if (!take_char(&rest, '[') || !take_until(&rest, ']', &l->time) || !take_char(&rest, ' ')
        || !take_quoted(&rest, &l->request))
        return false;
    l->status = take_word(&rest);
    l->bytes = take_word(&rest);
    if (l->status.len != 3 || !take_quoted(&rest, &l->referrer) || !take_quoted(&rest, &l->agent))
        return false;
    l->rest = rest;
    request = l->request;
    l->method = take_word(&request);
    l->target = take_word(&request);
    l->protocol = request;
    return true;
}

/* 22/Jan/2019:03:58:28 +0330 */
static bool
read_time(const struct decoder *d, struct tl_str text, int64_t *ns)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timeformat_time t;
    char copy[32];
    int month = 0;

    if (text.len != strlen("22/Jan/2019:03:58:28 +0330"))
        return false;
    while (month < 12 && memcmp(months + (size_t)month * 3, text.ptr + 3, 3) != 0)
        month++;
    memcpy(copy, text.ptr, 3);
    copy[3] = (char)('0' + (month + 1) / 10);
    copy[4] = (char)('0' + (month + 1) % 10);
    memcpy(copy + 5, text.ptr + 6, text.len - 6);
    if (!timeformat_read(&t, (struct tl_str){copy, text.len - 1}, TL_STR("%d/%m/%Y:%H:%M:%S %z"),
                         d->zone, false))
        return false;
    *ns = t.ns;
    return true;
}

/* ------------------------------------------------------ what is no visit */

static bool
is_robot(struct tl_str agent)
{
    static const char *const words[] = {
        "bot",     "crawl", "spider", "slurp", "curl/",      "wget",    "python", "java/",
        "monitor", "feed",  "rss",    "fetch", "facebookex", "preview", "ruby",   "go-http",
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_holds(agent, words[i]))
            return true;
    return agent.len == 0 || text_is(agent, "-");
}

static bool
ends(struct tl_str text, const char *with)
{
    size_t len = strlen(with);

    return text.len >= len && strncasecmp(text.ptr + text.len - len, with, len) == 0;
}

static bool
is_part(struct tl_str target)
{
    static const char *const endings[] = {
        ".png", ".jpg", ".jpeg", ".gif",  ".ico",   ".svg", ".webp", ".css", ".js",  ".mjs",
        ".map", ".woff", ".woff2", ".ttf", ".eot",  ".otf", ".mp3",  ".mp4", ".webm", ".ogv",
        ".xml", ".txt",  ".json",  ".rss", ".atom", ".swf",
    };
    static const char *const folders[] = {"/image/", "/images/", "/img/",   "/static/",
                                          "/assets/", "/css/",   "/js/",    "/fonts/"};
    const char *mark = memchr(target.ptr, '?', target.len);
    struct tl_str path = {target.ptr, mark != NULL ? (size_t)(mark - target.ptr) : target.len};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (ends(path, endings[i]))
            return true;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (path.len > strlen(folders[i])
            && strncasecmp(path.ptr, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

/* What it is counted as, or NULL: a visit. */
static const char *
not_a_visit(const struct line *l)
{
    bool answered = l->status.ptr[0] == '2' || text_is(l->status, "304");

    if (!text_is(l->method, "GET"))
        return "other method";
    if (!answered)
        return "not answered with a page";
    if (is_robot(l->agent))
        return "robot";
    return is_part(l->target) ? "part of a page" : NULL;
}

/* -------------------------------------------------------------------- visit */

static struct tl_str
given(struct draft *d, struct tl_str field)
{
    return text_is(field, "-") ? (struct tl_str){0} : text_trim(draft_copy(d, field));
}

/* 57721 of /m/product/57721/... */
static struct tl_str
product_of(struct tl_str path)
{
    static const char word[] = "/product/";
    const char *at = path.len > 0 ? memmem(path.ptr, path.len, word, strlen(word)) : NULL;
    size_t len = 0;

    if (at == NULL)
        return (struct tl_str){0};
    at += strlen(word);
    while (at + len < path.ptr + path.len && at[len] != '/')
        len++;
    return (struct tl_str){at, len};
}

static void
put_visitor(struct draft *d, const struct line *l)
{
    struct tl_str user = given(d, l->user);

    if (user.len > 0)
        draft_identifier(d, TL_STR("user"), user);
    else
        draft_identifier(d, TL_STR("anonymous"),
                         draft_hash(d, "access-log visitor",
                                          draft_printf(d, "%.*s %.*s", (int)l->address.len,
                                                       l->address.ptr, (int)l->agent.len,
                                                       l->agent.ptr)));
}

static void
put_page(struct draft *d, const struct line *l)
{
    d->page.url = given(d, l->target);
    d->page.referrer = given(d, l->referrer);
    d->page.user_agent = given(d, l->agent);
    visit_put(d);
    d->page.product = product_of(d->page.path);
    d->event.type = d->page.product.len > 0 ? TL_STR("product.viewed") : TL_STR("page.viewed");
}

static void
put_rest(struct draft *d, const struct line *l)
{
    draft_attribute(d, TL_STR("address"), given(d, l->address));
    draft_attribute(d, TL_STR("ident"), given(d, l->ident));
    draft_attribute(d, TL_STR("protocol"), given(d, l->protocol));
    draft_attribute(d, TL_STR("status"), given(d, l->status));
    draft_attribute(d, TL_STR("bytes"), given(d, l->bytes));
    draft_attribute(d, TL_STR("rest"), given(d, l->rest));
}

static void
read_line(struct decoder *d, struct tl_str record)
{
    struct tl_str text = text_trim(record);
    struct tl_event *ev = reader_begin(d);
    struct line l = {0};
    const char *ignored;

    if (!utf8_text(text.ptr, text.len)) {
        reader_reject(d, record, "a line that is not UTF-8");
    } else if (!read_fields(&l, text)) {
        reader_reject(d, record, "no line of the combined log format");
    } else if (!read_time(d, l.time, &ev->time)) {
        reader_reject(d, record, "no time as 22/Jan/2019:03:58:28 +0330 from 1970 to 2100");
    } else if ((ignored = not_a_visit(&l)) != NULL) {
        reader_ignore(d, text_of(ignored));
    } else {
        ev->id = draft_hash(&d->draft, "access-log", text);
        ev->channel = TL_STR("web");
        ev->direction = TL_STR("inbound");
        put_visitor(&d->draft, &l);
        put_page(&d->draft, &l);
        put_rest(&d->draft, &l);
        reader_emit(d, record);
    }
}

static const struct reader_kind kind = {
    .source = "access-log", .next = reader_line, .read = read_line, .by_line = true};

int
accesslog_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
               char *why)
{
    return reader_open(out, &kind, o, sink, why);
}

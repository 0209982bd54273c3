#include "adapters/web/visit.h"

#include <string.h>

#include "adapters/form.h"
#include "adapters/text.h"
#include "base/utf8.h"

#define TOUCHPOINT_BYTES_MAX 256

/* From the first slash after the host; a URL may be a path only. */
static struct tl_str
after_host(struct tl_str url)
{
    const char *at = text_find(url, "://"), *end;

    if (at == NULL)
        return url.len > 0 && url.ptr[0] == '/' ? url : (struct tl_str){0};
    end = url.ptr + url.len;
    at = memchr(at + 3, '/', (size_t)(end - at - 3));
    return at != NULL ? (struct tl_str){at, (size_t)(end - at)} : (struct tl_str){0};
}

static size_t
until(struct tl_str s, const char *stops)
{
    size_t i = 0;

    while (i < s.len && strchr(stops, s.ptr[i]) == NULL)
        i++;
    return i;
}

static struct tl_str
query_of(struct tl_str url)
{
    size_t mark = until(url, "?#");
    struct tl_str query = {0};

    if (mark < url.len && url.ptr[mark] == '?') {
        query = (struct tl_str){url.ptr + mark + 1, url.len - mark - 1};
        query.len = until(query, "#");
    }
    return query;
}

static struct tl_str
campaign_of(struct draft *d, struct tl_str url)
{
    static const char *const names[] = {"utm_campaign", "mtm_campaign", "pk_campaign"};
    struct tl_str campaign = {0};
    struct form form;

    if (form_read(&form, query_of(url)) == 0)
        for (size_t i = 0; campaign.len == 0 && i < sizeof names / sizeof names[0]; i++) {
            const struct form_field *f = form_find(&form, names[i]);

            if (f != NULL && f->value.len <= DRAFT_NAME_BYTES_MAX
                && utf8_text(f->value.ptr, f->value.len))
                campaign = text_trim(draft_copy(d, f->value));
        }
    form_free(&form);
    return campaign;
}

void
visit_put(struct draft *d)
{
    struct tl_page *page = &d->page;
    struct tl_event *ev = &d->event;

    if (page->path.len == 0) {
        page->path = after_host(page->url);
        page->path.len = until(page->path, "?#");
    }
    if (page->url.len + page->path.len + page->title.len + page->referrer.len + page->search.len
            + page->product.len + page->user_agent.len > 0)
        ev->page = page;
    if (ev->touchpoint.len == 0 && page->path.len > 0
        && page->path.len + strlen("page ") <= TOUCHPOINT_BYTES_MAX)
        ev->touchpoint = draft_printf(d, "page %.*s", (int)page->path.len, page->path.ptr);
    if (ev->offers_count == 0 && ev->campaign.len == 0)
        ev->campaign = campaign_of(d, page->url);
}

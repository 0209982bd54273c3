#include "adapters/web/listening.h"

#include <string.h>

#include "adapters/text.h"

#define SHOW(s) (int)(s).len, (s).len > 0 ? (s).ptr : ""

void
listening_author(struct draft *d, struct tl_str place, struct tl_str name, struct tl_str uri)
{
    size_t room = DRAFT_IDENTIFIER_BYTES_MAX - 1;

    if (uri.len > 0)
        draft_identifier(d, TL_STR("social"), uri);
    if (name.len > 0 && name.len + place.len <= room)
        draft_identifier(d, TL_STR("x-author"),
                         draft_printf(d, "%.*s/%.*s", SHOW(place), SHOW(name)));
    else
        draft_attribute(d, TL_STR("author"), name);
    if (d->event.identifiers_count == 0)
        draft_identifier(d, TL_STR("x-place"),
                         place.len <= room ? place : draft_hash(d, "place", place));
}

struct tl_str
listening_text(struct draft *d, struct tl_str text)
{
    size_t len = text.len;

    if (len > LISTENING_TEXT_BYTES_MAX) {
        len = LISTENING_TEXT_BYTES_MAX;
        while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
            len--;
        draft_attribute(d, TL_STR("text_more"), draft_printf(d, "%zu", text.len - len));
    }
    return text_trim(draft_copy(d, (struct tl_str){text.ptr, len}));
}

struct tl_str
listening_host(struct tl_str url)
{
    const char *at = text_find(url, "://");
    size_t len = 0;

    if (at == NULL)
        return url;
    at += 3;
    while (at + len < url.ptr + url.len && strchr("/?#", at[len]) == NULL)
        len++;
    return (struct tl_str){at, len};
}

struct tl_str
listening_rating(struct draft *d, struct tl_str text)
{
    struct tl_str out = draft_copy(d, text);
    size_t points = 0, digits = 0;

    for (size_t i = 0; i < out.len; i++) {
        char c = out.ptr[i];

        points += c == '.' || c == ',';
        digits += c >= '0' && c <= '9';
    }
    if (digits == 0 || points > 1 || digits + points != out.len)
        return (struct tl_str){0};
    for (size_t i = 0; i < out.len; i++)
        if (out.ptr[i] == ',')
            return draft_printf(d, "%.*s.%.*s", (int)i, out.ptr, (int)(out.len - i - 1),
                                out.ptr + i + 1);
    return out;
}

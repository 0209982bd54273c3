#include "adapters/text.h"

#include <strings.h>

struct tl_str
text_of(const char *text)
{
    return (struct tl_str){text, text != NULL ? strlen(text) : 0};
}

bool
text_is(struct tl_str s, const char *text)
{
    return s.len == strlen(text) && (s.len == 0 || memcmp(s.ptr, text, s.len) == 0);
}

static bool
blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct tl_str
text_trim(struct tl_str s)
{
    while (s.len > 0 && blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

const char *
text_find(struct tl_str s, const char *what)
{
    return s.len > 0 ? memmem(s.ptr, s.len, what, strlen(what)) : NULL;
}

bool
text_holds(struct tl_str s, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= s.len; i++)
        if (strncasecmp(s.ptr + i, word, len) == 0)
            return true;
    return false;
}

struct tl_str
text_unbracket(struct tl_str text)
{
    const char *open = text.len > 0 ? memrchr(text.ptr, '<', text.len) : NULL, *close;

    if (open == NULL)
        return text;
    open++;
    close = memchr(open, '>', (size_t)(text.ptr + text.len - open));
    return close != NULL ? text_trim((struct tl_str){open, (size_t)(close - open)}) : text;
}

struct tl_str
text_line(struct tl_str *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    struct tl_str line = {rest->ptr, len};

    rest->ptr += len + (end != NULL);
    rest->len -= len + (end != NULL);
    return line;
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t
text_unescape(char *to, struct tl_str text, char plus)
{
    const char *from = text.ptr, *end = from + text.len;
    char *at = to;

    while (from < end) {
        if (*from == '%' && end - from >= 3 && hex(from[1]) >= 0 && hex(from[2]) >= 0) {
            *at++ = (char)(hex(from[1]) << 4 | hex(from[2]));
            from += 3;
        } else {
            *at++ = *from == '+' ? plus : *from;
            from++;
        }
    }
    return (size_t)(at - to);
}

#include "tools/print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/clock.h"

#define GAP 2                   /* blanks between columns */
#define WIDTH_WITHOUT_TERMINAL 0

/* ---------------------------------------------------------- dates and money */

static void
local(struct tm *out, int64_t ns)
{
    time_t seconds = (time_t)(ns / CLOCK_SECOND - (ns % CLOCK_SECOND < 0));

    localtime_r(&seconds, out);
}

static int64_t
day_of(const struct tm *tm)
{
    return clock_days(tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday);
}

char *
print_when(char out[PRINT_WHEN_BYTES], int64_t ns, int64_t now)
{
    struct tm tm, today;
    int64_t days;

    out[0] = '\0';
    if (ns == 0)
        return out;
    local(&tm, ns);
    local(&today, now);
    days = day_of(&tm) - day_of(&today);
    if (days == 0)
        strftime(out, PRINT_WHEN_BYTES, "today %H:%M", &tm);
    else if (days == -1)
        strftime(out, PRINT_WHEN_BYTES, "yesterday %H:%M", &tm);
    else if (days == 1)
        strftime(out, PRINT_WHEN_BYTES, "tomorrow %H:%M", &tm);
    else if (days > -7 && days < 0)
        strftime(out, PRINT_WHEN_BYTES, "last %a %H:%M", &tm);
    else if (days > 0 && days < 7)
        strftime(out, PRINT_WHEN_BYTES, "%a %H:%M", &tm);
    else
        strftime(out, PRINT_WHEN_BYTES, "%-d %b %Y", &tm);
    return out;
}

char *
print_moment(char out[PRINT_WHEN_BYTES], int64_t ns)
{
    struct tm tm;

    out[0] = '\0';
    if (ns == 0)
        return out;
    local(&tm, ns);
    strftime(out, PRINT_WHEN_BYTES, "%-d %b %Y %H:%M:%S", &tm);
    return out;
}

char *
print_count(char out[32], uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), to = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[to++] = ',';
        out[to++] = digits[i];
    }
    out[to] = '\0';
    return out;
}

char *
print_money(char out[PRINT_MONEY_BYTES], int64_t minor, struct tl_str currency)
{
    int digits = tl_currency_decimals(currency);
    uint64_t amount = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor, unit = 1;
    char whole[32], part[8] = "";

    for (int i = 0; i < digits; i++)
        unit *= 10;
    if (digits > 0)
        snprintf(part, sizeof part, ".%0*u", digits, (unsigned)(amount % unit));
    snprintf(out, PRINT_MONEY_BYTES, "%s%s%s%s%.*s", minor < 0 ? "-" : "",
             print_count(whole, amount / unit), part, currency.len > 0 ? " " : "",
             currency.len > 3 ? 3 : (int)currency.len, currency.len > 0 ? currency.ptr : "");
    return out;
}

/* -------------------------------------------------------------------- text */

/* Controls of C0 and C1, and what turns the direction of writing. */
static bool
controls(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e)
           || (c >= 0x2066 && c <= 0x2069);
}

/* The next character, or one byte that is none.  Returns its length. */
static size_t
next(wchar_t *out, const char *at, size_t len)
{
    mbstate_t state = {0};
    size_t bytes = mbrtowc(out, at, len, &state);

    if (bytes == 0 || bytes == (size_t)-1 || bytes == (size_t)-2) {
        *out = 0;
        return 1;
    }
    return bytes;
}

void
print_clean(struct buf *out, struct tl_str text)
{
    wchar_t c;

    for (size_t i = 0, bytes; i < text.len; i += bytes) {
        bytes = next(&c, text.ptr + i, text.len - i);
        if (controls(c))
            buf_byte(out, ' ');
        else
            buf_append(out, text.ptr + i, bytes);
    }
}

int
print_width(struct tl_str text)
{
    int width = 0;
    wchar_t c;

    for (size_t i = 0; i < text.len;) {
        i += next(&c, text.ptr + i, text.len - i);
        width += wcwidth(c) > 0 ? wcwidth(c) : 0;
    }
    return width;
}

/* As much of the text as fits, in bytes. */
static size_t
fitting(struct tl_str text, int columns)
{
    wchar_t c;

    for (size_t i = 0, bytes; i < text.len; i += bytes) {
        bytes = next(&c, text.ptr + i, text.len - i);
        columns -= wcwidth(c) > 0 ? wcwidth(c) : 0;
        if (columns < 0)
            return i;
    }
    return text.len;
}

/* ------------------------------------------------------------------- table */

void
print_cell(struct print_table *t, struct tl_str text)
{
    print_clean(&t->cells, text);
    buf_byte(&t->cells, '\0');
    t->count++;
}

void
print_cellf(struct print_table *t, const char *fmt, ...)
{
    char text[512];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len >= (int)sizeof text)
        len = (int)sizeof text - 1;
    print_cell(t, (struct tl_str){text, len > 0 ? (size_t)len : 0});
}

static int
terminal_width(FILE *out)
{
    struct winsize size;

    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < 40)
        return WIDTH_WITHOUT_TERMINAL;
    return size.ws_col;
}

static void
blanks(FILE *out, int count)
{
    if (count > 0)
        fprintf(out, "%*s", count, "");
}

/* `left`: the columns of the terminal left for this cell and what follows. */
static void
put_cell(FILE *out, struct tl_str text, int width, bool right, bool last, int left)
{
    int own;

    if (left > 0)
        text.len = fitting(text, left);
    own = print_width(text);
    if (right)
        blanks(out, width - own);
    fwrite(text.ptr, 1, text.len, out);
    if (!last)
        blanks(out, (right ? 0 : width - own) + GAP);
}

static struct tl_str
cell_at(const char **at)
{
    struct tl_str cell = {*at, strlen(*at)};

    *at += cell.len + 1;
    return cell;
}

static void
measure(const struct print_table *t, int *widths)
{
    const char *at = (const char *)t->cells.ptr;

    for (size_t i = 0; i < t->count; i++) {
        int width = print_width(cell_at(&at));

        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
}

int
print_rows(struct print_table *t, int indent, FILE *out)
{
    int *widths = calloc(t->columns, sizeof *widths), full = terminal_width(out), left = 0;
    const char *at = (const char *)t->cells.ptr;
    bool failed = widths == NULL || t->cells.failed;

    if (!failed)
        measure(t, widths);
    for (size_t i = 0; !failed && i < t->count; i++) {
        size_t column = i % t->columns;
        bool last = column + 1 == t->columns;

        if (column == 0) {
            blanks(out, indent);
            left = full - indent;
        }
        put_cell(out, cell_at(&at), widths[column], (t->right & 1u << column) != 0, last,
                 full > 0 ? (left > 0 ? left : 1) : 0);
        left -= widths[column] + GAP;
        if (last)
            fputc('\n', out);
    }
    free(widths);
    buf_free(&t->cells);
    t->count = 0;
    return failed ? TL_ENOMEM : 0;
}

/* ------------------------------------------------------------ for programs */

/* What is no UTF-8 becomes U+FFFD.  Returns how many bytes it took. */
static size_t
json_beyond_ascii(struct buf *out, const char *at, size_t len)
{
    wchar_t c;
    size_t bytes = next(&c, at, len);

    if (c == 0)
        buf_text(out, "\\ufffd");
    else
        buf_append(out, at, bytes);
    return bytes;
}

void
print_json_text(struct buf *out, struct tl_str text)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c >= 0x80)
            i += json_beyond_ascii(out, text.ptr + i, text.len - i) - 1;
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_text(out, "\\n");
        else if (c == '\t')
            buf_text(out, "\\t");
        else if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else
            buf_byte(out, c);
    }
    buf_byte(out, '"');
}

void
print_csv_text(struct buf *out, struct tl_str text)
{
    bool quote = false;

    for (size_t i = 0; i < text.len; i++)
        quote = quote || memchr("\",\r\n", text.ptr[i], 4) != NULL;
    if (!quote) {
        buf_append(out, text.ptr, text.len);
        return;
    }
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_byte(out, '"');
        buf_byte(out, (unsigned char)text.ptr[i]);
    }
    buf_byte(out, '"');
}

int
print_line(struct buf *out, bool flush)
{
    size_t len;

    buf_byte(out, '\n');
    len = out->len;
    if (out->failed)
        return TL_ENOMEM;
    buf_clear(out);
    if (fwrite(out->ptr, 1, len, stdout) != len || (flush && fflush(stdout) != 0))
        return TL_EIO;
    return 0;
}

int
print_reply(const struct tl_reply *reply)
{
    char *json;
    int err;

    if ((err = tl_reply_json(reply, &json)) != 0)
        return err;
    if (puts(json) < 0)
        err = TL_EIO;
    free(json);
    return err;
}

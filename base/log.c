#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048

/* A value may come from a stranger: it must not be able to forge a line. */
static void
blank_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
}

/* One write per line, so that lines of several threads do not mix. */
__attribute__((format(printf, 3, 0))) static void
put_line(const char *level, const char *module, const char *fmt, va_list args)
{
    char line[LINE_BYTES_MAX];
    int head = snprintf(line, sizeof line, "%s %s ", level, module);
    size_t len = head > 0 && (size_t)head < sizeof line ? (size_t)head : 0;
    int body = vsnprintf(line + len, sizeof line - len, fmt, args);

    if (body > 0)
        len += (size_t)body;
    if (len > sizeof line - 1)
        len = sizeof line - 1;
    blank_controls(line, len);
    line[len++] = '\n';
    /* There is nowhere to say that stderr is gone. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

void
log_error(const char *module, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("error", module, fmt, args);
    va_end(args);
}

void
log_warn(const char *module, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("warn", module, fmt, args);
    va_end(args);
}

void
log_info(const char *module, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("info", module, fmt, args);
    va_end(args);
}

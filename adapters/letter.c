#include "adapters/letter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/must.h"
#include "client/touchline.h"

#define TEMPORARY_BYTES (LETTER_NAME_BYTES + 4)

static const struct field {
    const char *name;
    size_t at;
} fields[] = {
    {"adapter", offsetof(struct letter, adapter)},
    {"format", offsetof(struct letter, format)},
    {"source", offsetof(struct letter, source)},
    {"region", offsetof(struct letter, region)},
    {"timezone", offsetof(struct letter, timezone)},
    {"where", offsetof(struct letter, where)},
    {"reason", offsetof(struct letter, reason)},
};

#define FIELDS (sizeof fields / sizeof fields[0])

static const char **
field(struct letter *l, const struct field *f)
{
    return (const char **)(void *)((char *)l + f->at);
}

static const char *
value(const struct letter *l, const struct field *f)
{
    const char *text = *(const char *const *)(const void *)((const char *)l + f->at);

    return text != NULL ? text : "";
}

/* Others take letters away. */
static void
count(struct letters *l)
{
    int fd = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (list == NULL)
        return;
    l->count = 0;
    l->bytes = 0;
    while ((entry = readdir(list)) != NULL) {
        struct stat st;

        if (!letter_is_name(entry->d_name) || fstatat(l->dir, entry->d_name, &st, 0) != 0)
            continue;
        l->count++;
        l->bytes += st.st_size;
    }
    closedir(list);
}

bool
letter_is_name(const char *name)
{
    return strlen(name) == LETTER_NAME_BYTES - 1
           && strspn(name, "0123456789abcdef") == LETTER_NAME_BYTES - 1;
}

int
letters_open(struct letters *l, const char *path)
{
    *l = (struct letters){.dir = -1};
    must(pthread_mutex_init(&l->mutex, NULL) == 0);
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return errno;
    if ((l->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return errno;
    count(l);
    return 0;
}

uint64_t
letters_count(struct letters *l)
{
    uint64_t n;

    pthread_mutex_lock(&l->mutex);
    count(l);
    n = l->count;
    pthread_mutex_unlock(&l->mutex);
    return n;
}

void
letters_close(struct letters *l)
{
    if (l->dir >= 0)
        close(l->dir);
    l->dir = -1;
}

static void
put_line(struct buf *out, const char *name, const char *text)
{
    size_t len = strlen(text);

    buf_printf(out, "%s: ", name);
    for (size_t i = 0; i < len && i < LETTER_FIELD_BYTES; i++)
        buf_byte(out, (unsigned char)text[i] < 0x20 ? ' ' : (unsigned char)text[i]);
    buf_byte(out, '\n');
}

/* Of the content alone: a key that others do not know would keep nobody from
 * sending us the same bytes twice. */
static void
name_of(char name[LETTER_NAME_BYTES], const struct letter *l)
{
    static const unsigned char key[HASH_KEY_BYTES];
    const char *format = l->format != NULL ? l->format : "";
    unsigned char hash[12];

    hash_pair96(hash, key, format, strlen(format), l->bytes, l->bytes_len);
    for (size_t i = 0; i < (LETTER_NAME_BYTES - 1) / 2; i++)
        snprintf(name + 2 * i, 3, "%02x", hash[i]);
}

static int
code_of(int err)
{
    return err == ENOSPC || err == EDQUOT ? TL_NO_SPACE : TL_EIO;
}

static int
write_file(int dir, const char *name, const struct buf *content)
{
    char temporary[TEMPORARY_BYTES];
    int fd, err = 0;

    snprintf(temporary, sizeof temporary, ".%s~", name);
    fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return code_of(errno);
    for (size_t at = 0; err == 0 && at < content->len;) {
        ssize_t written = write(fd, content->ptr + at, content->len - at);

        if (written < 0)
            err = code_of(errno);
        else
            at += (size_t)written;
    }
    if (err == 0 && fdatasync(fd) != 0)
        err = TL_EIO;
    close(fd);
    if (err == 0 && (renameat(dir, temporary, dir, name) != 0 || fsync(dir) != 0))
        err = code_of(errno);
    if (err != 0)
        unlinkat(dir, temporary, 0);
    return err;
}

static bool
is_full(const struct letters *l)
{
    return l->count >= LETTERS_MAX || l->bytes >= LETTERS_BYTES_MAX;
}

static int
write_new(struct letters *l, const struct letter *letter, bool bounded)
{
    char received[CLOCK_TEXT_BYTES], name[LETTER_NAME_BYTES];
    struct buf content = {0};
    int err;

    name_of(name, letter);
    if (faccessat(l->dir, name, F_OK, 0) == 0)
        return 0;
    if (bounded && is_full(l)) {
        count(l);
        if (is_full(l))
            return TL_NO_SPACE;
    }
    put_line(&content, "received", clock_format(received, letter->received));
    for (size_t i = 0; i < FIELDS; i++)
        put_line(&content, fields[i].name, value(letter, &fields[i]));
    buf_byte(&content, '\n');
    buf_append(&content, letter->bytes, letter->bytes_len);
    must(!content.failed);
    if ((err = write_file(l->dir, name, &content)) == 0) {
        l->count++;
        l->bytes += (int64_t)content.len;
    }
    buf_free(&content);
    return err;
}

int
letter_write(struct letters *l, const struct letter *letter, bool bounded)
{
    int err;

    pthread_mutex_lock(&l->mutex);
    err = write_new(l, letter, bounded);
    pthread_mutex_unlock(&l->mutex);
    return err;
}

/* ------------------------------------------------------------------ reading */

/* Cuts the next line off; NULL at the empty one. */
static char *
next_line(char **at, char *end)
{
    char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));

    if (newline == NULL || newline == line)
        return NULL;
    *newline = '\0';
    *at = newline + 1;
    return line;
}

static int
parse(struct letter *l, char *text, size_t len)
{
    char *at = text, *end = text + len, *line;
    bool dated = false;

    while ((line = next_line(&at, end)) != NULL) {
        char *colon = strstr(line, ": ");

        if (colon == NULL)
            return EBADMSG;
        *colon = '\0';
        if (strcmp(line, "received") == 0)
            dated = clock_parse(&l->received, colon + 2, strlen(colon + 2)) == 0;
        for (size_t i = 0; i < FIELDS; i++)
            if (strcmp(line, fields[i].name) == 0)
                *field(l, &fields[i]) = colon + 2;
    }
    if (!dated || at == end || *at != '\n')
        return EBADMSG;
    l->bytes = at + 1;
    l->bytes_len = (size_t)(end - at) - 1;
    return 0;
}

int
letter_read(int dir, const char *name, struct letter *out)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), err = 0;

    *out = (struct letter){0};
    if (fd < 0)
        return errno;
    for (size_t i = 0; i < FIELDS; i++)
        *field(out, &fields[i]) = "";
    snprintf(out->name, sizeof out->name, "%s", name);
    if (fstat(fd, &st) != 0)
        err = errno;
    else if (!S_ISREG(st.st_mode) || st.st_size == 0)
        err = EBADMSG;
    else if ((out->memory = malloc((size_t)st.st_size)) == NULL)
        err = ENOMEM;
    else if (read(fd, out->memory, (size_t)st.st_size) != (ssize_t)st.st_size)
        err = EIO;
    else
        err = parse(out, out->memory, (size_t)st.st_size);
    close(fd);
    if (err != 0)
        letter_free(out);
    return err;
}

void
letter_free(struct letter *letter)
{
    free(letter->memory);
    *letter = (struct letter){0};
}

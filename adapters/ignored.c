#include "adapters/ignored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/utf8.h"

#define OTHER "other"
#define KEY_BYTES (2 * IGNORED_WORD_BYTES_MAX + 2)

struct ignored_sum {
    char source[IGNORED_WORD_BYTES_MAX + 1];
    char name[IGNORED_WORD_BYTES_MAX + 1];
    uint64_t count;
};

void
ignored_init(struct ignored *g, const char *program)
{
    unsigned char bytes[12];
    int len;

    *g = (struct ignored){.sequence = 0};
    must(pthread_mutex_init(&g->lock, NULL) == 0);
    len = snprintf(g->reporter, sizeof g->reporter, "%.20s-", program);
    arc4random_buf(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        len += snprintf(g->reporter + len, sizeof g->reporter - (size_t)len, "%02x", bytes[i]);
}

static void
drop_report(struct ignored *g)
{
    free(g->told);
    free(g->report);
    g->told = NULL;
    g->report = NULL;
    g->report_count = 0;
}

static void
drop_sums(struct map *sums)
{
    struct map_entry *entry;
    size_t i = 0;

    while ((entry = map_next(sums, &i)) != NULL)
        free(entry->value);
    map_fini(sums);
}

void
ignored_fini(struct ignored *g)
{
    drop_report(g);
    drop_sums(&g->sums);
    pthread_mutex_destroy(&g->lock);
}

/* ------------------------------------------------------------------ adding */

static const char *
fit(const char *word)
{
    size_t len = strnlen(word, IGNORED_WORD_BYTES_MAX + 1);

    return len > 0 && len <= IGNORED_WORD_BYTES_MAX && utf8_text(word, len) ? word : OTHER;
}

static struct ignored_sum *
sum_of(struct ignored *g, const char *source, const char *name)
{
    char key[KEY_BYTES];
    size_t len = (size_t)snprintf(key, sizeof key, "%s\n%s", source, name);
    struct ignored_sum *s = map_get(&g->sums, key, len);

    if (s != NULL)
        return s;
    must((s = calloc(1, sizeof *s)) != NULL);
    snprintf(s->source, sizeof s->source, "%s", source);
    snprintf(s->name, sizeof s->name, "%s", name);
    *map_put(&g->sums, key, len) = s;
    return s;
}

/* One place is for what finds none. */
static bool
has_room(const struct ignored *g, const char *source, const char *name)
{
    char key[KEY_BYTES];
    size_t len = (size_t)snprintf(key, sizeof key, "%s\n%s", source, name);

    return g->sums.count < IGNORED_KEPT_MAX - 1 || map_get(&g->sums, key, len) != NULL;
}

void
ignored_add(struct ignored *g, const char *source, const char *name)
{
    source = fit(source);
    name = fit(name);
    must(pthread_mutex_lock(&g->lock) == 0);
    if (has_room(g, source, name))
        sum_of(g, source, name)->count++;
    else
        sum_of(g, OTHER, OTHER)->count++;
    must(pthread_mutex_unlock(&g->lock) == 0);
}

/* ----------------------------------------------------------------- telling */

static struct map
take_sums(struct ignored *g)
{
    struct map sums;

    must(pthread_mutex_lock(&g->lock) == 0);
    sums = g->sums;
    g->sums = (struct map){.count = 0};
    must(pthread_mutex_unlock(&g->lock) == 0);
    return sums;
}

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static void
begin_report(struct ignored *g)
{
    struct map sums = take_sums(g);
    struct map_entry *entry;
    size_t i = 0;

    if (sums.count > 0) {
        must((g->told = calloc(sums.count, sizeof *g->told)) != NULL);
        must((g->report = calloc(sums.count, sizeof *g->report)) != NULL);
        g->sequence++;
    }
    while ((entry = map_next(&sums, &i)) != NULL) {
        struct ignored_sum *s = &g->told[g->report_count];

        *s = *(const struct ignored_sum *)entry->value;
        g->report[g->report_count++] = (struct tl_ignored){str(s->source), str(s->name), s->count};
    }
    drop_sums(&sums);
}

int
ignored_tell(struct ignored *g, struct tl_client *client)
{
    int err;

    if (g->report_count == 0)
        begin_report(g);
    if (g->report_count == 0)
        return 0;
    err = tl_report(client, g->reporter, g->sequence, g->report, g->report_count);
    if (err != TL_EAWAY && err != TL_BUSY && err != TL_NO_SPACE && err != TL_ENOMEM)
        drop_report(g);
    return err;
}

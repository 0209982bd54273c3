#include "adapters/tables.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/csv/csvmap.h"
#include "base/buf.h"

#define MAP_ENDING ".map"
#define MAP_BYTES_MAX (1u << 20)
#define READ_BYTES 65536
#define PATH_BYTES 4096

/* With a NUL behind; NULL with errno. */
static char *
load(const char *path, size_t bytes_max, size_t *len)
{
    FILE *f = fopen(path, "re");
    struct buf text = {0};
    char piece[READ_BYTES];
    size_t got;
    int err;

    if (f == NULL)
        return NULL;
    while (text.len <= bytes_max && (got = fread(piece, 1, sizeof piece, f)) > 0)
        buf_append(&text, piece, got);
    err = ferror(f) ? EIO : text.len > bytes_max ? EFBIG : 0;
    fclose(f);
    *len = text.len;
    buf_byte(&text, '\0');
    if (text.failed)
        err = ENOMEM;
    if (err != 0)
        buf_free(&text);
    errno = err;
    return (char *)text.ptr;
}

static const char *
name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Of a map's NAME; 0: it is no map. */
static size_t
map_name_bytes(const char *file)
{
    size_t len = strlen(file), ending = strlen(MAP_ENDING);

    if (len <= ending || strcmp(file + len - ending, MAP_ENDING) != 0)
        return 0;
    return len - ending;
}

/* -------------------------------------------------------------------- maps */

static int
check_map(const char *maps, const char *file, char why[TABLES_WHY_BYTES])
{
    char path[PATH_BYTES];
    struct csvmap *map = NULL;
    char *text;
    size_t len;
    int err;

    snprintf(path, sizeof path, "%s/%s", maps, file);
    if ((text = load(path, MAP_BYTES_MAX, &len)) == NULL) {
        snprintf(why, TABLES_WHY_BYTES, "%.300s: %s", path, strerror(errno));
        return -1;
    }
    err = csvmap_parse(&map, file, text, why);
    csvmap_free(&map);
    free(text);
    return err == 0 ? 0 : -1;
}

int
tables_check(const char *maps, char why[TABLES_WHY_BYTES])
{
    DIR *dir = opendir(maps);
    struct dirent *entry;
    size_t found = 0;
    int err = 0;

    if (dir == NULL) {
        snprintf(why, TABLES_WHY_BYTES, "%.300s: %s", maps, strerror(errno));
        return -1;
    }
    while (err == 0 && (entry = readdir(dir)) != NULL)
        if (map_name_bytes(entry->d_name) > 0) {
            err = check_map(maps, entry->d_name, why);
            found++;
        }
    closedir(dir);
    if (err == 0 && found == 0) {
        snprintf(why, TABLES_WHY_BYTES, "%.300s has no map, a file NAME.map", maps);
        return -1;
    }
    return err;
}

static bool
choose_map(struct tables *t, const char *maps, const char *table)
{
    DIR *dir = opendir(maps);
    struct dirent *entry;
    size_t longest = 0, len;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        len = map_name_bytes(entry->d_name);
        if (len > longest && strncmp(entry->d_name, table, len) == 0) {
            snprintf(t->map_name, sizeof t->map_name, "%.*s", (int)len, entry->d_name);
            longest = len;
        }
    }
    if (dir != NULL)
        closedir(dir);
    return longest > 0;
}

/* ------------------------------------------------------------------ joined */

static const char *
on_table(void *arg, const char *name, size_t *len)
{
    struct tables *t = arg;
    const struct {
        const char *dir, *folder, *ending;
    } places[] = {{t->dir, "", ""},         {t->dir, "", ".csv"}, {t->dir, "done/", ""},
                  {t->dir, "done/", ".csv"}, {t->maps, "", ""},    {t->maps, "", ".csv"}};
    char path[PATH_BYTES + 300], *text = NULL;

    for (size_t i = 0; text == NULL && i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s/%s%.200s%s", places[i].dir, places[i].folder, name,
                 places[i].ending);
        text = load(path, TABLES_BYTES_MAX, len);
    }
    if (text == NULL || t->joined_count == TABLES_MAX) {
        free(text);
        return NULL;
    }
    return t->joined[t->joined_count++] = text;
}

/* ------------------------------------------------------------------ tables */

int
tables_open(struct tables *t, const char *maps, const char *path, struct format_options *options,
            char why[TABLES_WHY_BYTES])
{
    const char *name = name_of(path);
    char map[PATH_BYTES];
    size_t len;

    *t = (struct tables){.maps = maps};
    snprintf(t->dir, sizeof t->dir, "%.*s", name > path ? (int)(name - path) - 1 : 1,
             name > path ? path : ".");
    if (!choose_map(t, maps, name)) {
        snprintf(why, TABLES_WHY_BYTES, "no map in %.300s is named as it begins", maps);
        return -1;
    }
    snprintf(map, sizeof map, "%s/%s" MAP_ENDING, maps, t->map_name);
    if ((t->map_text = load(map, MAP_BYTES_MAX, &len)) == NULL) {
        snprintf(why, TABLES_WHY_BYTES, "%.300s: %s", map, strerror(errno));
        return -1;
    }
    options->map_text = t->map_text;
    options->map_name = t->map_name;
    options->table = on_table;
    options->table_arg = t;
    return 0;
}

void
tables_close(struct tables *t)
{
    free(t->map_text);
    while (t->joined_count > 0)
        free(t->joined[--t->joined_count]);
    *t = (struct tables){.map_text = NULL};
}

/* A directory into which whole files are put. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapters/source_state.h"

#define QUIET_S 1                   /* so long nobody wrote to a dropped file */

static int
is_candidate(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !source_has_ending(entry->d_name, ".tmp")
           && !source_has_ending(entry->d_name, ".part");
}

static bool
is_settled(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtime + QUIET_S < time(NULL);
}

/* A table whose map or joined table is not there yet waits in the directory, and does
 * not keep others waiting. */
static bool
begin_table(struct source *s)
{
    struct format_options options = s->input->options;
    char why[GATHER_WHY_BYTES] = "";

    if (tables_open(&s->tables, s->input->maps, s->file, &options, why) != 0
        || gather_open(&s->gather, s->input->format, &options, false, s->place.counts, why) != 0) {
        tables_close(&s->tables);
        if (s->told_at == 0 || clock_monotonic() > s->told_at + SOURCE_MEND_NS) {
            source_complain(s, s->file, why);
            s->told_at = clock_monotonic();
        }
        return false;
    }
    s->decoding = true;
    return true;
}

static void
open_file(struct source *s, const char *name)
{
    int len = snprintf(s->file, sizeof s->file, "%s/%s", s->path, name);

    if (len >= (int)sizeof s->file || !is_settled(s->file))
        return;
    if ((s->fd = open(s->file, O_RDONLY | O_CLOEXEC)) < 0)
        source_wait_for_help(s, s->file, strerror(errno));
    else if (!s->input->format->needs_map)
        source_begin_decoding(s);
    else if (!begin_table(s))
        source_shut(s);
}

/* The first in the order of names. */
static bool
open_dropped(struct source *s)
{
    struct dirent **entries;
    int count = scandir(s->path, &entries, is_candidate, alphasort);

    for (int i = 0; i < count; i++) {
        if (s->fd < 0)
            open_file(s, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    s->read_to = s->events = s->rejects = 0;
    s->ended = false;
    return s->fd >= 0;
}

bool
dropped_turn(struct source *s)
{
    ssize_t got;

    if (s->ended || (s->fd < 0 && !open_dropped(s)))
        return false;
    if ((got = pread(s->fd, s->piece, SOURCE_PIECE_BYTES, (off_t)s->read_to)) < 0) {
        source_wait_for_help(s, s->file, strerror(errno));
        return false;
    }
    gather_feed(&s->gather, s->piece, (size_t)got);
    s->read_to += (uint64_t)got;
    if (got == 0) {
        gather_end(&s->gather);
        s->ended = true;
    }
    source_keep(s);
    return true;
}

static bool
move_to(struct source *s, const char *folder)
{
    const char *name = strrchr(s->file, '/') + 1;
    char dir[SOURCE_PATH_BYTES], to[SOURCE_PATH_BYTES + 300];
    struct stat st;

    snprintf(dir, sizeof dir, "%.3000s/%s", s->path, folder);
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return false;
    snprintf(to, sizeof to, "%s/%.255s", dir, name);
    for (int n = 1; stat(to, &st) == 0; n++)
        snprintf(to, sizeof to, "%s/%.255s.%d", dir, name, n);
    return rename(s->file, to) == 0;
}

void
dropped_finish(struct source *s)
{
    bool failed = s->events == 0 && s->rejects > 0;

    source_stop_decoding(s);
    source_shut(s);
    s->ended = false;
    if (!move_to(s, failed ? "failed" : "done"))
        source_wait_for_help(s, s->file, "it was read and cannot be moved away");
    count_add(s->place.counts, 1, "touchline_files_total", "format", s->input->format->name,
              "result", failed ? "failed" : "done", NULL);
}

#include "adapters/source_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"

/* What a piece may become in the spool; more is waited for. */
#define ROOM_BYTES (4 * SOURCE_PIECE_BYTES)

void
source_complain(const struct source *s, const char *path, const char *what)
{
    log_warn("source", "format=%s %s: %s", s->input->format->name, path, what);
}

void
source_wait_for_help(struct source *s, const char *path, const char *what)
{
    source_complain(s, path, what);
    s->wait_until = clock_monotonic() + SOURCE_MEND_NS;
}

bool
source_has_ending(const char *name, const char *ending)
{
    size_t len = strlen(name), ending_len = strlen(ending);

    return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

void
source_begin_decoding(struct source *s)
{
    char why[GATHER_WHY_BYTES] = "";

    /* The settings were tried at start. */
    if (!s->decoding)
        must(gather_open(&s->gather, s->input->format, &s->input->options, false, s->place.counts,
                         why) == 0);
    s->decoding = true;
}

void
source_stop_decoding(struct source *s)
{
    if (s->decoding)
        gather_close(&s->gather);
    tables_close(&s->tables);
    s->decoding = false;
}

void
source_shut(struct source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void
source_keep(struct source *s)
{
    struct gather *g = &s->gather;

    s->events += g->events_count;
    s->rejects += g->rejects_count;
    if (g->rejects_count > 0
        && gather_keep_rejects(g, s->place.letters, s->place.adapter, s->file) != 0)
        source_complain(s, s->file, "what was not understood cannot be kept as dead letters");
    gather_keep(g, s->place.spool);
    gather_forget(g);
    s->in_commit = true;
}

struct source *
source_open(const struct setup_input *input, enum adapter_way way, const struct source_place *place)
{
    struct source *s = calloc(1, sizeof *s);

    must(s != NULL && (s->piece = malloc(SOURCE_PIECE_BYTES)) != NULL);
    s->input = input;
    s->way = way;
    s->place = *place;
    s->path = way == ADAPTER_FOLLOW ? input->follow : input->directory;
    s->fd = -1;
    /* A log may be made later; a name that is misspelt never is. */
    if (way == ADAPTER_FOLLOW && access(s->path, R_OK) != 0)
        log_warn("source", "format=%s %s: %s; it is read as soon as it can be",
                 input->format->name, s->path, strerror(errno));
    if (way == ADAPTER_FOLLOW)
        follow_open(s);
    return s;
}

void
source_close(struct source **source)
{
    struct source *s = *source;

    if (s == NULL)
        return;
    source_stop_decoding(s);
    source_shut(s);
    free(s->piece);
    free(s);
    *source = NULL;
}

bool
source_turn(struct source *s)
{
    if (clock_monotonic() < s->wait_until || !spool_has_room(s->place.spool, ROOM_BYTES))
        return false;
    return s->way == ADAPTER_FOLLOW ? follow_turn(s) : dropped_turn(s);
}

void
source_committed(struct source *s, int code)
{
    if (!s->in_commit)
        return;
    s->in_commit = false;
    if (code != 0) {
        source_stop_decoding(s);
        source_shut(s);
        s->ended = false;
    } else if (s->way == ADAPTER_FOLLOW) {
        follow_remember(s);
    } else if (s->ended) {
        dropped_finish(s);
    }
}

#include "adapters/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapters/gather.h"
#include "adapters/tables.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/must.h"

#define PATH_BYTES 4096
#define QUIET_S 1                   /* so long nobody wrote to a dropped file */
/* What a piece may become in the spool; more is waited for. */
#define MEND_NS (60 * CLOCK_SECOND)
#define ROOM_BYTES (4 * SOURCE_PIECE_BYTES)
#define CUT_SHORT 1                 /* a moment long ago */
#define HEAD_BYTES_MAX 256          /* of a file, to know it again */

/* A place in a file that can be found again under another name. */
struct position {
    uint64_t device, inode;
    uint64_t offset;
    uint32_t head_bytes, head_crc;
};

struct source {
    const struct setup_input *input;
    enum adapter_way way;
    struct source_place place;
    const char *path;               /* the file followed, or the directory */
    char file[PATH_BYTES];          /* being read */
    int fd;                         /* -1: none */
    bool decoding;                  /* the decoder is open */
    struct gather gather;
    struct tables tables;           /* of a dropped table */
    struct position durable;        /* as remembered */
    uint64_t read_to;               /* in this file */
    bool quiet;                     /* up to durable.offset it was read before */
    bool ended;                     /* a dropped file: its end was read */
    bool in_commit;                 /* something of ours is in the next commit */
    uint64_t events, rejects;       /* of a dropped file */
    int64_t done_at;                /* when what we read before was last written; 0: see path */
    int64_t replaced_at;            /* clock_monotonic, when we saw it and read on since; 0: not */
    int64_t told_at;                /* clock_monotonic: that a table has to wait; 0: not yet */
    int64_t wait_until;             /* clock_monotonic: something has to be mended first */
    char *piece;
};

static void
complain(const struct source *s, const char *path, const char *what)
{
    log_warn("source", "format=%s %s: %s", s->input->format->name, path, what);
}

/* Says it once a minute, and tries again. */
static void
wait_for_help(struct source *s, const char *path, const char *what)
{
    complain(s, path, what);
    s->wait_until = clock_monotonic() + MEND_NS;
}

/* ----------------------------------------------------------------- decoding */

static void
begin_decoding(struct source *s)
{
    char why[GATHER_WHY_BYTES] = "";

    /* The settings were tried at start. */
    if (!s->decoding)
        must(gather_open(&s->gather, s->input->format, &s->input->options, false, s->place.counts,
                         why) == 0);
    s->decoding = true;
}

static void
stop_decoding(struct source *s)
{
    if (s->decoding)
        gather_close(&s->gather);
    tables_close(&s->tables);
    s->decoding = false;
}

static void
shut(struct source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* What the decoder came to goes to the spool. */
static void
keep(struct source *s)
{
    struct gather *g = &s->gather;

    s->events += g->events_count;
    s->rejects += g->rejects_count;
    if (g->rejects_count > 0
        && gather_keep_rejects(g, s->place.letters, s->place.adapter, s->file) != 0)
        complain(s, s->file, "what was not understood cannot be kept as dead letters");
    gather_keep(g, s->place.spool);
    gather_forget(g);
    s->in_commit = true;
}

/* ---------------------------------------------------------------- positions */

static void
position_path(const struct source *s, char path[PATH_BYTES], const char *suffix)
{
    snprintf(path, PATH_BYTES, "%s/positions/%s%s", s->place.data, s->input->format->name, suffix);
}

static void
load_position(struct source *s)
{
    char path[PATH_BYTES];
    struct position p = {0};
    FILE *f;

    position_path(s, path, "");
    if ((f = fopen(path, "re")) == NULL)
        return;
    if (fscanf(f, "%lx %lx %lu %u %x", &p.device, &p.inode, &p.offset, &p.head_bytes, &p.head_crc)
        == 5)
        s->durable = p;
    else
        complain(s, path, "no position can be read here; the file is read from its beginning");
    fclose(f);
}

/* A position lost is no loss: what is read again is counted once. */
static void
save_position(struct source *s)
{
    char path[PATH_BYTES], temporary[PATH_BYTES];
    const struct position *p = &s->durable;
    FILE *f;

    position_path(s, path, "");
    position_path(s, temporary, "~");
    if ((f = fopen(temporary, "we")) == NULL) {
        complain(s, temporary, strerror(errno));
        return;
    }
    fprintf(f, "%lx %lx %lu %u %x\n", p->device, p->inode, p->offset, p->head_bytes, p->head_crc);
    if (fclose(f) != 0 || rename(temporary, path) != 0)
        complain(s, path, strerror(errno));
}

static uint32_t
head_crc(int fd, uint32_t bytes)
{
    char head[HEAD_BYTES_MAX];
    ssize_t got = bytes <= sizeof head ? pread(fd, head, bytes, 0) : -1;

    return got == (ssize_t)bytes ? crc32c(0, head, bytes) : 0;
}

static bool
is_remembered(const struct source *s, int fd)
{
    const struct position *p = &s->durable;
    struct stat st;

    return p->offset > 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_ino == p->inode
           && (uint64_t)st.st_dev == p->device && (uint64_t)st.st_size >= p->offset
           && head_crc(fd, p->head_bytes) == p->head_crc;
}

static void
remember(struct source *s)
{
    struct position *p = &s->durable;
    struct stat st;

    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return;
    p->device = (uint64_t)st.st_dev;
    p->inode = (uint64_t)st.st_ino;
    p->offset = s->read_to;
    p->head_bytes = s->read_to < HEAD_BYTES_MAX ? (uint32_t)s->read_to : HEAD_BYTES_MAX;
    p->head_crc = head_crc(s->fd, p->head_bytes);
    save_position(s);
}

/* ---------------------------------------------------------------- following */

static void
begin_file(struct source *s, int fd, bool again)
{
    s->fd = fd;
    s->read_to = 0;
    s->quiet = again;
    begin_decoding(s);
}

static bool
has_ending(const char *name, const char *ending)
{
    size_t len = strlen(name), ending_len = strlen(ending);

    return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

static bool
is_packed(const char *name)
{
    return has_ending(name, ".gz") || has_ending(name, ".xz") || has_ending(name, ".bz2")
           || has_ending(name, ".zst");
}

/* Opens the file beside ours whose name begins as ours does and for which `wanted`
 * says the least; INT64_MAX is not wanted.  -1: none. */
static int
find_beside(struct source *s, int64_t (*wanted)(const struct source *s, int fd))
{
    const char *slash = strrchr(s->path, '/'), *name = slash != NULL ? slash + 1 : s->path;
    int64_t least = INT64_MAX, this;
    char dir[PATH_BYTES];
    struct dirent *entry;
    int found = -1, fd;
    DIR *list;

    snprintf(dir, sizeof dir, "%.*s", slash != NULL ? (int)(slash - s->path) + 1 : 1,
             slash != NULL ? s->path : ".");
    if ((list = opendir(dir)) == NULL)
        return -1;
    while ((entry = readdir(list)) != NULL) {
        if (strncmp(entry->d_name, name, strlen(name)) != 0 || is_packed(entry->d_name)
            || (fd = openat(dirfd(list), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
            continue;
        if ((this = wanted(s, fd)) < least) {
            if (found >= 0)
                close(found);
            found = fd;
            least = this;
        } else {
            close(fd);
        }
    }
    closedir(list);
    return found;
}

/* The file we were in, under the name it was rotated to. */
static int64_t
is_ours(const struct source *s, int fd)
{
    return is_remembered(s, fd) ? 0 : INT64_MAX;
}

static int64_t
written_at(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return INT64_MAX;
    return (int64_t)st.st_mtim.tv_sec * CLOCK_SECOND + st.st_mtim.tv_nsec;
}

/* The oldest of those written to after the one we have done with: it may have been
 * rotated as well by now. */
static int64_t
is_next(const struct source *s, int fd)
{
    int64_t at = written_at(fd);

    return at > s->done_at ? at : INT64_MAX;
}

static bool
open_followed(struct source *s)
{
    int fd = -1;

    if (s->done_at != 0)
        fd = find_beside(s, is_next);
    else if (s->durable.offset > 0)
        fd = find_beside(s, is_ours);
    if (fd < 0 && (fd = open(s->path, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    s->done_at = 0;
    begin_file(s, fd, is_remembered(s, fd));
    return true;
}

/* Up to the last newline, so that the place remembered is between lines; a line
 * longer than a piece goes as it comes. */
static size_t
whole_lines(const char *bytes, size_t len)
{
    const char *last = memrchr(bytes, '\n', len);

    if (last == NULL)
        return len == SOURCE_PIECE_BYTES ? len : 0;
    return (size_t)(last - bytes) + 1;
}

/* Is the name another file's by now, or is this one shorter than it was? */
static bool
was_replaced(struct source *s)
{
    struct stat named, held;

    if (fstat(s->fd, &held) != 0)
        return true;
    if ((uint64_t)held.st_size < s->read_to) {
        s->replaced_at = CUT_SHORT;     /* nobody goes on in what is cut off */
        return true;
    }
    return stat(s->path, &named) == 0
           && (named.st_ino != held.st_ino || named.st_dev != held.st_dev);
}

static void
feed(struct source *s, size_t len)
{
    gather_feed(&s->gather, s->piece, len);
    s->read_to += len;
    if (s->quiet && s->read_to <= s->durable.offset)
        gather_forget(&s->gather);
    else
        keep(s);
    s->quiet = s->quiet && s->read_to < s->durable.offset;
}

/* A piece that straddles the place remembered would be half known. */
static size_t
piece_bytes(const struct source *s)
{
    uint64_t left = s->durable.offset - s->read_to;

    return s->quiet && left < SOURCE_PIECE_BYTES ? (size_t)left : SOURCE_PIECE_BYTES;
}

static bool
read_followed(struct source *s)
{
    ssize_t got = pread(s->fd, s->piece, piece_bytes(s), (off_t)s->read_to);
    size_t len;

    if (got < 0) {
        wait_for_help(s, s->path, strerror(errno));
        return false;
    }
    len = s->quiet ? (size_t)got : whole_lines(s->piece, (size_t)got);
    if (len > 0)
        feed(s, len);
    return len > 0;
}

/* The writer may go on in a renamed file until he is told of the new one. */
static bool
lingers(struct source *s)
{
    int64_t now = clock_monotonic();

    if (s->replaced_at == 0)
        s->replaced_at = now;
    return now < s->replaced_at + s->place.linger_ms * CLOCK_MS;
}

/* What is left is a last line without its newline. */
static void
end_file(struct source *s)
{
    ssize_t got = pread(s->fd, s->piece, SOURCE_PIECE_BYTES - 1, (off_t)s->read_to);

    if (got > 0) {
        s->piece[got] = '\n';
        feed(s, (size_t)got + 1);
    }
    if (s->replaced_at != CUT_SHORT)
        s->done_at = written_at(s->fd);
    log_info("source", "%s %s", s->path,
             s->replaced_at == CUT_SHORT ? "was cut short and is read from its beginning"
                                         : "was rotated; what was written next is read");
    shut(s);
    s->replaced_at = 0;
    s->durable = (struct position){0};
}

static bool
follow(struct source *s)
{
    bool replaced;

    if (s->fd < 0 && !open_followed(s))
        return false;
    /* Asked before reading, so what was added before the change is read. */
    replaced = was_replaced(s);
    if (read_followed(s)) {
        s->replaced_at = 0;
        return true;
    }
    if (!replaced || s->in_commit || lingers(s))
        return false;
    end_file(s);
    return true;
}

/* ------------------------------------------------------------------ dropped */

static int
is_candidate(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !has_ending(entry->d_name, ".tmp")
           && !has_ending(entry->d_name, ".part");
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
        if (s->told_at == 0 || clock_monotonic() > s->told_at + MEND_NS) {
            complain(s, s->file, why);
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
        wait_for_help(s, s->file, strerror(errno));
    else if (!s->input->format->needs_map)
        begin_decoding(s);
    else if (!begin_table(s))
        shut(s);
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

static bool
read_dropped(struct source *s)
{
    ssize_t got;

    if (s->ended || (s->fd < 0 && !open_dropped(s)))
        return false;
    if ((got = pread(s->fd, s->piece, SOURCE_PIECE_BYTES, (off_t)s->read_to)) < 0) {
        wait_for_help(s, s->file, strerror(errno));
        return false;
    }
    gather_feed(&s->gather, s->piece, (size_t)got);
    s->read_to += (uint64_t)got;
    if (got == 0) {
        gather_end(&s->gather);
        s->ended = true;
    }
    keep(s);
    return true;
}

static bool
move_to(struct source *s, const char *folder)
{
    const char *name = strrchr(s->file, '/') + 1;
    char dir[PATH_BYTES], to[PATH_BYTES + 300];
    struct stat st;

    snprintf(dir, sizeof dir, "%.3000s/%s", s->path, folder);
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return false;
    snprintf(to, sizeof to, "%s/%.255s", dir, name);
    for (int n = 1; stat(to, &st) == 0; n++)
        snprintf(to, sizeof to, "%s/%.255s.%d", dir, name, n);
    return rename(s->file, to) == 0;
}

static void
finish_dropped(struct source *s)
{
    bool failed = s->events == 0 && s->rejects > 0;

    stop_decoding(s);
    shut(s);
    s->ended = false;
    if (!move_to(s, failed ? "failed" : "done"))
        wait_for_help(s, s->file, "it was read and cannot be moved away");
    count_add(s->place.counts, 1, "touchline_files_total", "format", s->input->format->name,
              "result", failed ? "failed" : "done", NULL);
}

/* ------------------------------------------------------------------- source */

struct source *
source_open(const struct setup_input *input, enum adapter_way way, const struct source_place *place)
{
    struct source *s = calloc(1, sizeof *s);
    char path[PATH_BYTES];

    must(s != NULL && (s->piece = malloc(SOURCE_PIECE_BYTES)) != NULL);
    s->input = input;
    s->way = way;
    s->place = *place;
    s->path = way == ADAPTER_FOLLOW ? input->follow : input->directory;
    s->fd = -1;
    if (way == ADAPTER_FOLLOW) {
        snprintf(s->file, sizeof s->file, "%s", s->path);
        snprintf(path, sizeof path, "%s/positions", place->data);
        if (mkdir(path, 0750) != 0 && errno != EEXIST)
            complain(s, path, strerror(errno));
        load_position(s);
    }
    return s;
}

void
source_close(struct source **source)
{
    struct source *s = *source;

    if (s == NULL)
        return;
    stop_decoding(s);
    shut(s);
    free(s->piece);
    free(s);
    *source = NULL;
}

bool
source_turn(struct source *s)
{
    if (clock_monotonic() < s->wait_until || !spool_has_room(s->place.spool, ROOM_BYTES))
        return false;
    return s->way == ADAPTER_FOLLOW ? follow(s) : read_dropped(s);
}

void
source_committed(struct source *s, int code)
{
    if (!s->in_commit)
        return;
    s->in_commit = false;
    if (code != 0) {
        stop_decoding(s);
        shut(s);
        s->ended = false;
    } else if (s->way == ADAPTER_FOLLOW) {
        remember(s);
    } else if (s->ended) {
        finish_dropped(s);
    }
}

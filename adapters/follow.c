/* A file that grows, read across its rotations. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/source_state.h"
#include "base/crc32c.h"
#include "base/log.h"

#define CUT_SHORT 1                 /* a moment long ago */
#define HEAD_BYTES_MAX 256          /* of a file, to know it again */

/* ---------------------------------------------------------------- positions */

static void
position_path(const struct source *s, char path[SOURCE_PATH_BYTES], const char *suffix)
{
    snprintf(path, SOURCE_PATH_BYTES, "%s/positions/%s%s", s->place.data, s->input->format->name,
             suffix);
}

static void
load_position(struct source *s)
{
    char path[SOURCE_PATH_BYTES];
    struct position p = {0};
    FILE *f;

    position_path(s, path, "");
    if ((f = fopen(path, "re")) == NULL)
        return;
    if (fscanf(f, "%lx %lx %lu %u %x", &p.device, &p.inode, &p.offset, &p.head_bytes, &p.head_crc)
        == 5)
        s->durable = p;
    else
        source_complain(s, path,
                        "no position can be read here; the file is read from its beginning");
    fclose(f);
}

void
follow_open(struct source *s)
{
    char path[SOURCE_PATH_BYTES];

    snprintf(s->file, sizeof s->file, "%s", s->path);
    snprintf(path, sizeof path, "%s/positions", s->place.data);
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        source_complain(s, path, strerror(errno));
    load_position(s);
}

/* A position lost is no loss: what is read again is counted once. */
static void
save_position(struct source *s)
{
    char path[SOURCE_PATH_BYTES], temporary[SOURCE_PATH_BYTES];
    const struct position *p = &s->durable;
    FILE *f;

    position_path(s, path, "");
    position_path(s, temporary, "~");
    if ((f = fopen(temporary, "we")) == NULL) {
        source_complain(s, temporary, strerror(errno));
        return;
    }
    fprintf(f, "%lx %lx %lu %u %x\n", p->device, p->inode, p->offset, p->head_bytes, p->head_crc);
    if (fclose(f) != 0 || rename(temporary, path) != 0)
        source_complain(s, path, strerror(errno));
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

void
follow_remember(struct source *s)
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
    source_begin_decoding(s);
}

static bool
is_packed(const char *name)
{
    return source_has_ending(name, ".gz") || source_has_ending(name, ".xz")
           || source_has_ending(name, ".bz2") || source_has_ending(name, ".zst");
}

/* Opens the file beside ours whose name begins as ours does and for which `wanted`
 * says the least; INT64_MAX is not wanted.  -1: none. */
static int
find_beside(struct source *s, int64_t (*wanted)(const struct source *s, int fd))
{
    const char *slash = strrchr(s->path, '/'), *name = slash != NULL ? slash + 1 : s->path;
    int64_t least = INT64_MAX, this;
    char dir[SOURCE_PATH_BYTES];
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
        source_keep(s);
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
        source_wait_for_help(s, s->path, strerror(errno));
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
    source_shut(s);
    s->replaced_at = 0;
    s->durable = (struct position){0};
}

bool
follow_turn(struct source *s)
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

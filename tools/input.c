#include "tools/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"

#define CHUNK_BYTES 65536

int
input_open(struct input *in, const char *path)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    *in = (struct input){0};
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        errno = EISDIR;
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        in->size = (uint64_t)st.st_size;
    if ((in->file = gzdopen(fd, "rb")) == NULL) {
        close(fd);
        errno = ENOMEM;
        return -1;
    }
    gzbuffer(in->file, 2 * CHUNK_BYTES);
    return 0;
}

ssize_t
input_read(struct input *in, void *bytes, size_t len, const char **why)
{
    int got = gzread(in->file, bytes, (unsigned)len), err;

    *why = gzerror(in->file, &err);
    if (err == Z_ERRNO)
        *why = strerror(errno);
    if (got > 0)
        return got;
    /* zlib says so only at the end of what it could read. */
    return got == 0 && err == Z_OK ? 0 : -1;
}

uint64_t
input_done(const struct input *in)
{
    z_off_t at = gzoffset(in->file);

    return at > 0 ? (uint64_t)at : 0;
}

void
input_close(struct input *in)
{
    if (in->file != NULL)
        gzclose(in->file);
    in->file = NULL;
}

char *
input_load(const char *path, size_t *len)
{
    struct buf text = {0};
    struct input in;
    const char *why;
    ssize_t got = 1;

    if (input_open(&in, path) != 0)
        return NULL;
    while (got > 0) {
        void *at = buf_grow(&text, CHUNK_BYTES);

        if (at == NULL)
            break;
        got = input_read(&in, at, CHUNK_BYTES, &why);
        text.len -= CHUNK_BYTES - (got > 0 ? (size_t)got : 0);
    }
    input_close(&in);
    *len = text.len;
    buf_byte(&text, '\0');
    if (got != 0 || text.failed) {
        errno = got < 0 ? EBADMSG : ENOMEM;
        buf_free(&text);
    }
    return (char *)text.ptr;
}

/* lines.h -- a small file of lines, each on disk before anybody is told.
 *
 * What the lines come to is in its owner's memory; now and then he has the file
 * written anew, shorter.  A line torn by a crash was never confirmed, and is not
 * read. */

#ifndef BROKER_LINES_H
#define BROKER_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define LINES_BYTES_MAX (1u << 20)      /* then it is to be written anew */

struct lines {
    const char *name;
    uint64_t bytes;
    uint64_t anew;              /* bytes when it was last written anew */
    int dir;
    int fd;
};

/* Opens, or makes, file `name` (not copied) in the directory `dir`, and gives each
 * line, without its end, to `each`, which may alter it.  Returns 0 or an errno. */
int lines_open(struct lines *l, const char *dir, const char *name,
               void (*each)(void *arg, char *line), void *arg);
void lines_close(struct lines *l);

/* Adds whole lines.  Durable on return; TL_NO_SPACE: nothing of them is there;
 * TL_EIO: stop now. */
int lines_add(struct lines *l, const struct buf *text);

/* Is it time to write it anew?  Not before it is twice as long as the last time, for
 * what is known may be much, and everybody waits for it. */
bool lines_grown(const struct lines *l);

/* Puts these in the place of all.  TL_NO_SPACE: the file is as it was; TL_EIO. */
int lines_write_anew(struct lines *l, const struct buf *text);

#endif

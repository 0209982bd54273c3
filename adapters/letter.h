/* letter.h -- dead letters: what an adapter could not understand, or the broker
 * refused, kept with the raw bytes and the reason until somebody looks.
 *
 * One file each, DIR/<16 hex digits>, named after its content, so the same bytes
 * kept twice are one letter: lines `name: value`, an empty line, the raw bytes. */

#ifndef ADAPTERS_LETTER_H
#define ADAPTERS_LETTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LETTER_NAME_BYTES 17            /* with its NUL */
#define LETTER_FIELD_BYTES 512
#define LETTERS_MAX 10000               /* files; then they are only counted */
#define LETTERS_BYTES_MAX (256LL << 20)

/* All text is borrowed by letter_write and owned by the letter when read. */
struct letter {
    char name[LETTER_NAME_BYTES];
    int64_t received;
    const char *adapter;        /* the program */
    const char *format;         /* of the raw bytes; `event`: an event as JSON */
    const char *source;         /* as the format's options had them; empty: none */
    const char *region;
    const char *timezone;
    const char *where;          /* `POST /webhooks/sendgrid`, or a file and a place in it */
    const char *reason;
    const char *bytes;
    size_t bytes_len;
    char *memory;
};

struct letters {
    int dir;
    pthread_mutex_t mutex;
    uint64_t count;
    int64_t bytes;
};

/* Makes the directory and counts what is there.  Returns 0 or errno. */
int letters_open(struct letters *l, const char *path);
void letters_close(struct letters *l);

/* How many there are now.  Any thread. */
uint64_t letters_count(struct letters *l);

/* Durable on return.  Any thread.  `bounded`: its sender still has it, so the
 * limits above hold.  Returns 0, TL_NO_SPACE (also at the limits), TL_EIO. */
int letter_write(struct letters *l, const struct letter *letter, bool bounded);

bool letter_is_name(const char *name);

/* Returns 0 or errno; EBADMSG: it is no letter.  letter_free it. */
int letter_read(int dir, const char *name, struct letter *out);
void letter_free(struct letter *letter);

#endif

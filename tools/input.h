/* input.h -- files to read from, gzip'ed or not, and standard input. */

#ifndef TOOLS_INPUT_H
#define TOOLS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct input {
    void *file;
    uint64_t size;          /* as stored; 0: not known */
};

/* `-` is standard input.  Returns 0, or -1 with errno. */
int input_open(struct input *in, const char *path);

/* Returns how much, 0 at the end, or -1 with a sentence in *why (static, or the
 * file's until it is closed). */
ssize_t input_read(struct input *in, void *bytes, size_t len, const char **why);

/* How far into the file as stored. */
uint64_t input_done(const struct input *in);

void input_close(struct input *in);

/* The whole file with a NUL that is not counted; free() it.  NULL with errno. */
char *input_load(const char *path, size_t *len);

#endif

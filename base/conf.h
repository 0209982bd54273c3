/* conf.h -- settings files: `[section]`, then `name = value` lines.
 *
 * A name nobody knows is an error, not a typo that does nothing for a year. */

#ifndef CONF_H
#define CONF_H

#include <stddef.h>
#include <stdint.h>

enum conf_kind {
    CONF_TEXT,          /* char *: a copy that stays; what was there is not freed */
    CONF_NUMBER,        /* int64_t: 0 or more */
    CONF_BYTES,         /* int64_t: a number of B, KiB, MiB or GiB */
    CONF_DURATION_MS,   /* int64_t: a number of ms, s, min, h or d */
    CONF_FLAG,          /* bool: yes or no */
};

struct conf_setting {
    const char *section;
    const char *name;
    enum conf_kind kind;
    void *where;        /* holds the default */
    int64_t min, max;   /* of a quantity; max 0: there is none */
};

#define CONF_ERROR_BYTES 512
#define CONF_WHY_BYTES 256

/* Hands each setting to `take`, in the order of the file, until it returns -1
 * with a sentence in `why`.
 * Returns 0, or -1 with a sentence that names file and line. */
int conf_walk(const char *path,
              int (*take)(void *arg, const char *section, const char *name, const char *value,
                          char why[CONF_WHY_BYTES]),
              void *arg, char error[CONF_ERROR_BYTES]);

/* Reads the file into the settings it names; the others keep their defaults.
 * Returns 0, or -1 with a sentence that names file and line; some settings may
 * have changed by then. */
int conf_read(const char *path, const struct conf_setting *settings, size_t count,
              char error[CONF_ERROR_BYTES]);

/* Reads a number of ms, s, min, h or d.  Returns 0, or -1 when it is none. */
int conf_duration(int64_t *ms, const char *text);

#endif

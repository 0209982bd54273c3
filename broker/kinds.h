/* kinds.h -- what kinds of identifiers there are: how strong, how many a person
 * has, how they are spelled, which values stand for nobody, and from which region
 * the telephone numbers of a source are.
 *
 * One table, built in; touchline-identifiers(5) says how a file changes it.  What
 * it says is decided at the door and logged, so a change is for what comes from
 * then on: it makes nothing of what is stored different. */

#ifndef KINDS_H
#define KINDS_H

#include <stdbool.h>

#include "base/conf.h"
#include "proto/event.h"

#define KINDS_OWN_MAX 64            /* types x-... that the file names */
#define BLOCKED_VALUES_MAX 1000
#define REGIONS_MAX 1000

enum kind_spelling { SPELL_TEXT, SPELL_EMAIL, SPELL_PHONE };

struct kind {
    const char *name;
    bool strong;
    bool single;                /* of one person there is one value; strong kinds only */
    bool follows_login;         /* weak kinds only */
    bool keeps_case;            /* of an e-mail address' local part */
    enum kind_spelling spelling;
    unsigned rank;              /* the strongest has the smallest */
};

struct kinds;

/* The table, changed by the file; NULL: as built in.  Returns 0, or -1 with a
 * sentence that names file and line. */
int kinds_read(struct kinds **out, const char *path, char error[CONF_ERROR_BYTES]);
void kinds_free(struct kinds **k);

/* NULL: there is no such type. */
const struct kind *kinds_find(const struct kinds *k, struct tl_str type);

/* Does a value of this kind stand for nobody? */
bool kinds_blocked(const struct kinds *k, const struct kind *kind, struct tl_str value);

/* The region of a source's telephone numbers; empty: none is known. */
struct tl_str kinds_region(const struct kinds *k, struct tl_str source);

#endif

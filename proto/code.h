/* code.h -- what can go wrong, each with its sentence.
 *
 * Positive codes travel on the wire (enum Code of touchline.proto) and are the
 * sender's to act on; negative ones are this machine's own. */

#ifndef TL_CODE_H
#define TL_CODE_H

enum tl_code {
    TL_OK = 0,

    TL_MALFORMED = 1,
    TL_BAD_UTF8,
    TL_TOO_LARGE,
    TL_TOO_MANY,
    TL_MISSING_ID,
    TL_MISSING_SOURCE,
    TL_MISSING_TYPE,
    TL_MISSING_IDENTIFIER,
    TL_BAD_IDENTIFIER,
    TL_BAD_TIME,
    TL_BAD_FACET,
    TL_DUPLICATE_DIFFERS,
    TL_FORBIDDEN,
    TL_UNSUPPORTED,
    TL_BUSY,
    TL_NO_SPACE,
    TL_NO_SESSION,
    TL_NOT_FOUND,
    TL_BAD_REQUEST,
    TL_BAD_POSITION,
    TL_STALE_GROUP,

    TL_ENOMEM = -1,     /* out of memory */
    TL_EIO = -2,        /* the disk failed; see errno and the log */
    TL_EAWAY = -3,      /* the broker does not answer */
    TL_EDAMAGED = -4,   /* stored bytes are not what was written */
    TL_ELOCKED = -5,    /* another process has the data */
    TL_EFORMAT = -6,    /* data of a format this program does not know */
    TL_EARGUMENT = -7,  /* the caller's mistake */
    TL_ECLOSED = -8,    /* it was closed meanwhile */
};

/* `DUPLICATE_DIFFERS`, `ENOMEM`; never NULL. */
const char *tl_code_name(int code);

/* A sentence for people, without a full stop; never NULL. */
const char *tl_code_sentence(int code);

#endif

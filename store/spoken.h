/* spoken.h -- what an event says between a customer and us: who spoke, by what,
 * and in which conversation.  PROTOCOL.md has the words.
 *
 * A pure function of the event: whatever is counted from it is the same in
 * whatever order events come. */

#ifndef STORE_SPOKEN_H
#define STORE_SPOKEN_H

#include "store/frame.h"

/* By what; also what of a customer's counts are kept apart. */
enum spoken_by {
    SPOKEN_EMAIL,
    SPOKEN_SMS,
    SPOKEN_PUSH,
    SPOKEN_MAIL,
    SPOKEN_CHAT,
    SPOKEN_SOCIAL,
    SPOKEN_FEEDBACK,
    SPOKEN_OTHERWISE,
    SPOKEN_WAYS,
};

/* A message of ours may be told of in two words, sent and delivered: each is counted,
 * and there were as many messages as the greater says.  Calls are not counted so:
 * their conversation knows which they were. */
enum spoken_word {
    SPOKEN_OURS,
    SPOKEN_OURS_DELIVERED,
    SPOKEN_HIS,
    SPOKEN_OPENED,
    SPOKEN_CLICKED,
    SPOKEN_WORDS,
    SPOKEN_NO_WORD = SPOKEN_WORDS,
};

/* Who has a word. */
enum { SPOKEN_HE = 1, SPOKEN_WE = 2 };

struct spoken {
    unsigned who;                   /* of the above, or 0: nobody */
    int64_t he_at;                  /* when: the event's time, but of a call that is */
    int64_t we_at;                  /* over when it was begun, and answered */
    enum spoken_by by;
    enum spoken_word word;
    bool reply;                     /* he answers something of ours */
    bool opens;
    bool closes;
    unsigned caller;                /* who calls; 0: it is no call */
    struct tl_str call;             /* its id, when it is one */
    struct tl_str conversation;     /* empty: none */
};

struct spoken spoken_of(const struct frame *f, const struct tl_event *ev);

/* Is it one of the kinds by which a customer speaks to us (review, complaint,
 * praise), and not an answer to a question of ours, or something measured? */
bool spoken_kind(struct tl_str kind);

#endif

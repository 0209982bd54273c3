/* reply.h -- a message from the broker, decoded, with what it borrows from. */

#ifndef CLIENT_REPLY_H
#define CLIENT_REPLY_H

#include "client/client.h"

struct tl_reply *reply_new(void);               /* NULL: out of memory */

/* Decodes reply->bytes.  Returns 0, TL_EFORMAT or TL_ENOMEM (it is
 * unread then, and may be read again). */
int reply_read(struct tl_reply *reply);

/* Appends the events of the next page of a timeline, which is `reply`'s from now on.
 * Returns 0 or TL_ENOMEM. */
int reply_add_page(struct tl_reply *reply, struct tl_reply *page);

/* A position's text, with a NUL; empty when the broker named no log. */
void reply_position(char out[TL_POSITION_BYTES + 1], struct tl_str log, uint64_t number);

#endif

/* answer.h -- questions about customers and about the bus itself.
 *
 * An answer goes out when all that it stands on is durable. */

#ifndef ANSWER_H
#define ANSWER_H

#include "broker/request.h"

void answer_context(struct broker *b, struct asked *q);
void answer_timeline(struct broker *b, struct asked *q);
void answer_offers(struct broker *b, struct asked *q);
void answer_may_contact(struct broker *b, struct asked *q);
void answer_campaign(struct broker *b, struct asked *q);
void answer_stat(struct broker *b, struct asked *q);

/* Says that nothing was found, or what went wrong. */
void answer_refuse(struct broker *b, struct session *s, uint64_t id, int err);

#endif

/* mailing.h -- which mailing a message is: campaign, offer, to whom.
 *
 * Read from a message as it was sent, or from what a report returns of it.  A sender
 * that wants his bounces joined writes, in any combination,
 *
 *   X-Campaign-ID                    the campaign; else the first word of Feedback-ID,
 *                                    else the first of the token
 *   X-Offer-ID                       the offer; else the campaign
 *   X-Offer-Terms                    as shown; else the subject
 *   a VERP sender                    bounce+TOKEN@..., or list-bounces+user=domain@...
 *   List-Unsubscribe                 <https://.../TOKEN>, <mailto:unsubscribe+TOKEN@...>
 *
 * A TOKEN of three words, CAMPAIGN.CUSTOMER.SECRET, names the campaign.  Token and
 * Message-ID are identifiers of the customer (x-mailing, x-message-id): who sent the
 * mailing told the bus whose they are, and so a report that hides the address still
 * finds him. */

#ifndef ADAPTERS_MAILING_H
#define ADAPTERS_MAILING_H

#include "adapters/draft.h"
#include "adapters/email/mime.h"

#define MAILING_TOKENS_MAX 2

struct mailing {
    struct tl_str campaign, offer, terms;
    struct tl_str tokens[MAILING_TOKENS_MAX];
    size_t tokens_count;
    struct tl_str message;          /* Message-ID, without <> */
    struct tl_str subject, sender;
    struct tl_str returned;         /* user=domain of a VERP sender */
};

/* All text lives as long as the message. */
void mailing_read(struct mailing *out, struct mime *m);

/* What a sender's address tells, if it is VERP; `address` lives as long as `out`. */
void mailing_verp(struct mailing *out, struct tl_str address);

/* A token by itself. */
void mailing_token(struct mailing *out, struct tl_str token);

/* Campaign, offer with that outcome (NULL: none) and message of the draft's event. */
void mailing_put(const struct mailing *m, struct draft *d, const char *outcome);

/* The address a VERP sender was made of, empty when it was none. */
struct tl_str mailing_recipient(const struct mailing *m, struct draft *d);

/* Tokens and Message-ID as identifiers. */
void mailing_identify(const struct mailing *m, struct draft *d);

#endif

/* webhook.h -- what the webhooks of e-mail services have in common.
 *
 * A service is a file with a table of the vendor's words and a function that
 * finds the facts in one of its elements; here they become an event.  A body is
 * JSON, one element or an array of them (bodies may follow one another), or a
 * form that the service makes JSON of.
 *
 * Whatever a member of an element says that no field of the event holds becomes an
 * attribute, nested ones as JSON.  What a vendor puts around its elements (a
 * signature, a number of the delivery) is about the call, not about the customer,
 * and changes when the call is repeated: it is no part of an event.
 *
 * Custom arguments that mean something here, wherever the vendor keeps them:
 *   campaign_id, campaign            the campaign; else the vendor's own field; else
 *                                    each tag or category is one
 *   offer_id, offer                  the offer; else the campaign
 *   offer_terms, treatment           as shown, and which wording
 *   offer_expires                    until when, RFC 3339
 *   user_id, userid; customer_id; account_id; loyalty_id
 *                                    identifiers user, crm, account, loyalty */

#ifndef ADAPTERS_WEBHOOK_H
#define ADAPTERS_WEBHOOK_H

#include "adapters/form.h"
#include "adapters/formats.h"
#include "adapters/value.h"

#define WEBHOOK_BODY_BYTES_MAX (32u << 20)
#define WEBHOOK_ARGUMENTS_MAX 4
#define WEBHOOK_TAGS_MAX 2

/* What an event of the vendor's is here. */
struct webhook_kind {
    const char *event;          /* the vendor's word; NULL ends the table */
    const char *type;           /* NULL: of no interest to a timeline, counted by its name */
    bool inbound;               /* the customer did it */
    const char *outcome;        /* of the offers in the message; NULL: says nothing about them */
    const char *consent;        /* status of marketing by e-mail to this address; NULL: unchanged */
};

struct webhook_service {
    const char *name;           /* of the format; the default source */
    const char *title;          /* `SendGrid's Event Webhook` */
    const char *event, *address;    /* members that say what happened, and to whom */
    const char *time;           /* the member that says when; NULL: not all have one */
    const struct webhook_kind *kinds;
    /* Members that a field of the event holds whole; ended by NULL. */
    const char *const *held;
    /* Calls webhook_event once for each event, webhook_ignored, or webhook_refuse. */
    void (*element)(struct decoder *d, struct value *element);
    /* The JSON a form holds, NULL when it is none of the vendor's; may be NULL. */
    struct value *(*form)(struct values *in, const struct form *form);
};

/* What an element says.  Text is borrowed until the event is made. */
struct webhook_facts {
    const char *event;          /* the vendor's word */
    struct tl_str id;           /* empty: a hash of the element */
    int64_t time;               /* 0: not said */
    bool time_wrong;
    struct tl_str recipient;    /* an address, or `Name <address>` */
    bool one_of_several;        /* recipients of this element: the id says which */
    struct tl_str message, subject, sender, url, status, reason, user_agent;
    struct tl_str campaign;
    const struct value *tags[WEBHOOK_TAGS_MAX];       /* a text, or an array of them */
    const struct value *arguments[WEBHOOK_ARGUMENTS_MAX];
    bool silent;                /* about offers: a machine opened it, or it sells nothing */
    struct tl_str evidence;     /* of a consent, beside the vendor's word */
};

/* For formats.c; each service's open is webhook_open with its service. */
int webhook_open(struct decoder **out, const struct webhook_service *service,
                 const struct format_options *o, const struct format_sink *sink, char *why);
void webhook_feed(struct decoder *d, const void *bytes, size_t len);
void webhook_end(struct decoder *d);
void webhook_close(struct decoder **d);

/* ------------------------------------------- for a service's element() */

void webhook_event(struct decoder *d, struct value *element, const struct webhook_facts *f);
void webhook_ignored(struct decoder *d, const char *name);
void webhook_refuse(struct decoder *d, const char *reason);

/* Calls the service's element() for each member of an array inside of an element. */
void webhook_each(struct decoder *d, struct value *array);

/* A text, or a number written out; else empty.  Lives until the next event. */
struct tl_str webhook_text(struct decoder *d, const struct value *value);
struct tl_str webhook_member(struct decoder *d, const struct value *object, const char *name);
const char *webhook_word(const struct value *object, const char *name);    /* NULL: no text */

/* `group 10` of `10`; empty stays empty. */
struct tl_str webhook_labelled(struct decoder *d, const char *label, struct tl_str text);

/* A hash of an element, whatever the order of its members. */
struct tl_str webhook_hash(struct decoder *d, const struct value *element);

/* The JSON object or array in a text, as some vendors send arguments; NULL when it
 * is none. */
struct value *webhook_parsed(struct decoder *d, const struct value *text);

/* Where a service can make values of its own. */
struct values *webhook_values(struct decoder *d);

/* Sets the time from a number of `unit` nanoseconds, such a number as text, or RFC
 * 3339.  Leaves it when there is none. */
void webhook_time(struct webhook_facts *f, const struct value *value, int64_t unit);

#endif

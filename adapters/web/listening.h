/* listening.h -- what people say in public, where nobody asked them. */

#ifndef ADAPTERS_WEB_LISTENING_H
#define ADAPTERS_WEB_LISTENING_H

#include "adapters/draft.h"

#define LISTENING_TEXT_BYTES_MAX (40u << 10)    /* of an event's 64 KiB */

/* Who said it.  A URI is a `social` identifier; a name is `x-author`, behind the
 * place where it was said, because a name is only one person's there.  With
 * neither it is the place itself, `x-place`, so that it can be claimed later. */
void listening_author(struct draft *d, struct tl_str place, struct tl_str name, struct tl_str uri);

/* A copy of the text, cut where it is too long for an event; how much is missing
 * is then the attribute `text_more`, in bytes. */
struct tl_str listening_text(struct draft *d, struct tl_str text);

/* `reviews.example.org` of a URL; all of it when it is none. */
struct tl_str listening_host(struct tl_str url);

/* A rating as the contract wants it, or empty: digits and a point, for which some
 * write a comma. */
struct tl_str listening_rating(struct draft *d, struct tl_str text);

#endif

/* matomo.h -- Matomo's tracking HTTP API: a GET's query, a posted form, and bulk
 * requests.
 *
 * https://developer.matomo.org/api-reference/tracking-api
 *
 * uid is a `user`, _id and cid are `cookie`s.  A content impression (c_n) is an
 * offer presented, with c_i a click on it; c_n is the offer's id, c_p its
 * treatment, c_t where it leads.  idgoal=0 with ec_id is an order, in the site's
 * currency, which the request does not say: it comes from `currency` (a custom
 * parameter) or is USD, Matomo's default.  A request has no id, so what it says is
 * hashed; `rand` tells two of the same apart.  token_auth is a password and not
 * kept.  cdt is UTC. */

#ifndef ADAPTERS_WEB_MATOMO_H
#define ADAPTERS_WEB_MATOMO_H

#include "adapters/formats.h"

int matomo_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);

#endif

/* visit.h -- where on a site it happened. */

#ifndef ADAPTERS_WEB_VISIT_H
#define ADAPTERS_WEB_VISIT_H

#include "adapters/draft.h"

/* Completes the page a decoder has put into the draft, after its offers: the path
 * from the URL, the touchpoint from the path and, in an event without an offer
 * and a campaign, the campaign the URL names (utm_campaign, mtm_campaign,
 * pk_campaign).  Where a campaign brought a visitor says nothing about the offer
 * he then sees. */
void visit_put(struct draft *d);

#endif

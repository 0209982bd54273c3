/* campaign.h -- how each campaign goes: touches by outcome, channel and day. */

#ifndef STORE_CAMPAIGN_H
#define STORE_CAMPAIGN_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/counter.h"
#include "store/views.h"

struct subject_counted;

#define CAMPAIGN_COUNTS_LISTED_MAX 10000

/* Counts the offer touches of one event at `time`.  Returns 0 or TL_EDAMAGED. */
int campaign_fold(struct views *v, struct counters *counters, const struct tl_event *ev,
                  int64_t time);

/* Takes back what an event counted that counts no more.  Returns the same. */
int campaign_unfold(struct views *v, struct counters *counters, const struct subject_counted *was);

/* Lists the counts of one campaign (empty: of all).  TL_EDAMAGED, TL_TOO_MANY. */
int campaign_list(struct views *v, struct tl_str campaign, struct tl_campaigns *out,
                  struct arena *arena);

#endif

/* company.h -- the relationship with everybody: the sum of all profiles'.
 *
 * Words are counted as they come.  Of what a profile's records come to together,
 * what was counted last lies among the sums (views.h says why: a profile may be
 * ahead of them after a crash), and the sums move by the difference. */

#ifndef STORE_COMPANY_H
#define STORE_COMPANY_H

#include "store/counter.h"
#include "store/relationship.h"

void company_said(struct counters *c, const struct spoken *said);

/* After an event that moved a profile's sums, also when the profile was folded
 * further already.  `kept` is as on its card.  Returns 0 or TL_EDAMAGED. */
int company_moved(struct counters *c, struct views *v, uint64_t profile, struct tl_str kept);

void company_read(const struct counters *c, struct relationship *out);

#endif

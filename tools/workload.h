/* workload.h -- made-up customers who do what customers do, for the bench.
 *
 * Customers are drawn by Zipf's law with s = 1 (the most frequent comes twice
 * as often as the second) and scattered over the numbers, so that neighbours
 * in the store are not neighbours in popularity.  Events are page views with
 * a cookie and the address logged in with, e-mail sent, opened and clicked with
 * the offer in it, and sales with a loyalty card, sometimes also with the
 * address; each of WORKLOAD_EVENT_BYTES, or a byte or two more. */

#ifndef TOOLS_WORKLOAD_H
#define TOOLS_WORKLOAD_H

#include <stdbool.h>

#include "base/buf.h"
#include "client/touchline.h"

#define WORKLOAD_EVENT_BYTES 250
#define WORKLOAD_NAME_BYTES 64

/* A customer of many events: pages, and among them as many mails with an offer of
 * its own each.  Joined of several addresses, NAME.0@example.com and so on, that
 * are named together after each has had its first event. */
struct workload_one {
    const char *name;
    uint64_t events;
    uint64_t offers;
    uint64_t addresses;
};

struct workload {
    uint64_t customers;
    double *reach;      /* [i]: how likely one of the i + 1 most frequent comes */
    uint64_t dice;
    uint64_t made;      /* events so far: the next one's id */
    int64_t time;       /* of the next event; they come a millisecond apart */
    bool strangers;     /* every third event is a page seen by a cookie nobody knows */
    const struct workload_one *one;     /* not NULL: all events are his */
};

/* A run of events, encoded beforehand so that making them is not measured. */
struct workload_run {
    struct buf bytes;
    size_t *ends;
    size_t count;
};

void workload_init(struct workload *w, uint64_t customers);
void workload_fini(struct workload *w);

/* The same of one customer: all his events. */
void workload_make_one(struct workload *w, struct workload_run *run,
                       const struct workload_one *one);
void workload_one_name(char out[WORKLOAD_NAME_BYTES], const struct workload_one *one);

/* Replaces what is in the run by `count` new events. */
void workload_make(struct workload *w, struct workload_run *run, size_t count);
struct tl_str workload_event(const struct workload_run *run, size_t i);
void workload_run_fini(struct workload_run *run);

/* Which event this is, counted from 0 as they were made; UINT64_MAX when it is
 * none of ours. */
uint64_t workload_number(struct tl_str event);

/* TYPE:VALUE of the event's customer. */
void workload_name(char out[WORKLOAD_NAME_BYTES], struct tl_str event);

/* A number below `limit`, by the workload's dice. */
uint64_t workload_draw(struct workload *w, uint64_t limit);

#endif

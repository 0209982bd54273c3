/* zone.h -- local time to UTC and back, by the system's time zone database.
 *
 * Reads TZif files (RFC 8536) itself: libc's TZ belongs to the whole process. */

#ifndef ZONE_H
#define ZONE_H

#include <stdint.h>

#define ZONE_WHY_BYTES 256

struct zone;

/* `UTC`, `Z`, a fixed `+02:00`, or a name of the database (`Europe/Zurich`).
 * Returns 0, or -1 with a sentence. */
int zone_open(struct zone **out, const char *name, char why[ZONE_WHY_BYTES]);
void zone_close(struct zone **z);

/* Seconds since 1970 of a wall clock in the zone -> of UTC.  An hour that comes
 * twice is the first one; one that is skipped is read as if the clock had not
 * been put forward yet. */
int64_t zone_to_utc(const struct zone *z, int64_t local_s);

/* What a wall clock in the zone shows. */
int64_t zone_to_local(const struct zone *z, int64_t utc_s);

#endif

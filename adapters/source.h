/* source.h -- a file that grows, or a directory into which whole files are put,
 * through its decoder to the spool, each byte once.
 *
 * A followed file is read to its last whole line; the place is remembered in
 * DATA/positions once what came before it is durable.  After a start what was
 * read before is given to the decoder again, for what it remembers of it, and
 * the output forgotten.  A file that was rotated is read to its end (found under
 * its new name in the same directory when that happened while we were away)
 * before the new one is begun; one that was cut short is begun anew.
 *
 * A dropped file is read once it was left alone for a second; names that begin
 * with a dot or end in .tmp or .part are not there yet.  When what it came to is
 * durable it moves to DIR/done, or to DIR/failed if nothing in it was
 * understood.
 *
 * What is not known to be durable is read again after a crash; decoders give the
 * same events for the same bytes, and the broker counts an event once. */

#ifndef ADAPTERS_SOURCE_H
#define ADAPTERS_SOURCE_H

#include "adapters/counts.h"
#include "adapters/letter.h"
#include "adapters/setup.h"
#include "adapters/spool.h"

#define SOURCE_PIECE_BYTES (256u << 10)
#define SOURCE_LINGER_MS 5000       /* with a file that was rotated, since it last grew */

struct source;

/* All of it is borrowed until source_close. */
struct source_place {
    const char *adapter;
    const char *data;           /* the adapter's directory */
    struct spool *spool;
    struct letters *letters;
    struct counts *counts;
    int linger_ms;
};

/* `way` says whether input->follow or input->directory is meant. */
struct source *source_open(const struct setup_input *input, enum adapter_way way,
                           const struct source_place *place);
void source_close(struct source **source);

/* Adds the next piece to the spool, if there is one and room for it.  Returns
 * whether there may be more at once. */
bool source_turn(struct source *s);

/* The commit came out so: TL_OK or TL_NO_SPACE (the piece is read again). */
void source_committed(struct source *s, int code);

#endif

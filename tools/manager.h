/* manager.h -- the side of Asterisk's manager interface that is connected to:
 * takes one login and then tells events (Asterisk, "AMI v7"). */

#ifndef TOOLS_MANAGER_H
#define TOOLS_MANAGER_H

#include "base/buf.h"

struct manager {
    int listening, link;        /* -1: none */
};

/* Listens at HOST:PORT (IPv4).  Returns 0, or -1 with errno. */
int manager_open(struct manager *m, const char *address);

/* Waits for somebody and lets him in, whatever his name and secret.  Returns 0,
 * or -1 with errno (ETIMEDOUT: nobody came). */
int manager_login(struct manager *m);

/* Returns 0, or -1 with errno. */
int manager_tell(struct manager *m, const struct buf *text);

/* Says that this was all, and waits until he has read it. */
int manager_end(struct manager *m);

void manager_close(struct manager *m);

#endif

/* keeper.h -- runs a program for the time of a measurement, in a directory of
 * its own.  Neither outlives this process, even if it is killed: a process in
 * between, the keeper, notices, stops the program and removes the directory. */

#ifndef TOOLS_KEEPER_H
#define TOOLS_KEEPER_H

#include <stddef.h>
#include <sys/types.h>

#define KEEPER_WHY_BYTES 512

struct keeper_program {
    const char *const *argv;    /* argv[0] is looked for in $PATH unless it has a slash */
    uid_t uid;                  /* whose the directory is and who runs it; 0: as we are */
    gid_t gid;
    int stop;                   /* the signal that ends it well */
    int crash;                  /* the signal that ends it badly */
};

struct keeper {
    char dir[256];
    pid_t pid;
    int line;           /* to the keeper; closed when we are gone, however that comes */
    pid_t program;
};

enum keeper_end { KEEPER_STOP = 's', KEEPER_CRASH = 'c' };

/* Makes an empty directory in `parent` (NULL: $TMPDIR, else /var/tmp, which is
 * on a disk where /tmp may be memory).  Returns 0, or -1 with a sentence. */
int keeper_make_dir(struct keeper *k, const char *parent, const char *name,
                    char why[KEEPER_WHY_BYTES]);

/* Starts the program; what it says goes to the file `log` in the directory.
 * Call before there are threads.  Returns 0, or -1 with a sentence, and then
 * nothing is left behind. */
int keeper_start(struct keeper *k, const struct keeper_program *p, char why[KEEPER_WHY_BYTES]);

/* Ends the program and starts it again.  Returns 0 or -1: the keeper is gone. */
int keeper_again(struct keeper *k, enum keeper_end end);

/* Stops the program and removes the directory.  Returns 0, or -1 when the
 * program did not end well. */
int keeper_stop(struct keeper *k);

/* Puts the last line of the log behind `what`, when there is one. */
void keeper_quote_log(const struct keeper *k, const char *what, char why[KEEPER_WHY_BYTES]);

/* Writes a sentence with errno.  Returns -1. */
int keeper_complain(char why[KEEPER_WHY_BYTES], const char *what, const char *about);

#endif

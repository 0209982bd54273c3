/* standard.h -- standard input, output and error are there. */

#ifndef STANDARD_H
#define STANDARD_H

/* Whoever was started without one of them gets /dev/null for it, so that none of
 * the files and sockets of the program takes its number and is read or written
 * for it.  Call it before anything is opened. */
void standard_open(void);

#endif

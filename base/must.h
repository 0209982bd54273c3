/* must.h -- our own faults stop the program, in release too. */

#ifndef MUST_H
#define MUST_H

/* Never for what comes from outside. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))

_Noreturn void must_failed(const char *what, const char *file, int line);

#endif

/* undo.h -- what a power loss takes back.
 *
 * Remembers what each change of a file or a directory replaced, until a sync
 * makes the change durable.  A change of a name is durable with the directory
 * it is in.  Not safe to call from two threads at once. */

#ifndef TESTS_FAULT_UNDO_H
#define TESTS_FAULT_UNDO_H

#include <stdint.h>
#include <sys/types.h>

/* What is taken out of the way goes to `stash`, a directory on the same disk. */
void undo_start(const char *stash);

/* To be called before bytes [at, at + len) are written, or with len 0 before the
 * size changes; `size` is that of now. */
void undo_bytes(int fd, off_t at, size_t len, off_t size);
void undo_cut(int fd, off_t to, off_t size);            /* before bytes behind `to` go */

void undo_made(const char *path);                       /* behind open or mkdir */
int undo_rename(const char *from, const char *to);      /* instead of rename */
int undo_remove(const char *path);                      /* instead of unlink or rmdir */

/* Changes made until undo_now() was asked are durable when a sync that began
 * behind it has succeeded. */
uint64_t undo_now(void);
void undo_synced(int fd, uint64_t until);

/* After a sync that failed they never are, whatever is synced later: the kernel has
 * given their pages up. */
void undo_given_up(int fd, uint64_t until);

/* The worst: nothing that was not synced has reached the disk. */
void undo_all(void);

/* Some of it has: pages in any order, names up to some moment. */
void undo_some(uint64_t seed);

#endif

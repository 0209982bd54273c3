/* file.h -- bytes to disk, wholly, and names that survive power loss.
 *
 * Functions return 0, TL_NO_SPACE (also over a quota or a file size limit) or
 * TL_EIO, and leave errno as it was at the failure. */

#ifndef STORE_FILE_H
#define STORE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* What an errno means to the store. */
int file_code(int err);

/* Writes all of it; `*written` (may be NULL) says how far it came. */
int file_write(int fd, const void *bytes, size_t len, uint64_t at, size_t *written);

/* Writes zeros. */
int file_zero(int fd, uint64_t at, uint64_t len);

int file_sync(int fd);

/* A synced file gets its final name in the same directory; durable on return. */
int file_rename(int dir, const char *from, const char *to);

/* Opens a directory, making its last component if it is not there; on return it
 * is there for good. */
int file_open_dir(const char *path, int *dir);

/* Removes what a crash left of files never finished: names that end in `.tmp`. */
int file_remove_unfinished(int dir);

/* Calls `each` for every name in the directory until one returns not 0, which
 * is returned. */
int file_list(int dir, int (*each)(void *arg, const char *name), void *arg);

#endif

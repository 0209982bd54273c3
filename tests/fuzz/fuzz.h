/* fuzz.h -- a target: whatever bytes come, nothing may crash, leak, or break a
 * promise (a must() of the target's own).
 *
 * libFuzzer and AFL++ bring a main() and invent the bytes; replay.c brings one
 * that takes them from the corpus. */

#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

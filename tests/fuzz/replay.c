/* replay.c -- gives a target every file of a folder, in any build, without a
 * fuzzer.  Names each on stderr before, so that a crash tells which it was. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "tests/fuzz/fuzz.h"

/* A block of its own size, so that reading past it is seen. */
static void
replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes;
    long size;

    must(f != NULL && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0);
    rewind(f);
    must((bytes = malloc((size_t)size + (size == 0))) != NULL);
    must(fread(bytes, 1, (size_t)size, f) == (size_t)size);
    fclose(f);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(bytes, (size_t)size);
    free(bytes);
}

int
main(int argc, char **argv)
{
    struct dirent **names;
    char path[1024];
    int count, replayed = 0;

    if (argc != 2 || (count = scandir(argv[1], &names, NULL, alphasort)) < 0) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            replay(path);
            replayed++;
        }
        free(names[i]);
    }
    free(names);
    printf("%d inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}

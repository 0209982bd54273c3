/* golden.h -- real files, and what was checked by reading that they are. */

#ifndef GOLDEN_H
#define GOLDEN_H

#include <dirent.h>

#include "tests/unit/decode.h"

/* Decodes the files of a folder whose names end in one of `endings`, in the
 * order of their names, and compares with `events.jsonl` there. */
static inline void
expect_golden(const char *format, const struct format_options *options, const char *dir,
              const char *const *endings, size_t rejects)
{
    struct decoded all = {0}, d;
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);
    char path[512];

    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const char *const *e = endings;
        size_t len = strlen(entries[i]->d_name);

        while (*e != NULL
               && (len < strlen(*e) || strcmp(entries[i]->d_name + len - strlen(*e), *e) != 0))
            e++;
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        free(entries[i]);
        if (*e == NULL)
            continue;
        struct tl_str bytes = load(path);

        decode(&d, format, options, bytes);
        buf_text(&all.events, text_of_buf(&d.events));
        all.rejects_count += d.rejects_count;
        decoded_free(&d);
        free((char *)(uintptr_t)bytes.ptr);
    }
    free(entries);
    buf_byte(&all.events, 0);
    snprintf(path, sizeof path, "%s/events.jsonl", dir);
    assert_expected(&all, path);
    assert_int_equal(all.rejects_count, rejects);
    decoded_free(&all);
}

/* What bytes are decoded to has that text in it, or has not. */
static inline void
expect_said(const char *format, const struct format_options *options, const char *bytes,
            const char *want, bool there)
{
    struct decoded d;

    decode(&d, format, options, text(bytes));
    if ((strstr(text_of_buf(&d.events), want) != NULL) != there)
        fail_msg("%s in %s", there ? "not there" : "there", text_of_buf(&d.events));
    decoded_free(&d);
}

static inline void
expect_rejected(const char *format, const struct format_options *options, const char *bytes,
                const char *reason)
{
    struct decoded d;

    decode(&d, format, options, text(bytes));
    assert_int_equal(d.rejects_count, 1);
    if (strstr(text_of_buf(&d.rejects), reason) == NULL)
        fail_msg("not there in %s", text_of_buf(&d.rejects));
    decoded_free(&d);
}

#endif

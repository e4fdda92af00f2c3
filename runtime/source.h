/* SPDX-License-Identifier: MIT */
/* The files that a generation is made of: which it has loaded, and what was in them. A reload reads
 * them anew, all at one moment, and the next generation gets what was read then. Belongs to the
 * loop's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_source {
    struct zl_source *next;
    char *path;
    bool exists;
    bool is_data;  /* watched for the script, not loaded as Lua */
    uint64_t hash; /* of the content */
    char *text;    /* the content and a NUL, until it is loaded; NULL afterwards */
    size_t size;   /* bytes of text */
};

/* Zeroed: none. */
struct zl_sources {
    struct zl_source *first;
    size_t count;
};

/* The source at `path` with its text, recorded. The text that a reload has read is handed out once,
 * for `fresh` never: otherwise the file is read now. NULL with errno set when it cannot be read;
 * recorded all the same. The caller gives the text back with zl_source_done. */
struct zl_source *zl_source_load(struct zl_sources *sources, const char *path, bool fresh);
void zl_source_done(struct zl_source *source);

/* Records a file of data with what is in it now. False without memory. */
bool zl_source_watch(struct zl_sources *sources, const char *path);

/* Reads every file of `from` anew into `to`, which is empty. False without memory. */
bool zl_sources_refresh(struct zl_sources *to, const struct zl_sources *from);

/* Adds to `to` what it lacks of `from`, without texts. False without memory. */
bool zl_sources_merge(struct zl_sources *to, const struct zl_sources *from);

/* Forgets files that do not exist. */
void zl_sources_prune(struct zl_sources *sources);

/* Whether the file was another in `before`, or is not in there. */
bool zl_source_is_new(const struct zl_source *source, const struct zl_sources *before);

/* The paths of the files of `now` that are new against `before`, comma-separated, cut at `size`.
 * Returns how many there are. */
size_t zl_sources_compare(const struct zl_sources *now, const struct zl_sources *before, char *out,
                          size_t size);

void zl_sources_fini(struct zl_sources *sources);

/* SPDX-License-Identifier: MIT */
/* The files of a generation: which ones it has loaded, and their contents. A reload reads them
 * again, all at one time, and the next generation gets the texts read then. Belongs to the loop's
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/script/content.h"
#include "runtime/base/table.h"

struct zl_source {
    struct zl_source *next;
    char *path;
    char *module; /* the module name it was required as; NULL = none */
    bool exists;
    bool is_data;          /* a data file: watched, not loaded as Lua */
    bool is_used;          /* loaded or watched by this generation, not just read in advance */
    bool is_new;           /* the text was read in advance and is not loaded yet */
    bool is_served;        /* that text is a previous generation's, not the file's current one */
    bool is_required;      /* loaded by require, in this generation or the previous one */
    bool is_kept;          /* the text is kept after loading */
    uint64_t hash;         /* of the content; for a large data file, of its stamp */
    struct zl_stamp stamp; /* of a data file */
    char *text;            /* the content and a NUL until it is loaded, then NULL */
    size_t size;           /* bytes of text */
    int ahead;             /* number of the function compiled ahead (ahead.h); 0 = none */
};

/* An empty set is zeroed. */
struct zl_sources {
    struct zl_source *first;
    size_t count;
    size_t used;           /* number of used ones */
    bool is_read;          /* texts were read in advance */
    bool keeps;            /* texts are kept, to start the same generation again */
    struct zl_table table; /* by path and by module */
};

/* What a file is loaded for: the script itself, require, or dofile and loadfile. */
enum zl_load { ZL_LOAD_SCRIPT, ZL_LOAD_MODULE, ZL_LOAD_FRESH };

/* Returns the source at `path` with its text, and records it as used. A text read in advance is
 * returned once; to dofile and loadfile, only if it is a previous generation's, otherwise the file
 * is read now. Only the first generation waits for a FIFO or a terminal, and not in require. NULL
 * with errno set (content.h) if it cannot be read; it is recorded nevertheless. The caller releases
 * the text with zl_source_done. */
struct zl_source *zl_source_load(struct zl_sources *sources, const char *path, enum zl_load how);
void zl_source_done(struct zl_source *source);

/* zl_source_name records that the source was required as `module`. zl_source_find_served returns
 * the path that a previous generation required as `module`, while its text is still to be loaded;
 * NULL = none. */
void zl_source_name(struct zl_sources *sources, const char *path, const char *module);
const char *zl_source_find_served(const struct zl_sources *sources, const char *module);

/* Whether the text of `path` was read in advance and is not loaded yet. */
bool zl_source_is_read(const struct zl_sources *sources, const char *path);

/* Records a data file with its current content, see zl_content_hash; one that does not exist is
 * recorded, too. False with errno set (content.h) without memory, or if the path is not a file. */
bool zl_source_watch(struct zl_sources *sources, const char *path);

/* Reads every used file of `from` again, into `to`, which is empty. False without memory. */
bool zl_sources_refresh(struct zl_sources *to, const struct zl_sources *from);

/* Copies the used files of `from`, as they were when loaded, into `to`, which is empty. False
 * without memory. */
bool zl_sources_copy(struct zl_sources *to, const struct zl_sources *from);

/* Moves all files of `from`, with their texts, to `to`, which is empty. */
void zl_sources_take(struct zl_sources *to, struct zl_sources *from);

/* Moves all files of `from`, as used ones without texts, to `to`, which is empty. */
void zl_sources_move(struct zl_sources *to, struct zl_sources *from);

/* Adds the used files of `from` that are missing in `to`, without texts. False without memory. */
bool zl_sources_merge(struct zl_sources *to, const struct zl_sources *from);

/* Removes files that neither exist nor are used. */
void zl_sources_prune(struct zl_sources *sources);

/* Whether its text is only white space. */
bool zl_source_is_blank(const struct zl_source *source);

/* Whether the file is missing in `before`, or differs from it. */
bool zl_source_is_new(const struct zl_source *source, const struct zl_sources *before);

/* Whether `now` contains every used file of `sources`, unchanged. */
bool zl_sources_are_in(const struct zl_sources *sources, const struct zl_sources *now);

/* Writes the paths of the files of `now` that differ from `before`, separated by commas and
 * truncated at `size`. Returns how many there are. */
size_t zl_sources_compare(const struct zl_sources *now, const struct zl_sources *before, char *out,
                          size_t size);

void zl_sources_fini(struct zl_sources *sources);

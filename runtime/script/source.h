/* SPDX-License-Identifier: MIT */
/* The files that a generation is made of: which it has loaded, and what was in them. A reload reads
 * them anew, all at one moment, and the next generation gets what was read then. Belongs to the
 * loop's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/script/content.h"
#include "runtime/base/table.h"

struct zl_source {
    struct zl_source *next;
    char *path;
    char *module; /* as which it was required; NULL for none */
    bool exists;
    bool is_data;     /* watched for the script, not loaded as Lua */
    bool is_used;     /* loaded or watched by the generation itself; else read for it, in case */
    bool is_new;      /* the text was read in advance, and not loaded yet */
    bool is_served;   /* that text is a previous generation's, not what the file holds now */
    bool is_required; /* loaded by require, by this generation or the one before */
    bool is_kept;     /* the text stays when it was loaded */
    uint64_t hash;    /* of the content; of a large data file's stamp */
    struct zl_stamp stamp; /* of a data file */
    char *text;            /* the content and a NUL, until it is loaded; NULL afterwards */
    size_t size;           /* bytes of text */
    int ahead;             /* under which the text is compiled already (ahead.h); 0: it is not */
};

/* Zeroed: none. */
struct zl_sources {
    struct zl_source *first;
    size_t count;
    size_t used;           /* those that are used */
    bool is_read;          /* texts were read in advance */
    bool keeps;            /* texts stay, to make the same generation again */
    struct zl_table table; /* by path, and by module */
};

/* For what a file is loaded: the script itself, require, or dofile and loadfile. */
enum zl_load { ZL_LOAD_SCRIPT, ZL_LOAD_MODULE, ZL_LOAD_FRESH };

/* The source at `path` with its text, recorded as used. A text that was read in advance is handed
 * out once, and to dofile and loadfile only where it is a former generation's: otherwise the file
 * is read now. A FIFO or a terminal is waited for in the first generation alone, and not by
 * require. NULL with errno set (content.h) when it cannot be read; recorded all the same. The
 * caller gives the text back with zl_source_done. */
struct zl_source *zl_source_load(struct zl_sources *sources, const char *path, enum zl_load how);
void zl_source_done(struct zl_source *source);

/* Notes that the source was required as `module`. And the path of the one that a former generation
 * has required so, while its text is to be loaded anew; NULL for none. */
void zl_source_name(struct zl_sources *sources, const char *path, const char *module);
const char *zl_source_find_served(const struct zl_sources *sources, const char *module);

/* Whether the text of `path` was read in advance, and not loaded yet. */
bool zl_source_is_read(const struct zl_sources *sources, const char *path);

/* Records a file of data with what is in it now. One whose size, times and inode are those of
 * before is not read again; a large one never is, and its times stand for its content. One
 * that does not exist is recorded; false with errno set (content.h) without memory, and where the
 * path is no file. */
bool zl_source_watch(struct zl_sources *sources, const char *path);

/* Reads every used file of `from` anew into `to`, which is empty. False without memory. */
bool zl_sources_refresh(struct zl_sources *to, const struct zl_sources *from);

/* The used files of `from` as they were when they were loaded, into `to`, which is empty. False
 * without memory. */
bool zl_sources_copy(struct zl_sources *to, const struct zl_sources *from);

/* Moves all files of `from`, with their texts, to `to`, which is empty. */
void zl_sources_take(struct zl_sources *to, struct zl_sources *from);

/* Moves all files of `from` to `to`, which is empty, as used ones without texts. */
void zl_sources_move(struct zl_sources *to, struct zl_sources *from);

/* Adds to `to` what it lacks of the used files of `from`, without texts. False without memory. */
bool zl_sources_merge(struct zl_sources *to, const struct zl_sources *from);

/* Forgets files that do not exist and that were not asked for. */
void zl_sources_prune(struct zl_sources *sources);

/* Whether there is nothing in its text. */
bool zl_source_is_blank(const struct zl_source *source);

/* Whether the file was another in `before`, or is not in there. */
bool zl_source_is_new(const struct zl_source *source, const struct zl_sources *before);

/* Whether every used file of `sources` is the same in `now`. */
bool zl_sources_are_in(const struct zl_sources *sources, const struct zl_sources *now);

/* The paths of the files of `now` that are new against `before`, comma-separated, cut at `size`.
 * Returns how many there are. */
size_t zl_sources_compare(const struct zl_sources *now, const struct zl_sources *before, char *out,
                          size_t size);

void zl_sources_fini(struct zl_sources *sources);

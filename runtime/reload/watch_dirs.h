/* SPDX-License-Identifier: MIT */
/* The folders on the way to a set of files, symlinks followed, each watched for the names that are
 * looked up in it; what else happens in them goes unnoticed. Runs on libuv (inotify) in the thread
 * of the loop; keeps no loop alive. The storage is the caller's (watch), libuv's part of it not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "runtime/zmq/endpoint.h"

/* Something happened to a name on the way. Called from the loop, many times for one save. */
typedef void zl_watch_dirs_seen(void *arg);

SLIST_HEAD(zl_folder_list, zl_folder);

struct zl_watch_dirs {
    uv_loop_t *uv;
    zl_watch_dirs_seen *seen;
    void *arg;
    struct zl_folder_list list;
    uint64_t drained_at;  /* when events were last handed out, uv_now's clock */
    unsigned int drained; /* how many at that time */
};

void zl_watch_dirs_init(struct zl_watch_dirs *folders, uv_loop_t *uv, zl_watch_dirs_seen *seen,
                        void *arg);

/* Walks to the files (absolute paths, which need not exist) and watches what is on the way now, and
 * nothing else. Who reads the files after this learns of every later change; `seen` is not called
 * for earlier ones. `grown` tells whether a folder is watched that was not before. Not to be called
 * from `seen`.
 *
 * False and `why` (ZL_WHY_MAX bytes, or NULL) when not all can be watched; the others are. */
bool zl_watch_dirs_walk(struct zl_watch_dirs *folders, char *const *paths, size_t count,
                        bool *grown, char *why);

/* Ends all watching; `seen` is not called any more. */
void zl_watch_dirs_fini(struct zl_watch_dirs *folders);

/* SPDX-License-Identifier: MIT */
/* Tells when one of a set of files may have changed: saved in place, replaced by a rename, removed,
 * created, or reached through a symlink or a folder that was. Reading and comparing contents is the
 * caller's. Runs on libuv (inotify) in the thread of the loop given; keeps no loop alive.
 *
 * Inotify does not tell of what other machines write on a network file system, of writes to a
 * mapping or through another hard link, nor of what is mounted over a folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "runtime/zmq/endpoint.h"

struct zl_watch;

/* Called from the loop when files have been quiet for 30 ms, 200 ms after the first change at the
 * latest; a save that takes longer is therefore seen half written first, and once more when it is
 * complete. A call may be for nothing; a change that is not followed by one is a bug. May call
 * zl_watch_set and zl_watch_free. */
typedef void zl_watch_changed(void *arg);

/* Watches nothing yet. NULL and `why` (ZL_WHY_MAX bytes) when memory is short. */
struct zl_watch *zl_watch_new(uv_loop_t *uv, zl_watch_changed *changed, void *arg, char *why);

/* From now on these files are watched, and no others. Neither they nor their folders need exist;
 * order and duplicates do not matter; relative paths start at the current directory of now. The
 * same set again costs no more than comparing it and loses nothing. Another set is followed by one
 * call of `changed`, as its files may have changed after they were read and before this.
 *
 * False and `why` (ZL_WHY_MAX bytes) when not all can be watched: the others are, and the rest is
 * tried again every second. When memory is too short for the list, the old one stays. */
bool zl_watch_set(struct zl_watch *watch, const char *const *paths, size_t count, char *why);

/* Closes its handles; the memory goes when libuv has let go of them. `changed` is not called any
 * more. NULL is allowed. */
void zl_watch_free(struct zl_watch *watch);

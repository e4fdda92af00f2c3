/* SPDX-License-Identifier: MIT */
/* See watch_dirs.h. A path is walked as the kernel does it. Each folder is watched before a name is
 * looked up in it, so that what changes afterwards causes an event. A walk starts from nothing and
 * lets go of the folders of the walk before when it has its own: to a folder that is still the same
 * one, inotify gives the same watch, with the events that wait in it; one that has been replaced,
 * perhaps under the inode number of the old one, gets a watch of its own. */
#include "runtime/reload/watch_dirs.h"
#include "runtime/base/reason.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/table.h"

enum {
    LINKS_MAX = 40, /* as the kernel */
    /* libuv (1.44) drops the notice that the kernel's queue was full. The queue holds 16384 events:
     * so many at once that some may have been lost count as a change. */
    FLOOD = 8192
};

struct name {
    SLIST_ENTRY(name) link;
    char text[];
};

struct zl_folder {
    uv_fs_event_t event;
    struct zl_watch_dirs *owner;
    SLIST_HEAD(, name) names; /* those that matter */
    struct zl_table table;    /* of them */
    SLIST_ENTRY(zl_folder) link;
    int error; /* libuv's, when it cannot be watched */
    bool gone; /* removed or renamed since */
    /* Without symlinks and ending in "/.", which makes inotify refuse what is no folder, and libuv
     * give events of the folder itself the name ".". */
    char path[];
};

/* Where the folder of a path was found, for the next path with the same one. */
struct place {
    const char *path; /* of a file in it; NULL for none */
    size_t length;    /* of the folder's part of it */
    int links;        /* followed on the way */
    char here[PATH_MAX];
};

struct walk {
    struct zl_watch_dirs *owner;
    struct zl_folder_list list; /* the folders passed */
    char *why;                  /* for the first failure; NULL when nobody wants to know */
    bool failed;
    int links;
    char here[PATH_MAX]; /* the folder reached, without symlinks; "" for the root */
    char *rest;          /* what is left of the path, in `text`; NULL at its end */
    char text[2 * PATH_MAX];
    struct place last;
};

static bool is_name(const void *item, const void *text)
{
    return strcmp(((const struct name *)item)->text, text) == 0;
}

static bool has_name(const struct zl_folder *folder, const char *text)
{
    return zl_table_find(&folder->table, zl_table_hash(text, strlen(text)), is_name, text);
}

static bool add_name(struct zl_folder *folder, const char *text)
{
    if (has_name(folder, text))
        return true;
    size_t length = strlen(text);
    struct name *name = malloc(sizeof *name + length + 1);
    if (!name || !zl_table_add(&folder->table, zl_table_hash(text, length), name)) {
        free(name);
        return false;
    }
    memcpy(name->text, text, length + 1);
    SLIST_INSERT_HEAD(&folder->names, name, link);
    return true;
}

/* Whether so many events came at once that others may be lost. uv_now stands still while libuv
 * hands out the queue. */
static bool is_flood(struct zl_watch_dirs *folders)
{
    uint64_t now = uv_now(folders->uv);
    if (folders->drained_at != now)
        folders->drained = 0;
    folders->drained_at = now;
    return ++folders->drained >= FLOOD;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct zl_folder *folder = event->data;
    bool itself = name && strcmp(name, ".") == 0;
    if (itself && (events & UV_RENAME))
        folder->gone = true;
    bool flood = is_flood(folder->owner);
    if (flood || status != 0 || !name || itself || has_name(folder, name))
        folder->owner->seen(folder->owner->arg);
}

static struct zl_folder *open_folder(struct zl_watch_dirs *owner, const char *path)
{
    size_t size = strlen(path) + 1;
    struct zl_folder *folder = calloc(1, sizeof *folder + size);
    if (!folder)
        return NULL;
    memcpy(folder->path, path, size);
    folder->owner = owner;
    uv_fs_event_init(owner->uv, &folder->event);
    uv_unref((uv_handle_t *)&folder->event);
    folder->event.data = folder;
    folder->error = uv_fs_event_start(&folder->event, on_event, path, 0);
    return folder;
}

static void free_folder(uv_handle_t *event)
{
    struct zl_folder *folder = event->data;
    while (!SLIST_EMPTY(&folder->names)) {
        struct name *name = SLIST_FIRST(&folder->names);
        SLIST_REMOVE_HEAD(&folder->names, link);
        free(name);
    }
    zl_table_fini(&folder->table);
    free(folder);
}

static void close_folders(struct zl_folder_list *list)
{
    while (!SLIST_EMPTY(list)) {
        struct zl_folder *folder = SLIST_FIRST(list);
        SLIST_REMOVE_HEAD(list, link);
        uv_close((uv_handle_t *)&folder->event, free_folder);
    }
}

static struct zl_folder *find_folder(const struct zl_folder_list *list, const char *path)
{
    struct zl_folder *folder = SLIST_FIRST(list);
    while (folder && strcmp(folder->path, path) != 0)
        folder = SLIST_NEXT(folder, link);
    return folder;
}

/* Whether a folder is watched that was not before. */
static bool has_grown(const struct zl_folder_list *list, const struct zl_folder_list *before)
{
    const struct zl_folder *folder;
    SLIST_FOREACH(folder, list, link)
    {
        const struct zl_folder *old = find_folder(before, folder->path);
        if (!folder->error && (!old || old->error || old->gone))
            return true;
    }
    return false;
}

static const char *advice(int error)
{
    if (error == UV_ENOSPC)
        return "this user has no inotify watches left; raise their number (sysctl "
               "fs.inotify.max_user_watches=524288) or end programs that watch many files";
    if (error == UV_EACCES)
        return "it may not be read; give this user the right to (chmod +r)";
    if (error != UV_EMFILE)
        return uv_strerror(error);
    int fd = open("/", O_PATH | O_CLOEXEC);
    if (fd < 0)
        return "the process has too many open files; raise their number (ulimit -n)";
    close(fd);
    return "this user has no inotify instances left; raise their number (sysctl "
           "fs.inotify.max_user_instances=1024) or end programs that watch files";
}

static bool fail(struct walk *walk, int error)
{
    if (walk->why && !walk->failed)
        snprintf(walk->why, ZL_WHY_MAX, "cannot watch the folder %.500s: %s",
                 walk->here[0] ? walk->here : "/", advice(error));
    walk->failed = true;
    return false;
}

static struct zl_folder *watch_here(struct walk *walk)
{
    char path[PATH_MAX + 2];
    snprintf(path, sizeof path, "%s/.", walk->here);
    struct zl_folder *folder = find_folder(&walk->list, path);
    if (folder)
        return folder;
    folder = open_folder(walk->owner, path);
    if (folder)
        SLIST_INSERT_HEAD(&walk->list, folder, link);
    return folder;
}

/* A folder that has just vanished caused an event in the one above. One that may be passed but not
 * read (a home of mode 711, say) can do without a watch as long as it is only passed. */
static bool is_missed(const struct zl_folder *folder, bool passed)
{
    return folder->error && folder->error != UV_ENOENT && folder->error != UV_ENOTDIR &&
           !(folder->error == UV_EACCES && passed);
}

static bool follow(struct walk *walk, const char *target)
{
    char text[sizeof walk->text];
    int size = snprintf(text, sizeof text, "%s/%s", target, walk->rest ? walk->rest : "");
    if (walk->links++ >= LINKS_MAX)
        return false;
    if ((size_t)size >= sizeof text)
        return fail(walk, UV_ENAMETOOLONG);
    if (target[0] == '/')
        walk->here[0] = '\0';
    memcpy(walk->text, text, (size_t)size + 1);
    walk->rest = walk->text;
    return true;
}

/* Watches the folder reached for `name`, then goes there. False where the way ends. */
static bool enter(struct walk *walk, const char *name)
{
    char target[PATH_MAX];
    struct zl_folder *folder = watch_here(walk);
    if (!folder || !add_name(folder, name))
        return fail(walk, UV_ENOMEM);
    size_t length = strlen(walk->here);
    if (length + strlen(name) + sizeof "/" > sizeof walk->here)
        return fail(walk, UV_ENAMETOOLONG);
    stpcpy(stpcpy(walk->here + length, "/"), name);
    ssize_t size = readlink(walk->here, target, sizeof target - 1);
    bool is_link = size >= 0, exists = is_link || errno == EINVAL;
    bool passed = exists && !is_link && walk->rest && walk->rest[0];
    walk->here[length] = '\0';
    if (is_missed(folder, passed))
        fail(walk, folder->error);
    if (is_link) {
        target[size] = '\0';
        return follow(walk, target);
    }
    walk->here[length] = '/';
    return exists;
}

static bool step(struct walk *walk, const char *name)
{
    if (name[0] == '\0' || strcmp(name, ".") == 0)
        return true;
    if (strcmp(name, "..") != 0)
        return enter(walk, name);
    char *slash = strrchr(walk->here, '/');
    if (slash)
        *slash = '\0';
    return true;
}

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

/* Begins where the path before has found the same folder: the way there is watched already, so that
 * a change of it since then causes an event. */
static void begin_path(struct walk *walk, const char *path)
{
    const struct place *last = &walk->last;
    size_t length = folder_length(path);
    bool is_known = last->path && last->length == length && memcmp(last->path, path, length) == 0;
    walk->links = is_known ? last->links : 0;
    strcpy(walk->here, is_known ? last->here : "");
    strcpy(walk->text, is_known ? path + length : path);
    walk->rest = walk->text;
}

/* The last name of the path comes next. */
static void note_place(struct walk *walk, const char *path)
{
    walk->last.path = path;
    walk->last.length = folder_length(path);
    walk->last.links = walk->links;
    strcpy(walk->last.here, walk->here);
}

static void walk_path(struct walk *walk, const char *path)
{
    bool is_noted = false, goes_on = true;
    if (strlen(path) >= sizeof walk->text) {
        fail(walk, UV_ENAMETOOLONG);
        return;
    }
    begin_path(walk, path);
    while (goes_on && walk->rest) {
        const char *name = strsep(&walk->rest, "/");
        if (!walk->rest && !is_noted) {
            note_place(walk, path);
            is_noted = true;
        }
        goes_on = step(walk, name);
    }
}

bool zl_watch_dirs_walk(struct zl_watch_dirs *folders, char *const *paths, size_t count,
                        bool *grown, char *why)
{
    struct walk walk = {.owner = folders, .why = why};
    for (size_t i = 0; i < count; i++)
        walk_path(&walk, paths[i]);
    *grown = has_grown(&walk.list, &folders->list);
    close_folders(&folders->list);
    folders->list = walk.list;
    return !walk.failed;
}

void zl_watch_dirs_init(struct zl_watch_dirs *folders, uv_loop_t *uv, zl_watch_dirs_seen *seen,
                        void *arg)
{
    *folders = (struct zl_watch_dirs){.uv = uv, .seen = seen, .arg = arg};
}

void zl_watch_dirs_fini(struct zl_watch_dirs *folders)
{
    close_folders(&folders->list);
}

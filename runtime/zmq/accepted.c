/* SPDX-License-Identifier: MIT */
/* See accepted.h. */
#include "runtime/zmq/accepted.h"

#include <stdlib.h>
#include <sys/stat.h>

void zl_accepted_add(struct zl_accepted *accepted, int fd)
{
    size_t count = accepted->count;
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    if ((count & (count - 1)) == 0) { /* the array is full at each power of two */
        size_t room = count ? count * 2 : 1;
        struct zl_accepted_item *grown = realloc(accepted->items, room * sizeof *grown);
        if (!grown) {
            accepted->is_incomplete = true;
            return;
        }
        accepted->items = grown;
    }
    accepted->items[accepted->count++] = (struct zl_accepted_item){fd, status.st_ino};
}

bool zl_accepted_prune(struct zl_accepted *accepted)
{
    while (accepted->count > 0) {
        const struct zl_accepted_item *last = &accepted->items[accepted->count - 1];
        struct stat status;
        if (fstat(last->fd, &status) == 0 && status.st_ino == last->inode)
            return true;
        accepted->count--;
    }
    return accepted->is_incomplete;
}

void zl_accepted_fini(struct zl_accepted *accepted)
{
    free(accepted->items);
    *accepted = (struct zl_accepted){0};
}

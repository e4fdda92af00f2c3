/* SPDX-License-Identifier: MIT */
/* See luv_servers.h. A duplicated descriptor shares the queue of pending connections; a parked
 * inner loop is not polled, so it accepts none of them. */
#include "runtime/script/luv_servers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

struct search {
    uv_handle_type type;
    const struct sockaddr *address;
    uv_os_fd_t found; /* -1 until found */
    uv_handle_t *handle;
    const uv_handle_t *except; /* may be NULL */
};

static bool is_same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;
        return x->sin_port != 0 && x->sin_port == y->sin_port &&
               x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;
        return x->sin6_port != 0 && x->sin6_port == y->sin6_port &&
               x->sin6_scope_id == y->sin6_scope_id &&
               memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0;
    }
    const struct sockaddr_un *x = (const void *)a, *y = (const void *)b;
    return a->sa_family == AF_UNIX && *x->sun_path &&
           strncmp(x->sun_path, y->sun_path, sizeof x->sun_path) == 0;
}

/* An accepted connection has its server's address too, but does not listen. */
static bool is_listening(uv_os_fd_t fd)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

static void compare(uv_handle_t *handle, void *arg)
{
    struct search *search = arg;
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    uv_os_fd_t fd;
    if (search->handle || handle == search->except || handle->type != search->type ||
        uv_is_closing(handle) || uv_fileno(handle, &fd) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        !is_same_address((struct sockaddr *)&address, search->address))
        return;
    if (handle->type != UV_UDP && !is_listening(fd))
        return;
    search->found = fd;
    search->handle = handle;
}

static bool find(struct zl_luv_loop *luv_loop, struct search *search)
{
    uv_walk(&luv_loop->inner, compare, search);
    return search->handle != NULL;
}

/* If the script has unlinked the path in order to bind it again, clients can no longer reach the
 * old socket. */
static bool is_path_there(const struct sockaddr *address)
{
    struct stat status;
    return address->sa_family != AF_UNIX ||
           (stat(((const struct sockaddr_un *)(const void *)address)->sun_path, &status) == 0 &&
            S_ISSOCK(status.st_mode));
}

int zl_luv_servers_share(struct zl_luv_loop *own, uv_handle_type type,
                         const struct sockaddr *address)
{
    struct search search = {.type = type, .address = address, .found = -1};
    if (find(own, &search) || !is_path_there(address))
        return -1;
    struct zl_luv_loop *other;
    TAILQ_FOREACH(other, own->list, link)
    {
        if (other->is_parked && find(other, &search))
            return fcntl(search.found, F_DUPFD_CLOEXEC, 3);
    }
    return -1;
}

static void pass_path_on(struct zl_luv_loop *own, uv_pipe_t *pipe)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct search search = {.type = UV_NAMED_PIPE,
                            .address = (struct sockaddr *)&address,
                            .found = -1,
                            .except = (uv_handle_t *)pipe};
    if (!pipe->pipe_fname)
        return;
    strncpy(address.sun_path, pipe->pipe_fname, sizeof address.sun_path - 1);
    struct zl_luv_loop *other;
    TAILQ_FOREACH(other, own->list, link)
    {
        if (other->is_cut || other == own || !find(other, &search))
            continue;
        uv_pipe_t *heir = (uv_pipe_t *)search.handle;
        if (heir->pipe_fname) /* it has bound the path again */
            free((void *)pipe->pipe_fname);
        else
            heir->pipe_fname = pipe->pipe_fname;
        pipe->pipe_fname = NULL;
        return;
    }
}

static void pass_on(uv_handle_t *handle, void *own)
{
    if (handle->type == UV_NAMED_PIPE && !uv_is_closing(handle))
        pass_path_on(own, (uv_pipe_t *)handle);
}

void zl_luv_servers_pass_paths_on(struct zl_luv_loop *own)
{
    uv_walk(&own->inner, pass_on, own);
}

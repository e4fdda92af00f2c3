/* SPDX-License-Identifier: MIT */
/* See streams.h. */
#include "runtime/socket/streams.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/socket/socket.h"

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

/* --- looking --------------------------------------------------------------------------------- */

static bool read_ip(const union address *from, unsigned char *address, uint16_t *port)
{
    if (from->any.sa_family == AF_INET) {
        memset(address, 0, 10);
        memset(address + 10, 0xff, 2);
        memcpy(address + 12, &from->in.sin_addr, 4);
        *port = ntohs(from->in.sin_port);
        return true;
    }
    if (from->any.sa_family != AF_INET6)
        return false;
    memcpy(address, &from->in6.sin6_addr, 16);
    *port = ntohs(from->in6.sin6_port);
    return true;
}

/* The accepting end has the path; what connects has none, and its peer's path is taken. */
static void read_path(const union address *from, socklen_t size, char *path, size_t room)
{
    size_t length = size > offsetof(struct sockaddr_un, sun_path)
                        ? size - offsetof(struct sockaddr_un, sun_path)
                        : 0;
    path[0] = '\0';
    if (length == 0)
        return;
    bool is_abstract = from->un.sun_path[0] == '\0';
    length = is_abstract ? length - 1 : strnlen(from->un.sun_path, length);
    snprintf(path, room, "%s%.*s", is_abstract ? "@" : "", (int)length,
             from->un.sun_path + is_abstract);
}

static bool read_ends(int fd, struct zl_stream *peer)
{
    union address near, far;
    socklen_t near_size = sizeof near, far_size = sizeof far;
    if (getsockname(fd, &near.any, &near_size) != 0)
        return false;
    bool is_connected = getpeername(fd, &far.any, &far_size) == 0;
    if (!peer->listens && !is_connected)
        return false;
    peer->is_tcp = read_ip(&near, peer->address, &peer->port);
    if (peer->is_tcp)
        return peer->listens || read_ip(&far, peer->far_address, &peer->far_port);
    if (near.any.sa_family != AF_UNIX)
        return false;
    read_path(&near, near_size, peer->path, sizeof peer->path);
    if (!peer->path[0] && is_connected)
        read_path(&far, far_size, peer->path, sizeof peer->path);
    struct ucred credentials = {0};
    socklen_t size = sizeof credentials;
    peer->is_own = is_connected &&
                   getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 &&
                   credentials.pid == getpid();
    return peer->path[0] != '\0';
}

static bool look(int fd, struct zl_stream *peer)
{
    int type = 0, listens = 0;
    socklen_t size = sizeof type;
    struct stat status;
    *peer = (struct zl_stream){.fd = fd};
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return false;
    size = sizeof listens;
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
    peer->listens = listens != 0;
    if (fstat(fd, &status) != 0)
        return false;
    peer->inode = status.st_ino;
    return read_ends(fd, peer);
}

int zl_streams_duplicate(const struct zl_stream *peer)
{
    struct stat status;
    int fd = fcntl(peer->fd, F_DUPFD_CLOEXEC, 3);
    if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_ino != peer->inode)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void add(struct zl_streams *peers, const struct zl_stream *peer)
{
    size_t count = peers->count;
    if ((count & (count - 1)) == 0) { /* full at each power of two */
        struct zl_stream *grown = realloc(peers->items, (count ? count * 2 : 1) * sizeof *grown);
        if (!grown)
            return;
        peers->items = grown;
    }
    peers->items[peers->count++] = *peer;
}

void zl_streams_find(struct zl_streams *out)
{
    *out = (struct zl_streams){0};
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        struct zl_stream peer;
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0' && look((int)fd, &peer))
            add(out, &peer);
    }
    if (folder)
        closedir(folder);
}

void zl_streams_fini(struct zl_streams *peers)
{
    free(peers->items);
    *peers = (struct zl_streams){0};
}

const struct zl_streams *zl_streams_current(struct zl_hub *hub)
{
    static const struct zl_streams none;
    if (!hub->streams && (hub->streams = malloc(sizeof *hub->streams)))
        zl_streams_find(hub->streams);
    return hub->streams ? hub->streams : &none;
}

void zl_streams_expire(struct zl_hub *hub)
{
    if (hub->streams)
        zl_streams_fini(hub->streams);
    free(hub->streams);
    hub->streams = NULL;
}

/* --- choosing -------------------------------------------------------------------------------- */

/* Whether the address is the one of "tcp://host:port". What libzmq has bound is in digits; a name
 * that is connected to is not looked up, and is taken for every address with its port. */
static bool has_host(const char *host, size_t size, const unsigned char *address)
{
    static const unsigned char any4[4], any6[16];
    char text[INET6_ADDRSTRLEN];
    unsigned char wanted[16];
    if (size > 1 && host[0] == '[' && host[size - 1] == ']')
        host++, size -= 2;
    size_t plain = 0;
    while (plain < size && host[plain] != '%')
        plain++;
    if (plain >= sizeof text)
        return true;
    memcpy(text, host, plain);
    text[plain] = '\0';
    if (inet_pton(AF_INET, text, wanted) == 1)
        return memcmp(wanted, any4, 4) == 0 || memcmp(wanted, address + 12, 4) == 0;
    if (inet_pton(AF_INET6, text, wanted) == 1)
        return memcmp(wanted, any6, 16) == 0 || memcmp(wanted, address, 16) == 0;
    return true;
}

/* An endpoint, taken apart. */
struct place {
    bool is_bound;
    long port; /* tcp; 0 for ipc */
    const char *host;
    size_t host_size;
    const char *path; /* ipc */
};

static struct place place_of(const struct zl_endpoint_entry *entry)
{
    static const char tcp[] = "tcp://", ipc[] = "ipc://";
    struct place place = {.is_bound = entry->bound, .port = -1, .path = ""};
    const char *text = entry->text, *colon = strrchr(text, ':');
    if (strncmp(text, ipc, sizeof ipc - 1) == 0) {
        place.port = 0;
        place.path = text + sizeof ipc - 1;
    } else if (strncmp(text, tcp, sizeof tcp - 1) == 0) {
        place.host = text + sizeof tcp - 1;
        place.host_size = (size_t)(colon - place.host);
        place.port = strtol(colon + 1, NULL, 10);
    }
    return place;
}

static bool is_of(const struct place *place, const struct zl_stream *peer)
{
    if (!peer->is_tcp)
        return place->port == 0 && strcmp(place->path, peer->path) == 0;
    if (place->is_bound)
        return place->port == peer->port && has_host(place->host, place->host_size, peer->address);
    return place->port == peer->far_port && !peer->listens &&
           has_host(place->host, place->host_size, peer->far_address);
}

/* Whether the other end of a TCP connection is among `all`. */
static bool is_own(const struct zl_streams *all, const struct zl_stream *peer)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct zl_stream *other = &all->items[i];
        if (other->far_port == peer->port && other->port == peer->far_port && !other->listens &&
            memcmp(other->address, peer->far_address, sizeof other->address) == 0)
            return true;
    }
    return false;
}

/* Whether anything in this process is connected to the port: most often nothing is, and then no
 * connection has both its ends here. */
static bool is_connected_to(const struct zl_streams *all, uint16_t port)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].far_port == port && port != 0)
            return true;
    return false;
}

void zl_streams_select(const struct zl_streams *all, const struct zl_socket *socket,
                       struct zl_streams *out)
{
    const struct zl_endpoint_entry *entry;
    *out = (struct zl_streams){0};
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        struct place place = place_of(entry);
        uint16_t port = 0; /* asked about last */
        bool has_own = false;
        for (size_t i = 0; i < all->count; i++) {
            struct zl_stream peer = all->items[i];
            if (!is_of(&place, &peer))
                continue;
            if (peer.is_tcp && !peer.listens) {
                if (peer.port != port)
                    has_own = is_connected_to(all, peer.port);
                port = peer.port;
                peer.is_own = has_own && is_own(all, &peer);
            }
            peer.is_accepted = entry->bound;
            add(out, &peer);
        }
    }
}

bool zl_streams_merge(struct zl_streams *peers, const struct zl_streams *found)
{
    size_t known = peers->count;
    bool is_new = false;
    for (size_t i = 0; i < found->count; i++) {
        const struct zl_stream *peer = &found->items[i];
        size_t j = 0;
        while (j < known && peers->items[j].inode != peer->inode)
            j++;
        if (j < known)
            continue;
        add(peers, peer);
        is_new |= !peer->listens && !peer->is_own;
    }
    peers->is_looked_up &= !is_new;
    return is_new;
}

/* --- acting ---------------------------------------------------------------------------------- */

size_t zl_streams_left(struct zl_streams *peers)
{
    size_t left = 0, kept = 0;
    for (size_t i = 0; i < peers->count; i++) {
        const struct zl_stream *peer = &peers->items[i];
        struct stat status;
        if (fstat(peer->fd, &status) != 0 || status.st_ino != peer->inode)
            continue;
        left += !peer->listens && !peer->is_own && !peer->is_given_up;
        peers->items[kept++] = *peer;
    }
    peers->count = kept;
    return left;
}

/* SPDX-License-Identifier: MIT */
/* The connections of a socket as the kernel has them: libzmq has no call that ends the intake of a
 * socket without losing what is on its way, so it is done on the descriptors. They belong to
 * libzmq's I/O threads, which may close them at any moment: each is looked at, and acted on,
 * through a duplicate, and recognized by its inode. Linux, for TCP and ipc. Used on the loop's
 * thread while the process stops; never raises. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct zl_hub;
struct zl_socket;

/* What is known of the other end of a connection, see farend.h. */
enum zl_far_end { ZL_FAR_UNKNOWN, ZL_FAR_OPEN, ZL_FAR_CLOSED };

struct zl_stream {
    int fd;
    ino_t inode;
    bool is_tcp;
    bool listens;                               /* accepts connections: no peer */
    bool is_accepted;                           /* at a bound endpoint */
    bool is_own;                                /* the other end is in this process */
    uint64_t received;                          /* tcp, bytes when it was (to be) asked first */
    bool is_asked;                              /* asked to send no more, or has closed its end */
    bool is_given_up;                           /* not waited for any more */
    enum zl_far_end far_end;                    /* tcp */
    uint16_t port;                              /* tcp, this end's */
    uint16_t far_port;                          /* tcp, the other end's */
    unsigned char address[16], far_address[16]; /* tcp; IPv4 as an IPv6-mapped address */
    char path[108]; /* ipc; an abstract name without its NUL, as "@name" */
};

struct zl_streams {
    struct zl_stream *items;
    size_t count;
    bool is_looked_up; /* their far ends */
};

/* Every stream socket of the process that listens or is connected. Without memory or /proc, fewer
 * or none. */
void zl_streams_find(struct zl_streams *out);
void zl_streams_fini(struct zl_streams *peers);

/* The same for the hub, looked up once and kept until they are expired. */
const struct zl_streams *zl_streams_current(struct zl_hub *hub);
void zl_streams_expire(struct zl_hub *hub);

/* A duplicate of the descriptor while it still is the same connection; -1 otherwise. */
int zl_streams_duplicate(const struct zl_stream *peer);

/* Those of `all` that belong to the endpoints of the socket. */
void zl_streams_select(const struct zl_streams *all, const struct zl_socket *socket,
                       struct zl_streams *out);

/* Adds those that are not known yet. Whether there are any to reckon with. */
bool zl_streams_merge(struct zl_streams *peers, const struct zl_streams *found);

/* Drops from the list what libzmq has closed; how many connections are left, those within the
 * process, and given up, apart. */
size_t zl_streams_left(struct zl_streams *peers);

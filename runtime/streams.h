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

struct zl_socket;

struct zl_stream {
    int fd;
    ino_t inode;
    bool is_tcp;
    bool listens;                               /* accepts connections: no peer */
    bool is_accepted;                           /* at a bound endpoint */
    bool is_own;                                /* the other end is in this process */
    uint64_t received;                          /* tcp, bytes when it was (to be) asked first */
    bool is_asked;                              /* asked to send no more */
    uint16_t port;                              /* tcp, this end's */
    uint16_t far_port;                          /* tcp, the other end's */
    unsigned char address[16], far_address[16]; /* tcp; IPv4 as an IPv6-mapped address */
    char path[108]; /* ipc; an abstract name without its NUL, as "@name" */
};

struct zl_streams {
    struct zl_stream *items;
    size_t count;
};

/* Every stream socket of the process that listens or is connected. Without memory or /proc, fewer
 * or none. */
void zl_streams_find(struct zl_streams *out);
void zl_streams_fini(struct zl_streams *peers);

/* A duplicate of the descriptor while it still is the same connection; -1 otherwise. */
int zl_stream_duplicate(const struct zl_stream *peer);

/* Those of `all` that belong to the endpoints of the socket. */
void zl_streams_select(const struct zl_streams *all, const struct zl_socket *socket,
                       struct zl_streams *out);

/* Adds those that are not known yet. Whether there are any to reckon with. */
bool zl_streams_merge(struct zl_streams *peers, const struct zl_streams *found);

/* No new connection is made to the listening ones; those that were made stay. */
void zl_streams_refuse_new(const struct zl_streams *peers);

/* Whether the peer keeps what it has not written when it is asked to hold: over ipc the end of a
 * connection loses it, and what is connected, not accepted, connects anew meanwhile. */
bool zl_stream_may_hold(const struct zl_stream *peer);

/* Asks the peers that may hold to close their connections: by a ZMTP PING whose time to live is
 * over in 100 ms. For the NULL mechanism, without ZMTP heartbeats, and for a socket that writes
 * nothing. A peer that is not through its handshake yet is asked by the next call; so is, unless
 * `all` are to be asked, one that may have left and has more to be read: how many these are. */
size_t zl_streams_ask_to_hold(struct zl_streams *peers, bool all);

/* Ends the connections' outgoing direction: their peers close them at once. `all`, or those that
 * may not hold. */
void zl_streams_shut(struct zl_streams *peers, bool all);

/* Drops from the list what libzmq has closed; how many connections are left, those within the
 * process apart. */
size_t zl_streams_left(struct zl_streams *peers);

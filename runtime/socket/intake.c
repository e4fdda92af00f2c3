/* SPDX-License-Identifier: MIT */
/* See intake.h. How an intake ends depends on who sends.
 *
 * A pull's peers over TCP are asked to close their connections within 100 ms, which makes them keep
 * what they have not written (holdback.h). Until then tasks receive as always, so that a full queue
 * goes on holding the senders back: what is read ahead makes room for more, and what is never
 * handled is better left with its sender. Then what is on its way is read into memory, until
 * libzmq has closed every connection. An ipc peer loses what it writes after its connection is
 * closed, and libzmq what it has not read while its queue is full: there the outgoing direction is
 * shut, and everything is read at once.
 *
 * A reply or a pair reads without sending until no more comes: who asks gets no answer meanwhile,
 * and asks nothing new. Its connections stay, for the replies. A sub reads what is there.
 *
 * A connection from this process, inproc too, is never cut: what its sender still sends is handled,
 * and all is over when every task rests. */
#include "runtime/socket/intake.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/binding.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/ffi.h"
#include "runtime/socket/streams.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/holdback.h"
#include "runtime/socket/take.h"

enum { MS = 1000000 };

/* When a peer should have closed its connection; when one that has not, and sends nothing, is shut;
 * when one that goes on sending is; and how long after that each of them, if it has not closed even
 * then, is left. The time in which what was sent before is read does not count. */
enum { HELD_NS = 120 * MS, SHUT_NS = 1000 * MS, FLOOD_NS = 1600 * MS };
enum { SILENT_NS = 100 * MS, STALLED_NS = 500 * MS };

/* A peer on another machine that has more to be read is asked to hold after this part of the drain
 * time, whatever it has sent. If it has left, what it had sent is lost then. */
enum { PATIENCE_PART = 4 };

/* A dialogue has come to rest; it never will; an I/O thread that does not read what has arrived for
 * it is not waited for any more. */
enum { QUIET_NS = 10 * MS, RESTLESS_NS = 100 * MS, STARVED_NS = 1000 * MS };

/* So long one socket is read at a time; so long, at most, the peers that may not hold are read. */
enum { SHORT_NS = 2 * MS, READ_NS = 20 * MS, SHUT_READ_NS = 50 * MS };

struct zl_intake {
    struct zl_streams peers;
    uint64_t opened;      /* the first turn */
    uint64_t begun, last; /* when it began; when a message was read last */
    uint64_t behind;      /* when something that peers had sent before was still to be read */
    bool is_own;          /* something in this process sends to it */
    bool is_dialogue;     /* reads without sending until it is quiet */
    uint64_t shut_at;     /* how long peers had not answered then; 0 while they are not shut */
    bool had_peers;
    bool was_empty;  /* in the turn before, with no connection left */
    bool is_checked; /* for connections that were being made when it began */
};

/* --- reading ahead --------------------------------------------------------------------------- */

/* Reads what there is, for at most `most` nanoseconds. Whether there is nothing more. */
static bool read_ahead(struct zl_socket *socket, uint64_t most)
{
    uint64_t until = zl_clock_now() + most;
    for (unsigned i = 1;; i++) {
        int32_t taken = zl_take_ahead(socket);
        if (taken < 0)
            return true;
        socket->intake->last = zl_clock_now();
        if ((taken == 0 || i % 64 == 0) && socket->intake->last >= until)
            return false;
    }
}

static void cut(struct zl_socket *socket)
{
    socket->is_cut = true;
    socket->holds_output = false;
    if (!socket->intake->is_dialogue)
        zl_binding_unlink(socket);
    zl_waitq_mark_dirty(socket);
}

/* --- one socket ------------------------------------------------------------------------------ */

/* Shuts the connections, all or those whose peers may not hold, and reads what they bring as it
 * comes: when libzmq finds a connection closed while its queue is full, it drops what it has not
 * read. */
static void shut(struct zl_socket *socket, bool all)
{
    enum { SPINS = 1000 };
    const struct timespec moment = {.tv_nsec = 50000};
    struct zl_intake *intake = socket->intake;
    read_ahead(socket, SHORT_NS);
    zl_holdback_shut(&intake->peers, all);
    uint64_t until = zl_clock_now() + SHUT_READ_NS;
    for (int i = 0; zl_clock_now() < until && zl_streams_left(&intake->peers) > 0; i++) {
        read_ahead(socket, SHORT_NS);
        if (i > SPINS)
            nanosleep(&moment, NULL);
    }
}

static bool has_abrupt(const struct zl_intake *intake)
{
    for (size_t i = 0; i < intake->peers.count; i++)
        if (!zl_holdback_may_ask(&intake->peers.items[i]) && !intake->peers.items[i].listens &&
            !intake->peers.items[i].is_own)
            return true;
    return false;
}

/* Whether there are connections that the kernel had made, and libzmq had not accepted yet, when the
 * intake began: they are treated as the others are. */
static bool has_latecomers(struct zl_socket *socket)
{
    struct zl_intake *intake = socket->intake;
    struct zl_streams found;
    if (intake->is_checked)
        return false;
    intake->is_checked = true;
    zl_streams_select(zl_streams_current(socket->hub), socket, &found);
    bool has_any = zl_streams_merge(&intake->peers, &found);
    zl_streams_fini(&found);
    if (!has_any)
        return false;
    intake->had_peers = true;
    intake->was_empty = false;
    intake->begun = zl_clock_now();
    zl_holdback_ask(&intake->peers, false);
    if (has_abrupt(intake))
        shut(socket, false);
    return true;
}

/* How long the peers have had nothing on its way any more, and not closed their connections. */
static uint64_t unanswered_for(struct zl_intake *intake)
{
    uint64_t now = zl_clock_now();
    if (zl_holdback_is_behind(&intake->peers))
        intake->behind = now;
    return now - (intake->behind > intake->begun ? intake->behind : intake->begun);
}

/* Whether all that is on its way has come. */
static bool is_dry(struct zl_socket *socket)
{
    struct zl_intake *intake = socket->intake;
    uint64_t age = zl_clock_now() - intake->begun;
    size_t left = zl_streams_left(&intake->peers);
    double patience = socket->hub->drain_timeout * 1e9 / PATIENCE_PART;
    bool all = (double)(zl_clock_now() - intake->opened) >= patience;
    if (zl_holdback_ask(&intake->peers, all) > 0) {
        intake->begun = zl_clock_now();
        return false;
    }
    if (left > 0 && age < HELD_NS)
        return false;
    zl_holdback_give_up_beginners(&intake->peers);
    left = zl_streams_left(&intake->peers);
    age = left > 0 ? unanswered_for(intake) : age;
    bool is_empty = read_ahead(socket, READ_NS);
    if (left > 0 && intake->shut_at == 0 && age >= (is_empty ? SHUT_NS : FLOOD_NS)) {
        shut(socket, true);
        intake->shut_at = age;
    }
    if (left > 0 &&
        (intake->shut_at == 0 || age < intake->shut_at + (is_empty ? SILENT_NS : STALLED_NS)))
        return false;
    /* The I/O thread closes a connection after it has handed over what it read; what it handed over
     * is seen by the next reading at the latest. */
    bool was_empty = intake->was_empty || !intake->had_peers;
    intake->was_empty = is_empty;
    return is_empty && was_empty && !has_latecomers(socket);
}

/* Whether connections are there that were not when the intake began. */
static bool has_unknown(struct zl_socket *socket)
{
    struct zl_streams found;
    if (socket->intake->is_checked)
        return false;
    socket->intake->is_checked = true;
    zl_streams_select(zl_streams_current(socket->hub), socket, &found);
    bool has_any = zl_streams_merge(&socket->intake->peers, &found);
    zl_streams_fini(&found);
    return has_any;
}

/* What has arrived is read, however late the I/O thread comes to it. A peer in the middle of its
 * handshake is about to ask, but may also say nothing. */
static bool is_quiet(struct zl_socket *socket)
{
    struct zl_intake *intake = socket->intake;
    bool is_empty = read_ahead(socket, READ_NS);
    uint64_t now = zl_clock_now(), age = now - intake->begun;
    if (now - intake->last < QUIET_NS && zl_streams_left(&intake->peers) > 0)
        return age >= RESTLESS_NS;
    bool is_unread = zl_holdback_has_unread(&intake->peers);
    bool is_new = has_unknown(socket) || zl_holdback_has_beginners(&intake->peers);
    if ((is_unread && age < STARVED_NS) || (is_new && age < RESTLESS_NS)) {
        intake->last = now;
        return false;
    }
    return is_empty || age >= RESTLESS_NS;
}

bool zl_intake_move_on(struct zl_socket *socket)
{
    struct zl_intake *intake = socket->intake;
    if (socket->is_cut || intake->is_own)
        return true;
    bool is_over;
    if (socket->pattern->id == ZL_SUB)
        is_over = read_ahead(socket, READ_NS) || zl_clock_now() - intake->begun >= RESTLESS_NS;
    else
        is_over = intake->is_dialogue ? is_quiet(socket) : is_dry(socket);
    if (is_over)
        cut(socket);
    return is_over;
}

static bool sends_itself(const struct zl_socket *socket, const struct zl_intake *intake)
{
    for (size_t i = 0; i < intake->peers.count; i++)
        if (intake->peers.items[i].is_own)
            return true;
    return zl_endpoints_have_inproc(socket);
}

void zl_intake_begin(struct zl_socket *socket, const struct zl_streams *all)
{
    struct zl_intake *intake = calloc(1, sizeof *intake);
    if (!intake)
        return;
    socket->intake = intake;
    zl_streams_select(all, socket, &intake->peers);
    intake->opened = intake->begun = intake->last = zl_clock_now();
    intake->is_own = sends_itself(socket, intake);
    intake->is_dialogue = socket->pattern->sends;
    socket->holds_output = intake->is_dialogue && !intake->is_own;
    intake->had_peers = zl_streams_left(&intake->peers) > 0;
    zl_holdback_refuse_new(&intake->peers);
    if (socket->pattern->id != ZL_PULL)
        return;
    zl_holdback_ask(&intake->peers, false);
    if (has_abrupt(intake))
        shut(socket, false);
}

void zl_intake_forget(struct zl_socket *socket)
{
    if (!socket->intake)
        return;
    zl_streams_fini(&socket->intake->peers);
    free(socket->intake);
    socket->intake = NULL;
}

/* --- what is left ---------------------------------------------------------------------------- */

/* What libzmq has, and what its I/O thread reads meanwhile: a full queue holds it back, with up to
 * 8 KiB of messages already taken from the kernel. */
static void read_left(struct zl_socket *socket)
{
    enum { LOOK_NS = 50 * MS, LAST_NS = 5 * MS };
    const struct timespec moment = {.tv_nsec = 100000};
    struct zl_streams found;
    uint64_t now = zl_clock_now(), until = now + LOOK_NS, last = 0;
    zl_streams_select(zl_streams_current(socket->hub), socket, &found);
    for (; now < until; now = zl_clock_now()) {
        if (zl_take_ahead(socket) >= 0) {
            last = now;
            continue;
        }
        if (now - last >= LAST_NS && !zl_holdback_has_unread(&found))
            break;
        nanosleep(&moment, NULL);
    }
    zl_streams_fini(&found);
}

uint64_t zl_intake_count_left(struct zl_socket *socket)
{
    const struct zl_delivery *delivery;
    uint64_t count = 0;
    if (!socket->is_cut)
        read_left(socket);
    STAILQ_FOREACH(delivery, &socket->again, link)
    count += delivery->is_ahead;
    return count;
}

bool zl_intake_is_own(struct zl_socket *socket)
{
    struct zl_intake intake = {0};
    if (socket->intake)
        return socket->intake->is_own;
    zl_streams_select(zl_streams_current(socket->hub), socket, &intake.peers);
    bool is_own = sends_itself(socket, &intake);
    zl_streams_fini(&intake.peers);
    return is_own;
}

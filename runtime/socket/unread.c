/* SPDX-License-Identifier: MIT */
/* See unread.h. The hub's recvbuf may hold a message on its way into Lua: this reads into its own.
 */
#include "runtime/socket/unread.h"

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/socket/binding.h"
#include "runtime/socket/endpoints.h"
#include "runtime/zmq/call.h"

/* Where the body begins in a message of `count` frames. */
static unsigned find_body(const struct zl_socket *socket, zmq_msg_t *frames, unsigned count)
{
    unsigned i = 1;
    if (socket->pattern->id != ZL_REPLY)
        return 0;
    while (i < count && zmq_msg_size(&frames[i]) > 0)
        i++;
    return i + 1 < count ? i + 1 : 0;
}

struct zl_unread zl_unread_read(struct zl_socket *socket)
{
    const uint64_t most_ns = 500000000;
    struct zl_hub *hub = socket->hub;
    struct zl_recvbuf recvbuf = {.room = 0};
    struct zl_unread rest = {0, 0, false};
    uint64_t until = zl_clock_now() + most_ns;
    int32_t count;
    if (!socket->pattern->hands_out)
        return rest;
    if (!socket->pattern->sends)
        zl_binding_release_bound(socket);
    while (!rest.more && (count = zl_recvbuf_receive(&recvbuf, socket->zmq, 0)) >= 0) {
        unsigned body = count > 0 ? find_body(socket, recvbuf.messages, (unsigned)count) : 0;
        rest.count++;
        if (count > 0 && hub->redelivery.keeps_dead)
            rest.kept += zl_deadletter_write(&hub->redelivery.dead_letter, recvbuf.messages + body,
                                             (unsigned)count - body);
        rest.more = rest.count % 64 == 0 && zl_clock_now() > until;
    }
    zl_recvbuf_fini(&recvbuf);
    return rest;
}

void zl_unread_report(struct zl_socket *socket)
{
    char name[ZL_ENDPOINT_MAX];
    if (!socket->zmq || socket->previous || socket->pattern->id == ZL_SUB)
        return;
    zl_endpoints_describe(socket, name, sizeof name);
    struct zl_unread rest = zl_unread_read(socket);
    if (rest.count > 0)
        zl_log_later(ZL_WARN, "",
                     "%s at %s was closed with %lu%s messages that it had received and nobody has "
                     "read; %lu of them are in the dead letters, the others are lost",
                     socket->pattern->name, name, rest.count, rest.more ? " or more" : "",
                     rest.kept);
}

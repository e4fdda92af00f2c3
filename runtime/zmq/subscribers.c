/* SPDX-License-Identifier: MIT */
/* See subscribers.h. An XPUB with ZMQ_XPUB_VERBOSER passes up whatever a peer sends, including
 * duplicate subscriptions and cancellations of topics never subscribed to. After a peer has left,
 * it passes up one cancellation per topic that the peer held, without naming the peer (libzmq
 * 4.3.4). All other messages carry the metadata of their connection: its descriptor as text, whose
 * address is unique as long as a message refers to it.
 *
 * So the topics of a peer are known only while it is connected. The cancellations for peers that
 * have left are merely counted, until a new connection reuses the descriptor or no subscription is
 * left. */
#include "runtime/zmq/subscribers.h"

#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct zl_peer {
    const char *identity;
    zmq_msg_t keeper; /* keeps `identity` alive */
    void *topics;     /* a tree of struct topic */
    long count;
};

struct topic {
    size_t size;
    const unsigned char *bytes;
    unsigned char copy[];
};

enum { MOST_DESCRIPTORS = 1 << 20 };

static int compare(const void *a, const void *b)
{
    const struct topic *left = a, *right = b;
    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return memcmp(left->bytes, right->bytes, left->size);
}

long zl_subscribers_count(const struct zl_subscribers *subscribers)
{
    return subscribers->held + subscribers->anonymous - subscribers->gone;
}

/* --- peers ----------------------------------------------------------------------------------- */

/* Removes a peer that has left. The cancellations for its topics have arrived or will, so the total
 * stays the same. */
static void remove_peer(struct zl_subscribers *subscribers, struct zl_peer *peer)
{
    if (!peer)
        return;
    subscribers->held -= peer->count;
    subscribers->gone -= peer->count;
    tdestroy(peer->topics, free);
    zmq_msg_close(&peer->keeper);
    free(peer);
}

static void clear(struct zl_subscribers *subscribers)
{
    for (unsigned i = 0; i < subscribers->room; i++) {
        remove_peer(subscribers, subscribers->peers[i]);
        subscribers->peers[i] = NULL;
    }
    subscribers->anonymous = subscribers->gone = 0;
}

static bool make_room(struct zl_subscribers *subscribers, unsigned fd)
{
    if (fd < subscribers->room)
        return true;
    unsigned room = fd + fd / 2 + 16;
    struct zl_peer **peers = realloc(subscribers->peers, room * sizeof(struct zl_peer *));
    if (!peers)
        return false;
    for (unsigned i = subscribers->room; i < room; i++)
        peers[i] = NULL;
    subscribers->peers = peers;
    subscribers->room = room;
    return true;
}

static struct zl_peer *make_peer(const char *identity, zmq_msg_t *frame)
{
    struct zl_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    zmq_msg_init(&peer->keeper);
    zmq_msg_copy(&peer->keeper, frame);
    peer->identity = identity;
    return peer;
}

/* Finds or adds the peer whose connection has this identity; NULL without memory. */
static struct zl_peer *find_peer(struct zl_subscribers *subscribers, const char *identity,
                                 zmq_msg_t *frame)
{
    long fd = strtol(identity, NULL, 10);
    if (fd < 0 || fd >= MOST_DESCRIPTORS || !make_room(subscribers, (unsigned)fd))
        return NULL;
    struct zl_peer *peer = subscribers->peers[fd];
    if (peer && peer->identity == identity)
        return peer;
    remove_peer(subscribers, peer);
    peer = make_peer(identity, frame);
    subscribers->peers[fd] = peer;
    return peer;
}

/* --- topics ---------------------------------------------------------------------------------- */

static bool add_topic(struct zl_peer *peer, const struct topic *wanted)
{
    struct topic *topic = malloc(sizeof *topic + wanted->size);
    if (!topic)
        return false;
    memcpy(topic->copy, wanted->bytes, wanted->size);
    topic->size = wanted->size;
    topic->bytes = topic->copy;
    struct topic **node = tsearch(topic, &peer->topics, compare);
    bool is_new = node && *node == topic;
    if (!is_new)
        free(topic);
    return is_new;
}

static bool remove_topic(struct zl_peer *peer, const struct topic *wanted)
{
    struct topic **node = tfind(wanted, &peer->topics, compare);
    if (!node)
        return false;
    struct topic *topic = *node;
    tdelete(topic, &peer->topics, compare);
    free(topic);
    return true;
}

static void update_peer(struct zl_subscribers *subscribers, struct zl_peer *peer,
                        const struct topic *topic, bool subscribes)
{
    long change = 0;
    if (subscribes)
        change = add_topic(peer, topic);
    else
        change = -(long)remove_topic(peer, topic);
    peer->count += change;
    subscribers->held += change;
}

void zl_subscribers_note(struct zl_subscribers *subscribers, zmq_msg_t *frame)
{
    const unsigned char *data = zmq_msg_data(frame);
    size_t size = zmq_msg_size(frame);
    if (size == 0 || data[0] > 1 || zmq_msg_more(frame))
        return;
    bool subscribes = data[0] == 1;
    struct topic topic = {.size = size - 1, .bytes = data + 1};
    const char *identity = zmq_msg_gets(frame, "__fd");
    struct zl_peer *peer = identity ? find_peer(subscribers, identity, frame) : NULL;
    if (peer)
        update_peer(subscribers, peer, &topic, subscribes);
    else if (!identity && subscribes)
        subscribers->anonymous++;
    else if (!identity && zl_subscribers_count(subscribers) > 0)
        subscribers->gone++;
    if (!subscribes && zl_subscribers_count(subscribers) == 0)
        clear(subscribers);
}

void zl_subscribers_fini(struct zl_subscribers *subscribers)
{
    clear(subscribers);
    free(subscribers->peers);
    *subscribers = (struct zl_subscribers){NULL, 0, 0, 0, 0};
}

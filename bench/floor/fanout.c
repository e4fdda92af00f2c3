/* SPDX-License-Identifier: MIT */
/* publish and subscribe: one publisher, all subscribers in another process. The publisher waits for
 * room instead of dropping, so that every message can be counted. */
#include "bench/floor/job.h"

#include <stdlib.h>
#include <zmq.h>

void run_publish(struct job *job)
{
    int on = 1;
    zmq_msg_t subscription;
    zmq_msg_init(&subscription);
    void *socket = job_listen(job, ZMQ_XPUB);
    zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &on, sizeof on);
    zmq_setsockopt(socket, ZMQ_XPUB_VERBOSE, &on, sizeof on);
    for (int i = 0; i < job->subscribers; i++)
        job_check(zmq_msg_recv(&subscription, socket, 0) >= 0, "receive");
    struct clocks before = clocks_now();
    for (long i = 0; i < job->count; i++)
        job_check(zmq_send(socket, job->payload, job->size, 0) >= 0, "send");
    job_report(job->count, before);
    zmq_msg_close(&subscription);
    zmq_close(socket);
}

/* Reads what a socket has, at most `most` messages: how many it were. */
static long drain(const struct job *job, void *socket, zmq_msg_t *message, long most)
{
    long got = 0;
    while (got < most && zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0) {
        job_check(zmq_msg_size(message) == job->size, "a message of another size");
        got++;
    }
    return got;
}

static zmq_pollitem_t *open_subscribers(const struct job *job)
{
    zmq_pollitem_t *items = calloc((size_t)job->subscribers, sizeof *items);
    job_check(items != NULL, "memory");
    for (int i = 0; i < job->subscribers; i++) {
        items[i].socket = job_connect(job, ZMQ_SUB);
        items[i].events = ZMQ_POLLIN;
        zmq_setsockopt(items[i].socket, ZMQ_SUBSCRIBE, "", 0);
    }
    return items;
}

void run_subscribe(struct job *job)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    zmq_pollitem_t *items = open_subscribers(job);
    long total = job->count * job->subscribers;
    struct clocks before = {0, 0};
    for (long got = 0; got < total;) {
        job_check(zmq_poll(items, job->subscribers, -1) > 0, "poll");
        if (got == 0)
            before = clocks_now();
        for (int i = 0; i < job->subscribers; i++)
            if (items[i].revents)
                got += drain(job, items[i].socket, &message, total - got);
    }
    job_report(total, before);
    zmq_msg_close(&message);
    for (int i = 0; i < job->subscribers; i++)
        zmq_close(items[i].socket);
    free(items);
}

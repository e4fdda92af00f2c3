/* SPDX-License-Identifier: MIT */
/* push and pull: throughput, with the blocking calls of libzmq's own local_thr and remote_thr. The
 * receiver times from its first message to its last, as they do; the sender sends from a buffer of
 * its own, since real messages come from somewhere. inproc: both ends in one thread, for the cost
 * of the calls alone. */
#include "bench/floor/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static void send_message(const struct job *job, void *socket)
{
    for (int i = 1; i <= job->frames; i++) {
        int more = i < job->frames ? ZMQ_SNDMORE : 0;
        job_check(zmq_send(socket, job->payload, job->size, more) >= 0, "send");
    }
}

static void receive_message(const struct job *job, void *socket, zmq_msg_t *message)
{
    int frames = 0;
    do {
        job_check(zmq_msg_recv(message, socket, 0) >= 0, "receive");
        job_check(zmq_msg_size(message) == job->size, "a message of another size");
        frames++;
    } while (zmq_msg_more(message));
    job_check(frames == job->frames, "a message with other frames");
}

/* Sockets that are bound and never hear anything. */
static void **open_idle(const struct job *job)
{
    void **idle = calloc((size_t)job->sockets, sizeof *idle);
    job_check(idle != NULL, "memory");
    for (int i = 1; i < job->sockets; i++) {
        idle[i] = job_open(job, ZMQ_PULL);
        job_check(zmq_bind(idle[i], "tcp://127.0.0.1:*") == 0, "bind");
    }
    return idle;
}

/* With more than one socket it still receives from the busy one directly, the best that C can do;
 * a zmq_poll over all would cost it more the more there are. */
void run_pull(struct job *job)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    void **idle = open_idle(job);
    void *socket = job_listen(job, ZMQ_PULL);
    receive_message(job, socket, &message);
    struct clocks before = clocks_now();
    for (long i = 1; i < job->count; i++)
        receive_message(job, socket, &message);
    job_report(job->count, before);
    zmq_msg_close(&message);
    zmq_close(socket);
    for (int i = 1; i < job->sockets; i++)
        zmq_close(idle[i]);
    free(idle);
}

void run_push(struct job *job)
{
    void *socket = job_connect(job, ZMQ_PUSH);
    struct clocks before = clocks_now();
    for (long i = 0; i < job->count; i++) {
        if (job->differ)
            memcpy(job->payload, &i, sizeof i);
        send_message(job, socket);
    }
    job_report(job->count, before);
    while (job->stay && getchar() != EOF)
        continue;
    zmq_close(socket);
}

void run_inproc(struct job *job)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    job->endpoint = "inproc://floor";
    void *pull = job_listen(job, ZMQ_PULL);
    void *push = job_connect(job, ZMQ_PUSH);
    struct clocks before = clocks_now();
    for (long i = 0; i < job->count; i++) {
        send_message(job, push);
        receive_message(job, pull, &message);
    }
    job_report(job->count, before);
    zmq_msg_close(&message);
    zmq_close(push);
    zmq_close(pull);
}

/* SPDX-License-Identifier: MIT */
/* request and reply: round trips one after the other over REQ and REP, each of them timed. */
#include "bench/floor/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that a `part` of the sorted ones does not exceed. */
static double quantile(const double *sorted, long count, double part)
{
    long rank = (long)((double)count * part);
    return sorted[rank < count ? rank : count - 1];
}

static void ask(const struct job *job, void *socket, zmq_msg_t *reply)
{
    job_check(zmq_send(socket, job->payload, job->size, 0) >= 0, "send");
    job_check(zmq_msg_recv(reply, socket, 0) >= 0, "receive");
    job_check(zmq_msg_size(reply) == job->size, "a reply of another size");
}

void run_request(struct job *job)
{
    zmq_msg_t reply;
    zmq_msg_init(&reply);
    double *trips = calloc((size_t)job->count, sizeof *trips);
    job_check(trips != NULL, "memory");
    void *socket = job_connect(job, ZMQ_REQ);
    for (long i = 0; i < job->warmup; i++)
        ask(job, socket, &reply);
    struct clocks before = clocks_now();
    for (long i = 0; i < job->count; i++) {
        double asked = seconds_now();
        ask(job, socket, &reply);
        trips[i] = seconds_now() - asked;
    }
    job_report(job->count, before);
    qsort(trips, (size_t)job->count, sizeof *trips, compare);
    printf("p50=%.9f\np99=%.9f\np999=%.9f\n", quantile(trips, job->count, 0.5),
           quantile(trips, job->count, 0.99), quantile(trips, job->count, 0.999));
    free(trips);
    zmq_msg_close(&reply);
    zmq_close(socket);
}

void run_reply(struct job *job)
{
    zmq_msg_t request;
    zmq_msg_init(&request);
    void *socket = job_listen(job, ZMQ_REP);
    struct clocks before = clocks_now();
    for (long i = 0; i < job->warmup + job->count; i++) {
        job_check(zmq_msg_recv(&request, socket, 0) >= 0, "receive");
        if (i == job->warmup)
            before = clocks_now();
        job_check(zmq_send(socket, job->payload, job->size, 0) >= 0, "send");
    }
    job_report(job->count, before);
    zmq_msg_close(&request);
    zmq_close(socket);
}

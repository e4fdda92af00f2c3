/* SPDX-License-Identifier: MIT */
/* memory: what a bound socket takes, by the process's resident size before and after many. */
#include "bench/floor/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* Bytes of the process that are in memory. */
static long resident(void)
{
    char line[128];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    job_check(file != NULL, "/proc/self/status");
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kilobytes = atol(line + 6);
    fclose(file);
    return kilobytes * 1024;
}

static void *open_bound(const struct job *job, long number)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://memory-%ld", number);
    void *socket = job_open(job, ZMQ_PULL);
    job_check(zmq_bind(socket, endpoint) == 0, "bind");
    return socket;
}

void run_memory(struct job *job)
{
    void **sockets = calloc((size_t)job->count + 1, sizeof *sockets);
    job_check(sockets != NULL, "memory");
    sockets[job->count] = open_bound(job, job->count); /* libzmq starts its threads at the first */
    struct clocks before = clocks_now();
    long bytes = resident();
    for (long i = 0; i < job->count; i++)
        sockets[i] = open_bound(job, i);
    bytes = resident() - bytes;
    job_report(job->count, before);
    printf("bytes=%.1f\n", (double)bytes / (double)job->count);
    for (long i = 0; i <= job->count; i++)
        zmq_close(sockets[i]);
    free(sockets);
}

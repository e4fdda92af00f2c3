/* SPDX-License-Identifier: MIT */
/* See job.h. */
#include "bench/floor/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { TIME_LIMIT = 300 /* seconds; whoever started us is gone by then */, SOCKETS_MAX = 30000 };

void job_check(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "floor: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(EXIT_FAILURE);
}

/* --- settings -------------------------------------------------------------------------------- */

static const char *value_of(const char *word, const char *key)
{
    size_t size = strlen(key);
    return strncmp(word, key, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

static void set(struct job *job, const char *word)
{
    const char *value;
    if ((value = value_of(word, "endpoint")))
        job->endpoint = value;
    else if ((value = value_of(word, "count")))
        job->count = atol(value);
    else if ((value = value_of(word, "warmup")))
        job->warmup = atol(value);
    else if ((value = value_of(word, "size")))
        job->size = (size_t)atol(value);
    else if ((value = value_of(word, "frames")))
        job->frames = atoi(value);
    else if ((value = value_of(word, "sockets")))
        job->sockets = atoi(value);
    else if ((value = value_of(word, "subscribers")))
        job->subscribers = atoi(value);
    else if ((value = value_of(word, "hwm")))
        job->hwm = atoi(value);
    else if ((value = value_of(word, "differ")))
        job->differ = atoi(value);
    else if ((value = value_of(word, "stay")))
        job->stay = atoi(value);
}

static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void job_begin(struct job *job, int argc, char **argv)
{
    *job = (struct job){.count = 1, .size = 16, .frames = 1, .sockets = 1, .subscribers = 1};
    for (int i = 0; i < argc && !job->command; i++) {
        if (strcmp(argv[i], "--") == 0)
            job->command = argv + i + 1;
        else
            set(job, argv[i]);
    }
    alarm(TIME_LIMIT);
    raise_limits();
    setvbuf(stdout, NULL, _IOLBF, 0);
    job->payload = malloc(job->size + 1);
    job->context = zmq_ctx_new();
    job_check(job->payload && job->context, "start");
    memset(job->payload, 'x', job->size);
    zmq_ctx_set(job->context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
}

void job_end(struct job *job)
{
    zmq_ctx_term(job->context); /* waits until what was sent is gone */
    free(job->payload);
}

/* --- sockets --------------------------------------------------------------------------------- */

void *job_open(const struct job *job, int type)
{
    void *socket = zmq_socket(job->context, type);
    job_check(socket != NULL, "socket");
    if (job->hwm > 0) {
        zmq_setsockopt(socket, ZMQ_SNDHWM, &job->hwm, sizeof job->hwm);
        zmq_setsockopt(socket, ZMQ_RCVHWM, &job->hwm, sizeof job->hwm);
    }
    return socket;
}

void *job_listen(const struct job *job, int type)
{
    char endpoint[256];
    size_t size = sizeof endpoint;
    void *socket = job_open(job, type);
    const char *wanted = job->endpoint ? job->endpoint : "tcp://127.0.0.1:*";
    job_check(zmq_bind(socket, wanted) == 0, wanted);
    job_check(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "endpoint");
    printf("endpoint=%s\n", endpoint);
    return socket;
}

void *job_connect(const struct job *job, int type)
{
    void *socket = job_open(job, type);
    job_check(job->endpoint && zmq_connect(socket, job->endpoint) == 0, "connect");
    return socket;
}

/* --- clocks ---------------------------------------------------------------------------------- */

static double read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double seconds_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

struct clocks clocks_now(void)
{
    return (struct clocks){seconds_now(), read_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

void job_report(long messages, struct clocks before)
{
    struct clocks after = clocks_now();
    printf("messages=%ld\nseconds=%.9f\ncpu=%.9f\n", messages, after.seconds - before.seconds,
           after.cpu - before.cpu);
}

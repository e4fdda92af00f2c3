/* SPDX-License-Identifier: MIT */
/* What every program of the floor shares: its settings, given as key=value words; the socket it
 * begins with; the clocks; the report, printed as key=value lines. A program of the floor has one
 * thread, and ends at once with a message when anything fails. */
#pragma once

#include <stddef.h>

struct job {
    const char *endpoint; /* where to connect or bind; NULL: bind a free TCP port of the loopback */
    long count;           /* messages, round trips, things to open or programs to start */
    long warmup;          /* round trips before those that count */
    size_t size;          /* bytes in a frame */
    int frames;           /* in a message */
    int sockets;          /* open in the receiver; one of them is busy */
    int subscribers;
    int hwm;        /* messages; 0: libzmq's default */
    int differ;     /* no two messages are alike */
    int stay;       /* a sender ends when standard input does, not before */
    char **command; /* a program to start, what follows "--"; or NULL */
    void *context;
    char *payload; /* `size` bytes */
};

struct clocks {
    double seconds; /* that passed */
    double cpu;     /* seconds that all threads of the process ran */
};

void job_begin(struct job *job, int argc, char **argv);
void job_end(struct job *job);

/* A socket of a zmq type, with the job's high-water mark. */
void *job_open(const struct job *job, int type);

/* A socket bound to the job's endpoint; prints where. One connected to it. */
void *job_listen(const struct job *job, int type);
void *job_connect(const struct job *job, int type);

/* Ends the program, saying what failed and why, unless `good`. */
void job_check(int good, const char *what);

double seconds_now(void);
struct clocks clocks_now(void);

/* Prints what was counted, and the time since `before`. */
void job_report(long messages, struct clocks before);

void run_pull(struct job *job);
void run_push(struct job *job);
void run_inproc(struct job *job);
void run_request(struct job *job);
void run_reply(struct job *job);
void run_publish(struct job *job);
void run_subscribe(struct job *job);
void run_memory(struct job *job);
void run_start(struct job *job);

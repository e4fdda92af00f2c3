/* SPDX-License-Identifier: MIT */
/* The floor: the jobs of the benchmarks in plain C on libzmq, as a C programmer would write them.
 * usage: floor PROGRAM [key=value...] [-- COMMAND...]; job.h has the keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/floor/job.h"

static const struct {
    const char *name;
    void (*run)(struct job *job);
} programs[] = {
    {"pull", run_pull},           {"push", run_push},     {"inproc", run_inproc},
    {"request", run_request},     {"reply", run_reply},   {"publish", run_publish},
    {"subscribe", run_subscribe}, {"memory", run_memory}, {"start", run_start},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (argc > 1 && strcmp(argv[1], programs[i].name) == 0) {
            struct job job;
            job_begin(&job, argc - 2, argv + 2);
            programs[i].run(&job);
            job_end(&job);
            return EXIT_SUCCESS;
        }
    }
    fputs("usage: floor PROGRAM [key=value...] [-- COMMAND...]\n", stderr);
    return 2;
}

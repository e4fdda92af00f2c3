/* SPDX-License-Identifier: MIT */
/* start: how long a program takes from its start to its end, one after the other. Both sides of the
 * comparison are started by this one, which costs them the same. */
#include "bench/floor/job.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

static double children_cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void start_once(char **command)
{
    extern char **environ;
    pid_t pid;
    int status = 0;
    job_check(posix_spawnp(&pid, command[0], NULL, NULL, command, environ) == 0, "start");
    job_check(waitpid(pid, &status, 0) == pid && status == 0, "the program");
}

void run_start(struct job *job)
{
    job_check(job->command && job->command[0], "no command");
    start_once(job->command);
    double cpu = children_cpu();
    double before = seconds_now();
    for (long i = 0; i < job->count; i++)
        start_once(job->command);
    printf("messages=%ld\nseconds=%.9f\ncpu=%.9f\n", job->count, seconds_now() - before,
           children_cpu() - cpu);
}

/* SPDX-License-Identifier: MIT */
/* Who serves: the generation whose tasks run, the one that may come back, the one that is to come.
 * The data of the rooms around this one. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/reload/backoff.h"
#include "runtime/reload/deadlines.h"
#include "runtime/reload/finder.h"
#include "runtime/script/generation.h"
#include "runtime/script/source.h"
#include "runtime/socket/hub.h"

struct zl_host;
struct zl_script;
struct zl_watch;

/* What the command line asks for. */
struct zl_supervision {
    bool watch;              /* a changed file starts an attempt; a failed script waits for one */
    bool restart;            /* a failed script is started again */
    int redeliver;           /* a message whose task failed is given again so often */
    const char *dead_letter; /* the file for those that were given often enough; NULL for none */
    uint64_t probation; /* messages that a generation handles before the one before it is closed */
};

enum zl_stage { ZL_COMPILE, ZL_PARK, ZL_STATE, ZL_START, ZL_COMMIT, ZL_PROBATION, ZL_STAGES };

/* An attempt, for its line in the log. Times are on the clock of zl_clock_now. */
struct zl_reload_attempt {
    const char *trigger; /* "SIGHUP", "watch", "restart"; NULL while there is none */
    enum zl_stage stage;
    int number;      /* of the generation to be */
    char files[512]; /* those that have changed */
    char error[512];
    uint64_t begun[ZL_STAGES]; /* probation: when it began, also where there is none */
};

/* Zeroed: nothing is being parked. */
struct zl_parking {
    int warned;     /* seconds of waiting when it was warned of last; 0 for none */
    double stalled; /* seconds until requests are handed out again */
    unsigned batch; /* so many of them then */
};

struct zl_serving {
    struct zl_hub *hub;
    struct zl_host *host;
    bool is_over;  /* the process is to end, */
    int exit_code; /* with this */
    const struct zl_script *script;
    struct zl_supervision options;
    struct zl_generation *standby;    /* parked until the running one has proved itself; or NULL */
    struct zl_generation *next;       /* being compiled, or compiled and waiting for its start */
    struct zl_reload_attempt attempt; /* the running one, or the last */
    struct zl_reload_attempt on_probation; /* the one whose generation is on probation */
    struct zl_sources attempted;           /* what the last attempt has read */
    const char *wanted; /* the trigger of an attempt still to be made; NULL for none */
    unsigned serial;    /* of the last generation made */
    int number;         /* of the serving generation */
    int newest;         /* of the newest that has served */
    uint64_t begun;     /* the first generation, on the clock of zl_clock_now */
    bool has_served;    /* a generation has, so there is code to go back to */
    struct zl_parking parking;
    struct zl_finder finder; /* while a generation starts */
    struct zl_backoff restart;
    struct zl_watch *watch; /* NULL without --watch */
    size_t watched;         /* files that it was given; 0: to be given anew */
    char *state;            /* zeroless.state of a generation that is gone; or NULL */
    size_t state_size;      /* bytes */
    bool has_failed;        /* the last attempt has, and nobody has repaired it */
    bool is_end_logged;     /* the script has ended, and that was said */
    struct zl_deadlines deadlines;
};

/* The generation whose tasks are run. */
static inline struct zl_generation *zl_serving_generation(const struct zl_serving *reload)
{
    return zl_generation_of(reload->hub->sched.group);
}

/* Whether a generation is at work that has not failed. */
static inline bool zl_serving_is_alive(const struct zl_serving *reload)
{
    const struct zl_group *group = reload->hub->sched.group;
    return group->L && !group->failed;
}

/* The messages in hand are kept while an error may bring another generation to work. */
static inline void zl_serving_update_tracking(struct zl_serving *reload)
{
    struct zl_redelivery *redelivery = &reload->hub->redelivery;
    redelivery->on_probation = reload->standby != NULL;
    redelivery->keeps = reload->options.watch || reload->options.restart || reload->standby;
}

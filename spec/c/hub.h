/* SPDX-License-Identifier: MIT */
/* What unit tests of sockets share: a hub with tasks (tasks.h), sockets at inproc names, and
 * messages that go in and come out as the script's do. */
#pragma once

#include "spec/c/tasks.h"

#include "runtime/base/clock.h"
#include "runtime/base/reason.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/bind.h"
#include "runtime/socket/binding.h"
#include "runtime/socket/connect.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/ffi.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/sockets.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"
#include "runtime/zmq/context.h"
#include "runtime/zmq/linger.h"

static struct zl_hub hub;
static struct zl_outside outside;
static struct tasks tasks;

/* --- the hub --------------------------------------------------------------------------------- */

static inline bool hub_has_work(const struct zl_task *task)
{
    return zl_inflight_is_handling(task, NULL);
}

static inline bool hub_may_run(const struct zl_task *task)
{
    (void)task;
    return true;
}

static inline bool hub_is_crowded(const struct zl_group *group)
{
    return group->live > 1;
}

/* Every failure is that of the group. */
static inline void hub_failed(struct zl_task *task, const char *message)
{
    (void)message;
    zl_delivery_reject(task, true);
}

static inline int hub_open(void **state)
{
    static const struct zl_task_ops ops = {
        sizeof(struct zl_work), hub_has_work,    hub_may_run, hub_is_crowded,
        zl_inflight_inherit,    zl_inflight_end, hub_failed};
    (void)state;
    memset(&hub, 0, sizeof hub);
    memset(&outside, 0, sizeof outside);
    memset(&tasks, 0, sizeof tasks);
    tasks_open(&tasks, &hub.sched, &ops, &outside.task);
    assert_true(zl_sockets_init(&hub));
    hub.drain_timeout = 60;
    return 0;
}

/* --- sockets --------------------------------------------------------------------------------- */

static struct zl_socket *kept[32]; /* with a reference each */
static unsigned kept_count;

static inline struct zl_socket *keep(struct zl_socket *socket)
{
    assert_true(kept_count < sizeof kept / sizeof *kept);
    return kept[kept_count++] = socket;
}

/* Gives the reference back, as a script's userdata do when they are collected. */
static inline void let_go(struct zl_socket *socket)
{
    unsigned i = 0;
    while (i < kept_count && kept[i] != socket)
        i++;
    assert_true(i < kept_count);
    kept[i] = kept[--kept_count];
    zl_sockets_unref(socket);
}

static inline void hub_pump(void *world)
{
    (void)world;
}

static inline int hub_close(void **state)
{
    (void)state;
    hub.sched.phase = ZL_ENDED;
    hub.sched.current = &outside.task;
    while (kept_count > 0) {
        struct zl_socket *socket = kept[--kept_count];
        zl_sockets_close(socket);
        zl_sockets_unref(socket);
    }
    while (!TAILQ_EMPTY(&hub.sockets)) /* kept by the host alone */
        zl_sockets_close(TAILQ_FIRST(&hub.sockets));
    zl_task_drop_all(&tasks.group);
    zl_sockets_fini(&hub);
    assert_true(zl_linger_wait(zl_clock_in_ms(60000), hub_pump, NULL));
    tasks_close(&tasks);
    zl_context_stop();
    return 0;
}

static inline struct zl_options default_options(void)
{
    return (struct zl_options){
        .send_hwm = 1000, .receive_hwm = 1000, .timeout = -1, .max_message_size = ZL_FRAME_DEFAULT};
}

static inline struct zl_socket *open_with(enum zl_pattern_id pattern,
                                          const struct zl_options *options)
{
    char why[ZL_WHY_MAX] = "";
    struct zl_socket *socket = zl_sockets_open(&hub, zl_pattern_get(pattern), options, why);
    if (!socket)
        fail_msg("%s", why);
    return keep(socket);
}

static inline struct zl_socket *open_socket(enum zl_pattern_id pattern)
{
    struct zl_options options = default_options();
    return open_with(pattern, &options);
}

static inline struct zl_endpoint endpoint_of(const char *text, enum zl_use use)
{
    struct zl_endpoint endpoint;
    char why[ZL_WHY_MAX] = "";
    if (!zl_endpoint_parse(&endpoint, text, strlen(text), use, why))
        fail_msg("%s", why);
    return endpoint;
}

static inline struct zl_socket *bind_to(struct zl_socket *socket, const char *text)
{
    struct zl_endpoint endpoint = endpoint_of(text, ZL_BIND);
    char why[ZL_WHY_MAX] = "";
    if (!zl_bind_endpoint(socket, &endpoint, text, why))
        fail_msg("%s", why);
    return socket;
}

static inline struct zl_socket *connect_to(struct zl_socket *socket, const char *text)
{
    struct zl_endpoint endpoint = endpoint_of(text, ZL_CONNECT);
    char why[ZL_WHY_MAX] = "";
    if (!zl_connect_endpoint(socket, &endpoint, why))
        fail_msg("%s", why);
    return socket;
}

/* --- tasks by hand --------------------------------------------------------------------------- */

/* What is called from now on is the task's doing. */
static inline void act_as(struct zl_task *task)
{
    hub.sched.current = task;
    hub.shared.received = NULL; /* nothing is on its way into Lua, as between the loop's tasks */
    give_time(&hub.sched);
}

/* A task that the acting one has spawned, and that acts from now on. `end_of` has it run the text,
 * and so end. */
static inline struct zl_task *act_as_child(const char *text)
{
    struct zl_task *task = launch(&tasks, text);
    TAILQ_REMOVE(&tasks.group.ready, task, link);
    task->status = ZL_TASK_RUNNING;
    act_as(task);
    return task;
}

/* The same for one that no task has spawned. */
static inline struct zl_task *act_as_new(const char *text)
{
    act_as(&outside.task);
    return act_as_child(text);
}

static inline void end_of(struct zl_task *task)
{
    zl_task_resume(task);
}

/* Gives turns as the loop does before and in its sleep. */
static inline void give_turns(void)
{
    uv_run(&tasks.uv, UV_RUN_NOWAIT);
    zl_admission_poll_dirty(&hub);
}

/* --- messages, as text with a bar between frames --------------------------------------------- */

/* 0 or a code of message.h. */
static inline int32_t send_text(struct zl_socket *socket, const char *text)
{
    struct zl_handle sender = {zl_sender_class, socket};
    struct zl_frame frames[8];
    uint32_t count = 0;
    for (const char *end; count < 8; text = end + 1) {
        end = text + strcspn(text, "|");
        frames[count++] = (struct zl_frame){text, (uint32_t)(end - text)};
        if (*end == '\0')
            break;
    }
    return zl_ffi_send_frames(&sender, frames, count);
}

/* The next message, until the next call; NULL and its code where there is none. */
static int32_t received_code;

static inline const char *receive_text(struct zl_socket *socket)
{
    static char text[1024];
    struct zl_handle receiver = {zl_receiver_class, socket};
    received_code = zl_ffi_receive(&receiver);
    if (received_code < 0)
        return NULL;
    text[0] = '\0';
    for (int32_t i = 0; i < received_code; i++) {
        const struct zl_frame *frame = &hub.shared.received[i];
        if (i > 0)
            append(text, sizeof text, "|", 1);
        append(text, sizeof text, frame->data, frame->size);
    }
    hub.shared.received = NULL;
    return text;
}

static inline void assert_receives(struct zl_socket *socket, const char *wanted)
{
    const char *text = receive_text(socket);
    if (!text)
        fail_msg("no message but code %d, not %s", (int)received_code, wanted);
    assert_string_equal(text, wanted);
}

static inline void assert_receives_none(struct zl_socket *socket, int32_t code)
{
    const char *text = receive_text(socket);
    if (text)
        fail_msg("a message: %s", text);
    assert_int_equal(received_code, code);
}

/* SPDX-License-Identifier: MIT */
/* See runaway.h. A timer on the thread's processor time sends a signal to the thread itself. The
 * signal handler sets a count hook, as luajit's SIGINT handler does, and the hook raises the error.
 * Setting it from another thread would be a race (LuaJIT issue 1012).
 *
 * Compiled code checks hooks only if the profiler's line mode was on when it was compiled. So with
 * a limit, the profiler is started, its timer stopped, and its signal raised only when the hook is
 * set: compiled code then exits to the interpreter, which calls the hook. */
#include "runtime/sched/runaway.h"

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/base/embedded.h"

enum { SIGNAL = SIGVTALRM, MOST_TICK_NS = 100000000, LEAST_TICK_NS = 1000000 };

/* Instructions until the error is raised again in a stretch that has caught it: the first time
 * enough for a message handler or a clean-up, then none, because an endless loop soon re-enters
 * compiled code. */
enum { RESPITE = 20000, NO_RESPITE = 1 };

static _Thread_local struct zl_runaway *mine; /* of this thread; NULL until it is started */

/* --- the error ------------------------------------------------------------------------------- */

static int fail(lua_State *L)
{
    return lua_error(L);
}

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* LuaJIT calls the message handler of xpcall while the hook that raises still counts as active, and
 * an active hook is not called again: a handler that never returns could not be ended. An error in
 * a coroutine is what makes LuaJIT leave the hook; the call makes L its current state once more. */
static void leave_hook(lua_State *L)
{
    lua_State *co = lua_newthread(L);
    lua_pushcfunction(co, fail);
    lua_resume(co, 0);
    lua_pop(L, 1);
    lua_pushcfunction(L, nothing);
    lua_call(L, 0, 0);
}

/* Inside an embedded module the host may be in the middle of a state change: the error is raised in
 * its caller instead. */
static void raise_error(lua_State *L, lua_Debug *at)
{
    if (lua_getinfo(L, "S", at) && zl_embedded_has_file(at->short_src))
        return;
    lua_sethook(L, raise_error, LUA_MASKCOUNT, mine->errors++ == 0 ? RESPITE : NO_RESPITE);
    /* luaL_error would name the caller: a hook has no frame of its own. */
    luaL_where(L, 0);
    if (atomic_load(&mine->is_ending))
        lua_pushliteral(L, "stopped: the drain deadline has passed while this code was running");
    else
        lua_pushfstring(
            L,
            "stopped after %f s of processor time without waiting (--max-handler-time); "
            "zeroless.sleep(0) in a long computation lets others run",
            mine->limit);
    lua_concat(L, 2);
    leave_hook(L);
    lua_error(L);
}

static bool has_profiler_signal(void)
{
    struct sigaction action;
    return sigaction(SIGPROF, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
           action.sa_handler != SIG_IGN;
}

static int64_t thread_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Updates the current stretch. Returns whether its time is over. */
static bool check_time(struct zl_runaway *runaway)
{
    unsigned stretch = atomic_load(&runaway->stretch);
    int64_t now = thread_time();
    if (atomic_load(&runaway->is_ending))
        return true;
    if (stretch != runaway->seen) {
        runaway->seen = stretch;
        runaway->since = now;
    }
    return (double)(now - runaway->since) >= runaway->limit * 1e9;
}

/* Every further tick of the same stretch sets the hook again: an endless loop around a pcall may
 * have re-entered compiled code. The tick after the first error is left to its message handler. */
static void on_tick(int number)
{
    (void)number;
    struct zl_runaway *runaway = mine;
    lua_State *L = runaway ? atomic_load(&runaway->L) : NULL;
    if (!L || !check_time(runaway))
        return;
    atomic_store(&runaway->has_fired, true);
    if (runaway->errors == 1 && !runaway->has_spared) {
        runaway->has_spared = true;
        return;
    }
    lua_sethook(L, raise_error, LUA_MASKCOUNT, 1);
    if (runaway->checked == L && has_profiler_signal())
        raise(SIGPROF);
}

/* --- stretches ------------------------------------------------------------------------------- */

static void no_sample(void *data, lua_State *L, int samples, int vmstate)
{
    (void)data;
    (void)L;
    (void)samples;
    (void)vmstate;
}

/* Only one state of the process can use the profiler at a time. Starting it discards all compiled
 * code. */
static void make_checked(struct zl_runaway *runaway, lua_State *L)
{
    if (runaway->checked)
        luaJIT_profile_stop(runaway->checked);
    runaway->checked = L;
    luaJIT_profile_start(L, "li1000", no_sample, NULL);
    struct itimerval none = {{0, 0}, {0, 0}};
    setitimer(ITIMER_PROF, &none, NULL);
}

lua_State *zl_runaway_enter(lua_State *L)
{
    struct zl_runaway *runaway = mine;
    if (!runaway)
        return NULL;
    if (runaway->limit > 0 && runaway->checked != L)
        make_checked(runaway, L);
    lua_State *before = atomic_load_explicit(&runaway->L, memory_order_relaxed);
    if (!before)
        zl_runaway_beat();
    atomic_store_explicit(&runaway->L, L, memory_order_relaxed);
    return before;
}

void zl_runaway_leave(lua_State *before)
{
    struct zl_runaway *runaway = mine;
    if (!runaway)
        return;
    lua_State *left = atomic_load_explicit(&runaway->L, memory_order_relaxed);
    atomic_store_explicit(&runaway->L, before, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    if (left == before || !atomic_load_explicit(&runaway->has_fired, memory_order_relaxed))
        return;
    lua_sethook(left, NULL, 0, 0);
    runaway->errors = 0;
    runaway->has_spared = false;
    atomic_store(&runaway->has_fired, false);
}

void zl_runaway_beat(void)
{
    if (mine)
        atomic_store_explicit(&mine->stretch,
                              atomic_load_explicit(&mine->stretch, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

void zl_runaway_forget(lua_State *L)
{
    if (!mine || mine->checked != L)
        return;
    luaJIT_profile_stop(L);
    mine->checked = NULL;
}

/* --- start and stop -------------------------------------------------------------------------- */

static bool start_timer(struct zl_runaway *runaway, double limit)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    double tick = limit * 1e9 / 10;
    tick = tick > MOST_TICK_NS ? MOST_TICK_NS : tick < LEAST_TICK_NS ? LEAST_TICK_NS : tick;
    struct itimerspec each = {{0, (long)tick}, {0, (long)tick}};
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &runaway->timer) != 0)
        return false;
    runaway->has_timer = timer_settime(runaway->timer, 0, &each, NULL) == 0;
    if (!runaway->has_timer)
        timer_delete(runaway->timer);
    return runaway->has_timer;
}

bool zl_runaway_start(struct zl_runaway *runaway, double limit)
{
    if (runaway->is_started)
        return true;
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    sigset_t ours;
    sigemptyset(&action.sa_mask);
    sigemptyset(&ours);
    sigaddset(&ours, SIGNAL);
    sigaction(SIGNAL, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    runaway->thread = pthread_self();
    runaway->limit = limit;
    runaway->is_started = true;
    mine = runaway;
    return limit == 0 || start_timer(runaway, limit);
}

void zl_runaway_stop(struct zl_runaway *runaway)
{
    if (!runaway->is_started)
        return;
    signal(SIGNAL, SIG_IGN);
    if (runaway->has_timer)
        timer_delete(runaway->timer);
    runaway->is_started = runaway->has_timer = false;
    mine = NULL;
}

void zl_runaway_end(struct zl_runaway *runaway)
{
    if (!runaway->is_started)
        return;
    atomic_store(&runaway->is_ending, true);
    pthread_kill(runaway->thread, SIGNAL);
}

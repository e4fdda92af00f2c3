/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/portowner: who listens on a TCP port or at a socket file. Ports are free
 * ones chosen by the kernel; a child process stands for a stranger. */
#include "runtime/zmq/portowner.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIME_LIMIT = 30 /* seconds */ };

static char owner[128];

/* A socket bound to a free port of the family's loopback; -1 when the family is not to be had. */
static int bind_free(int family, int *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, address, size) != 0 || getsockname(fd, address, &size) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void assert_pid(pid_t pid)
{
    char expected[32];
    snprintf(expected, sizeof expected, ", pid %d", (int)pid);
    size_t size = strlen(owner), tail = strlen(expected);
    assert_true(size > tail);
    assert_string_equal(owner + size - tail, expected);
}

static void finds_our_own(int family)
{
    int port;
    int fd = bind_free(family, &port);
    if (fd < 0)
        skip();
    assert_int_equal(listen(fd, 1), 0);
    int before = open_descriptors();
    assert_true(zl_portowner_find(port, owner, sizeof owner));
    assert_pid(getpid());
    assert_int_equal(open_descriptors(), before);
    close(fd);
}

static void finds_a_listener_on_ipv4(void **state)
{
    (void)state;
    finds_our_own(AF_INET);
}

static void finds_a_listener_on_ipv6(void **state)
{
    (void)state;
    finds_our_own(AF_INET6);
}

static void a_port_that_does_not_listen_has_no_owner(void **state)
{
    (void)state;
    int port;
    int fd = bind_free(AF_INET, &port);
    strcpy(owner, "untouched");
    int before = open_descriptors();
    assert_false(zl_portowner_find(port, owner, sizeof owner));
    assert_false(zl_portowner_find(0, owner, sizeof owner));
    assert_false(zl_portowner_find(-1, owner, sizeof owner));
    assert_false(zl_portowner_find(65536 + port, owner, sizeof owner));
    assert_int_equal(open_descriptors(), before);
    assert_string_equal(owner, "untouched");
    close(fd);
}

static void a_small_buffer_is_not_overrun(void **state)
{
    (void)state;
    int port;
    char small[8];
    int fd = bind_free(AF_INET, &port);
    assert_int_equal(listen(fd, 1), 0);
    assert_true(zl_portowner_find(port, small, sizeof small));
    assert_int_equal(strlen(small), sizeof small - 1);
    close(fd);
}

/* A child under a hostile name that listens on a free port until it is killed. */
static pid_t start_stranger(int *port)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(TIME_LIMIT);
        prctl(PR_SET_NAME, "odd\x1b) \xc3\xbc");
        int fd = bind_free(AF_INET, port);
        if (listen(fd, 1) != 0 || write(ends[1], port, sizeof *port) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], port, sizeof *port), sizeof *port);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void names_a_stranger_in_printable_letters(void **state)
{
    (void)state;
    int port;
    pid_t pid = start_stranger(&port);
    bool found = zl_portowner_find(port, owner, sizeof owner);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(found);
    assert_pid(pid);
    assert_memory_equal(owner, "odd?) ??, pid", strlen("odd?) ??, pid"));
}

static void finds_who_is_at_a_socket_file(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/zl-portowner-%d", (int)getpid());
    unlink(address.sun_path);
    int before = open_descriptors();
    assert_false(zl_portowner_find_ipc(address.sun_path, owner, sizeof owner));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_true(zl_portowner_find_ipc(address.sun_path, owner, sizeof owner));
    assert_pid(getpid());
    close(fd);
    assert_false(zl_portowner_find_ipc(address.sun_path, owner, sizeof owner));
    assert_int_equal(open_descriptors(), before);
    unlink(address.sun_path);
}

int main(void)
{
    alarm(TIME_LIMIT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_listener_on_ipv4),
        cmocka_unit_test(finds_a_listener_on_ipv6),
        cmocka_unit_test(a_port_that_does_not_listen_has_no_owner),
        cmocka_unit_test(a_small_buffer_is_not_overrun),
        cmocka_unit_test(names_a_stranger_in_printable_letters),
        cmocka_unit_test(finds_who_is_at_a_socket_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

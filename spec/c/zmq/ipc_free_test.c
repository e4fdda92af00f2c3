/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/zmq/endpoint: what an ipc bind may find in its way. Files live in a fresh
 * folder each. */
#include "runtime/base/reason.h"
#include "runtime/zmq/endpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534, TIME_LIMIT = 60 /* seconds */ };

static struct zl_endpoint parsed;
static char why[ZL_WHY_MAX];

static bool parse(const char *text, enum zl_use use)
{
    return zl_endpoint_parse(&parsed, text, strlen(text), use, why);
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("expected \"%s\" in: %s", part, text);
}

/* A folder of its own for a test; `path` lies in it and is asked for as an ipc endpoint. It is the
 * working directory, for relative paths. */
static char folder[64];
static char path[96];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/zl-endpoint-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/w", folder);
    return chdir(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    if (unlink(path) != 0)
        rmdir(path);
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

static bool ipc_free(const char *file)
{
    char text[ZL_ENDPOINT_MAX];
    snprintf(text, sizeof text, "ipc://%s", file);
    assert_true(parse(text, ZL_BIND));
    memset(why, 0, sizeof why);
    return zl_endpoint_ipc_free(&parsed, why);
}

static void write_file(const char *file)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs("precious", out);
    fclose(out);
}

/* A bound socket at `path`. */
static int bind_path(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, type, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void ipc_nothing_there(void **state)
{
    (void)state;
    assert_true(ipc_free(path));
    assert_true(ipc_free("zl-endpoint-no-such-file"));
    assert_true(ipc_free("@zl-endpoint"));
    assert_true(ipc_free("*"));
    assert_true(parse("tcp://*:1567", ZL_BIND) && zl_endpoint_ipc_free(&parsed, why));
    assert_true(parse("inproc://w", ZL_BIND) && zl_endpoint_ipc_free(&parsed, why));
}

static void ipc_a_precious_file_survives(void **state)
{
    (void)state;
    struct stat status;
    write_file(path);
    assert_false(ipc_free(path));
    assert_contains(why, "it is a file, not a socket; zlrun will not remove it");
    assert_contains(why, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, strlen("precious"));
}

static void ipc_a_folder_or_link_survives(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(ipc_free(path));
    assert_contains(why, "it is a folder, not a socket");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_false(ipc_free(path));
    assert_contains(why, "it is a symbolic link, not a socket");
    assert_int_equal(lstat(path, &status), 0);
}

static void ipc_a_live_owner_is_named(void **state)
{
    (void)state;
    char owner[32];
    int fd = bind_path(SOCK_STREAM);
    assert_int_equal(listen(fd, 8), 0);
    assert_false(ipc_free(path));
    snprintf(owner, sizeof owner, ", pid %d", (int)getpid());
    assert_contains(why, "it is already in use by ");
    assert_contains(why, owner);
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
}

static void ipc_a_busy_owner_is_an_owner(void **state)
{
    (void)state;
    int connected[8], count = 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = bind_path(SOCK_STREAM);
    assert_int_equal(listen(fd, 0), 0);
    do
        connected[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    while (connect(connected[count++], (struct sockaddr *)&address, sizeof address) == 0);
    assert_int_equal(errno, EAGAIN);
    assert_false(ipc_free(path));
    assert_contains(why, "already in use");
    while (count > 0)
        close(connected[--count]);
    close(fd);
}

static void ipc_a_socket_of_another_type_is_owned(void **state)
{
    (void)state;
    int fd = bind_path(SOCK_DGRAM);
    assert_false(ipc_free(path));
    assert_contains(why, "already in use");
    close(fd);
}

static void ipc_a_stale_socket_is_free(void **state)
{
    (void)state;
    int fd = bind_path(SOCK_STREAM);
    listen(fd, 8);
    close(fd);
    assert_true(ipc_free(path));
    assert_int_equal(access(path, F_OK), 0);
}

static void ipc_a_missing_folder(void **state)
{
    (void)state;
    char below[128];
    snprintf(below, sizeof below, "%s/w", path);
    assert_false(ipc_free(below));
    assert_contains(why, "its folder is not writable: No such file or directory");
    write_file(path);
    assert_false(ipc_free(below));
    assert_contains(why, "its folder is not writable: Not a directory");
}

/* Root may write everywhere, so root becomes nobody for the question. */
static void ipc_a_folder_of_somebody_else(void **state)
{
    (void)state;
    bool is_root = geteuid() == 0;
    assert_int_equal(chmod(folder, 0555), 0);
    assert_true(!is_root || seteuid(NOBODY) == 0);
    bool is_free = ipc_free(path);
    assert_true(!is_root || seteuid(0) == 0);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_false(is_free);
    assert_contains(why, "its folder is not writable: Permission denied");
}

static void ipc_a_socket_of_somebody_else(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    int fd = bind_path(SOCK_STREAM);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    bool is_free = ipc_free(path);
    assert_int_equal(seteuid(0), 0);
    assert_false(is_free);
    assert_contains(why, "a process that cannot be identified: Permission denied");
    close(fd);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    alarm(TIME_LIMIT);
    const struct CMUnitTest tests[] = {
        IN_FOLDER(ipc_nothing_there),
        IN_FOLDER(ipc_a_precious_file_survives),
        IN_FOLDER(ipc_a_folder_or_link_survives),
        IN_FOLDER(ipc_a_live_owner_is_named),
        IN_FOLDER(ipc_a_busy_owner_is_an_owner),
        IN_FOLDER(ipc_a_socket_of_another_type_is_owned),
        IN_FOLDER(ipc_a_stale_socket_is_free),
        IN_FOLDER(ipc_a_missing_folder),
        IN_FOLDER(ipc_a_folder_of_somebody_else),
        IN_FOLDER(ipc_a_socket_of_somebody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

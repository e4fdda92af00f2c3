/* SPDX-License-Identifier: MIT */
/* See portowner.h. The kernel's tables of TCP sockets give the inode of a listening socket; its
 * process has a descriptor that links to "socket:[inode]". The owner of a socket file is reported
 * by SO_PEERCRED on a connection to it. */
#include "runtime/zmq/portowner.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENING = 0x0A, PATH_SIZE = 64, LINE_SIZE = 512 };

static bool holds(int pid, const char *wanted)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    bool found = false;
    struct dirent *entry;
    while (!found && (entry = readdir(folder))) {
        char link[PATH_SIZE];
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, link, sizeof link);
        found = size == (ssize_t)strlen(wanted) && memcmp(link, wanted, (size_t)size) == 0;
    }
    closedir(folder);
    return found;
}

/* The process that holds the socket; 0 if none is visible. */
static int holder_of(unsigned long inode)
{
    char wanted[PATH_SIZE];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *folder = opendir("/proc");
    if (!folder)
        return 0;
    int holder = 0;
    struct dirent *entry;
    while (!holder && (entry = readdir(folder))) {
        int pid = atoi(entry->d_name);
        if (pid > 0 && holds(pid, wanted))
            holder = pid;
    }
    closedir(folder);
    return holder;
}

/* The inode of the socket in `line`, if it listens on `port`; otherwise 0. */
static unsigned long listener_in(const char *line, int port)
{
    unsigned local_port, state;
    unsigned long inode;
    int fields =
        sscanf(line, "%*d: %*[^:]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local_port, &state, &inode);
    return fields == 3 && state == LISTENING && local_port == (unsigned)port ? inode : 0;
}

static int listener_of(int port, const char *table)
{
    FILE *file = fopen(table, "re");
    if (!file)
        return 0;
    int holder = 0;
    char line[LINE_SIZE];
    while (!holder && fgets(line, sizeof line, file)) {
        unsigned long inode = listener_in(line, port);
        if (inode)
            holder = holder_of(inode);
    }
    fclose(file);
    return holder;
}

/* A process chooses its own name: replace unprintable bytes. */
static void clean(char *name)
{
    name[strcspn(name, "\n")] = '\0';
    for (; *name; name++)
        if (*name < 0x20 || *name > 0x7e)
            *name = '?';
}

static void describe(int pid, char *out, size_t size)
{
    char path[PATH_SIZE];
    char name[PATH_SIZE] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *file = fopen(path, "re");
    if (file) {
        name[fread(name, 1, sizeof name - 1, file)] = '\0';
        fclose(file);
    }
    clean(name);
    snprintf(out, size, "%s%spid %d", name, *name ? ", " : "", pid);
}

bool zl_portowner_find(int port, char *out, size_t size)
{
    int pid = listener_of(port, "/proc/net/tcp");
    if (!pid)
        pid = listener_of(port, "/proc/net/tcp6");
    if (pid)
        describe(pid, out, size);
    return pid != 0;
}

/* The process at the other end of a connected socket; 0 if it is not visible. */
static int peer_of(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

bool zl_portowner_find_ipc(const char *path, char *out, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strnlen(path, sizeof address.sun_path - 1));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) ? errno : 0;
    int pid = error ? 0 : peer_of(fd);
    if (fd >= 0)
        close(fd);
    if (error == ECONNREFUSED || error == ENOENT)
        return false;
    if (pid > 0)
        describe(pid, out, size);
    else
        snprintf(out, size, "a process that cannot be identified: %s",
                 error ? strerror(error) : "it runs in another container");
    return true;
}

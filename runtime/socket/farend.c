/* SPDX-License-Identifier: MIT */
/* See farend.h. The far end of a connection is the row of /proc/net/tcp with its ports and
 * addresses exchanged. */
#include "runtime/socket/farend.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

struct row {
    unsigned char address[16], far_address[16];
    unsigned port, far_port, state;
};

/* An address is printed by 32-bit words of the machine's byte order, each as its bytes lie in
 * memory. */
static bool read_address(const char *text, unsigned char *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t words = strspn(text, "0123456789ABCDEFabcdef") / 8;
    if (words != 1 && words != 4)
        return false;
    memcpy(address, mapped, sizeof mapped);
    for (size_t i = 0; i < words; i++) {
        unsigned word = 0;
        if (sscanf(text + 8 * i, "%8x", &word) != 1)
            return false;
        memcpy(address + 16 - 4 * (words - i), &word, sizeof word);
    }
    return true;
}

static bool read_row(const char *line, struct row *row)
{
    char near[33], far[33];
    return sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%x %x", near, &row->port, far,
                  &row->far_port, &row->state) == 5 &&
           read_address(near, row->address) && read_address(far, row->far_address);
}

static bool is_far_end(const struct row *row, const struct zl_stream *peer)
{
    return row->port == peer->far_port && row->far_port == peer->port &&
           memcmp(row->address, peer->far_address, sizeof row->address) == 0 &&
           memcmp(row->far_address, peer->address, sizeof row->far_address) == 0;
}

static void note(struct zl_streams *peers, const struct row *row)
{
    for (size_t i = 0; i < peers->count; i++) {
        struct zl_stream *peer = &peers->items[i];
        if (peer->is_tcp && !peer->listens && is_far_end(row, peer))
            peer->far_end = row->state == TCP_ESTABLISHED ? ZL_FAR_OPEN : ZL_FAR_CLOSED;
    }
}

void zl_farend_look(struct zl_streams *peers)
{
    static const char *const paths[] = {"/proc/self/net/tcp", "/proc/self/net/tcp6"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char line[512];
        struct row row;
        FILE *file = fopen(paths[i], "re");
        while (file && fgets(line, sizeof line, file))
            if (read_row(line, &row))
                note(peers, &row);
        if (file)
            fclose(file);
    }
}

/* SPDX-License-Identifier: MIT */
/* See endpoint.h. A whole endpoint and each of its parts is a struct value: bytes, plus the words
 * for an error message about them and its destination. A check returns true, or writes its reason
 * with refuse() and returns false. */
#include "runtime/zmq/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/reason.h"
#include "runtime/zmq/portowner.h"

#define FORMS "tcp://host:port, ipc://path or inproc://name"
#define DIGITS "0123456789"
#define NAME_BYTES DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."

enum {
    PORT_MIN = 1024, /* lowest port that a script may give as a number */
    PORT_MAX = 65535,
    WORD_MAX = 255, /* bytes of a host or an inproc name */
    IPC_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
    SHOWN_MAX = 128, /* bytes of a value in an error */
};

struct value {
    const char *what, *verdict; /* as in: host "a b" is invalid */
    const char *text;           /* not NUL-terminated */
    size_t size;
    enum zl_use use;
    char *why; /* ZL_WHY_MAX bytes */
};

static struct value part(struct value whole, const char *what, const char *text, size_t size)
{
    return (struct value){what, whole.verdict, text, size, whole.use, whole.why};
}

static bool equals(struct value value, const char *text)
{
    return value.size == strlen(text) && memcmp(value.text, text, value.size) == 0;
}

static bool contains(struct value value, const char *text)
{
    return memmem(value.text, value.size, text, strlen(text)) != NULL;
}

static bool consists_of(struct value value, const char *bytes)
{
    for (size_t i = 0; i < value.size; i++)
        if (!memchr(bytes, value.text[i], strlen(bytes)))
            return false;
    return true;
}

/* The value for an error message: printable ASCII only, truncated when long. */
static const char *show(struct value value, char out[SHOWN_MAX])
{
    const size_t room = SHOWN_MAX - sizeof "\\xff...";
    size_t used = 0, i = 0;
    for (; i < value.size && used <= room; i++) {
        unsigned char c = (unsigned char)value.text[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        used += (size_t)snprintf(out + used, SHOWN_MAX - used, plain ? "%c" : "\\x%02x", c);
    }
    snprintf(out + used, SHOWN_MAX - used, "%s", i < value.size ? "..." : "");
    return out;
}

__attribute__((format(printf, 2, 3))) static bool refuse(struct value value, const char *text, ...)
{
    char shown[SHOWN_MAX];
    int used = snprintf(value.why, ZL_WHY_MAX, "%s \"%s\" %s: ", value.what, show(value, shown),
                        value.verdict);
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(value.why + used, ZL_WHY_MAX - (size_t)used, text, arguments);
    va_end(arguments);
    return false;
}

static bool check_bytes(struct value value, const char *noun)
{
    for (size_t i = 0; i < value.size; i++) {
        unsigned char c = (unsigned char)value.text[i];
        if (c <= ' ' || c == 0x7f)
            return refuse(value, "%s cannot contain %s", noun,
                          c == ' ' ? "spaces" : "control characters");
    }
    return true;
}

static bool check_size(struct value value, size_t max)
{
    if (value.size == 0)
        return refuse(value, "it is empty");
    return value.size <= max ||
           refuse(value, "it has %zu bytes, the limit is %zu", value.size, max);
}

static bool is_address(int family, const char *text, size_t size)
{
    char literal[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;
    if (size >= sizeof literal)
        return false;
    memcpy(literal, text, size);
    return inet_pton(family, literal, &address) == 1;
}

static bool check_ipv6(struct value host)
{
    const char *percent = memchr(host.text, '%', host.size);
    size_t size = percent ? (size_t)(percent - host.text) : host.size;
    if (!is_address(AF_INET6, host.text, size))
        return refuse(host,
                      "it is not an IPv6 address; a host name has no scheme, port or brackets");
    if (!percent)
        return true;
    struct value scope = part(host, "scope", percent + 1, host.size - size - 1);
    return (scope.size > 0 && scope.size < IF_NAMESIZE && consists_of(scope, NAME_BYTES)) ||
           refuse(host, "%% must be followed by the name of an interface, such as eth0");
}

static bool check_name(struct value host)
{
    if (!check_size(host, WORD_MAX))
        return false;
    if (equals(host, "*"))
        return host.use == ZL_BIND || refuse(host, "* is for servers, a client needs a host name");
    if (consists_of(host, DIGITS "."))
        return is_address(AF_INET, host.text, host.size) ||
               refuse(host, "an IPv4 address is four numbers 0-255 without leading zeros");
    return (consists_of(host, NAME_BYTES) && host.text[0] != '.' && !contains(host, "..")) ||
           refuse(host,
                  "a host name consists of letters, digits, - and _, with single dots between");
}

static bool refuse_port(struct value port)
{
    return refuse(port, "choose one between 1 and %d, in plain digits%s", PORT_MAX,
                  port.use == ZL_BIND ? ", or * for a free one" : "");
}

bool zl_port_check(double number)
{
    return number >= PORT_MIN && number <= PORT_MAX && number == (double)(int)number;
}

static bool check_port(struct value host, int port)
{
    char digits[16];
    int size = snprintf(digits, sizeof digits, "%d", port);
    return (port > 0 && port <= PORT_MAX) || (port == 0 && host.use == ZL_BIND) ||
           refuse_port(part(host, "port", digits, (size_t)size));
}

bool zl_endpoint_tcp(struct zl_endpoint *out, const char *host, size_t host_size, int port,
                     enum zl_use use, char why[ZL_WHY_MAX])
{
    struct value bare = {"host", "is invalid", host, host_size, use, why};
    bool bracketed = host_size >= 2 && host[0] == '[' && host[host_size - 1] == ']';
    if (bracketed)
        bare = part(bare, "host", host + 1, host_size - 2);
    bool ipv6 = bracketed || contains(bare, ":");
    if (!check_bytes(bare, "a host name") || !check_port(bare, port) ||
        !(ipv6 ? check_ipv6(bare) : check_name(bare)))
        return false;
    struct zl_endpoint made = {.transport = ZL_TCP, .port = port, .ipv6 = ipv6};
    memcpy(made.host, bare.text, bare.size);
    int used = snprintf(made.text, sizeof made.text,
                        ipv6 ? "tcp://[%.*s]:" : "tcp://%.*s:", (int)bare.size, bare.text);
    snprintf(made.text + used, sizeof made.text - (size_t)used, port ? "%d" : "*", port);
    *out = made;
    return true;
}

static bool parse_port(struct value port, int *out)
{
    *out = 0;
    if (equals(port, "*") || equals(port, "0"))
        return port.use == ZL_BIND || refuse_port(port);
    if (port.size == 0 || port.text[0] == '0' || !consists_of(port, DIGITS))
        return refuse_port(port);
    for (size_t i = 0; i < port.size && *out <= PORT_MAX; i++)
        *out = *out * 10 + (port.text[i] - '0');
    return *out <= PORT_MAX || refuse_port(port);
}

static bool parse_tcp(struct zl_endpoint *out, struct value whole, struct value rest)
{
    if (contains(rest, ";"))
        return refuse(whole,
                      "a source address before ; is not supported, write the peer's address alone");
    const char *colon = memrchr(rest.text, ':', rest.size);
    bool bracketed = rest.size > 0 && rest.text[0] == '[';
    if (!colon || (bracketed && colon[-1] != ']'))
        return refuse(whole, "its port is missing, write tcp://host:port or tcp://[IPv6]:port");
    struct value host = part(rest, "host", rest.text, (size_t)(colon - rest.text));
    if (!bracketed && contains(host, ":"))
        return refuse(whole, "an IPv6 address needs brackets, write tcp://[IPv6]:port");
    int port;
    return parse_port(part(rest, "port", colon + 1, rest.size - host.size - 1), &port) &&
           zl_endpoint_tcp(out, host.text, host.size, port, rest.use, rest.why);
}

static bool copy(struct zl_endpoint *out, enum zl_transport transport, struct value whole)
{
    struct zl_endpoint made = {.transport = transport};
    memcpy(made.text, whole.text, whole.size);
    *out = made;
    return true;
}

static bool parse_ipc(struct zl_endpoint *out, struct value whole, struct value path)
{
    if (!check_size(path, IPC_MAX))
        return false;
    if (equals(path, "@"))
        return refuse(whole, "its name is missing, write ipc://@name");
    if (path.text[0] == '*' && (path.use == ZL_CONNECT || path.size > 1))
        return refuse(whole, "* stands alone and is for servers; for a file named *, write ./*");
    return copy(out, ZL_IPC, whole);
}

static bool parse_inproc(struct zl_endpoint *out, struct value whole, struct value name)
{
    if (!check_size(name, WORD_MAX))
        return false;
    if (name.use == ZL_BIND && equals(name, "zeromq.zap.01"))
        return refuse(whole, "libzmq reserves it for authentication, choose another name");
    return copy(out, ZL_INPROC, whole);
}

static bool refuse_bare(struct value whole)
{
    char shown[SHOWN_MAX];
    bool is_path = whole.size > 0 && memchr("/.@", whole.text[0], 3);
    if (is_path || contains(whole, ":"))
        return refuse(whole, "it has no scheme, write %s://%s", is_path ? "ipc" : "tcp",
                      show(whole, shown));
    return refuse(whole, "it has no scheme, write " FORMS);
}

bool zl_endpoint_parse(struct zl_endpoint *out, const char *text, size_t size, enum zl_use use,
                       char why[ZL_WHY_MAX])
{
    struct value whole = {"endpoint", "is invalid", text, size, use, why};
    if (!check_bytes(whole, "an endpoint"))
        return false;
    const char *mark = memmem(text, size, "://", 3);
    if (!mark)
        return refuse_bare(whole);
    size_t start = (size_t)(mark - text) + 3;
    struct value scheme = part(whole, "scheme", text, start);
    struct value rest = part(whole, "address", text + start, size - start);
    if (equals(scheme, "tcp://"))
        return parse_tcp(out, whole, rest);
    if (equals(scheme, "ipc://"))
        return parse_ipc(out, whole, rest);
    if (equals(scheme, "inproc://"))
        return parse_inproc(out, whole, rest);
    return refuse(whole, "it has an unknown scheme, write " FORMS);
}

static bool check_folder(struct value whole, const char *path)
{
    char folder[IPC_MAX + sizeof "/."] = ".";
    const char *slash = strrchr(path, '/');
    if (slash)
        snprintf(folder, sizeof folder, "%.*s/.", (int)(slash - path), path);
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 ||
           refuse(whole, "its folder is not writable: %s", strerror(errno));
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode) ? "folder" : S_ISLNK(mode) ? "symbolic link" : "file";
}

void zl_endpoint_set_port(struct zl_endpoint *endpoint)
{
    if (endpoint->transport == ZL_TCP)
        endpoint->port = atoi(strrchr(endpoint->text, ':') + 1);
}

bool zl_endpoint_ipc_free(const struct zl_endpoint *endpoint, char why[ZL_WHY_MAX])
{
    const char *text = endpoint->text, *path = text + strlen("ipc://");
    struct value whole = {"endpoint", "cannot be bound", text, strlen(text), ZL_BIND, why};
    struct stat status;
    char owner[SHOWN_MAX];
    if (endpoint->transport != ZL_IPC || path[0] == '@' || path[0] == '*')
        return true;
    if (lstat(path, &status) != 0)
        return check_folder(whole, path);
    if (!S_ISSOCK(status.st_mode))
        return refuse(whole, "it is a %s, not a socket; zlrun will not remove it",
                      kind_of(status.st_mode));
    if (zl_portowner_find_ipc(path, owner, sizeof owner))
        return refuse(whole, "it is already in use by %s", owner);
    return check_folder(whole, path);
}

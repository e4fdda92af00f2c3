/* SPDX-License-Identifier: MIT */
/* See libzmq.h. Loaded the way the dynamic linker would: by its soname (libzmq.so.5 is the ABI of
 * every libzmq 4) and with lazy binding, which saves half a millisecond. Never unloaded, because
 * its threads may be running. */
#include "runtime/zmq/libzmq.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/reason.h"
#include "runtime/zmq/endpoint.h"

#define SONAME "libzmq.so.5"

struct zl_zmq zl_zmq;

static const struct {
    const char *name;
    void *place;
} functions[] = {
#define ROW(name) {"zmq_" #name, &zmq_##name},
    ZL_ZMQ_FUNCTIONS(ROW)
#undef ROW
};

static bool find_functions(void *library, char *why)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *address = dlsym(library, functions[i].name);
        if (!address) {
            snprintf(why, ZL_WHY_MAX, "%s is not a libzmq 4: %s", SONAME, dlerror());
            return false;
        }
        memcpy(functions[i].place, &address, sizeof address);
    }
    return true;
}

bool zl_libzmq_load(char *why)
{
    static bool loaded;
    if (loaded)
        return true;
    void *library = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        snprintf(why, ZL_WHY_MAX,
                 "libzmq cannot be loaded: %s; install it (libzmq5 on Debian), or set "
                 "LD_LIBRARY_PATH to the directory that contains it",
                 dlerror());
        return false;
    }
    loaded = find_functions(library, why);
    return loaded;
}

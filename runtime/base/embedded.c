/* SPDX-License-Identifier: MIT */
/* See embedded.h. */
#include "runtime/base/embedded.h"

#include <string.h>

const struct zl_embedded_module *zl_embedded_find(const char *name)
{
    const struct zl_embedded_module *module = zl_embedded_modules;
    while (module->name && strcmp(module->name, name) != 0)
        module++;
    return module->name ? module : NULL;
}

bool zl_embedded_has_file(const char *file)
{
    const struct zl_embedded_module *module = zl_embedded_modules;
    while (module->name && strcmp(module->file, file) != 0)
        module++;
    return module->name != NULL;
}

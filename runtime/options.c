/* SPDX-License-Identifier: MIT */
/* See options.h. */
#include "runtime/options.h"

#include <stdlib.h>
#include <string.h>

void zl_options_fini(struct zl_options *options)
{
    free((char *)options->name);
    free((char *)options->topic.data);
    for (size_t i = 0; i < options->topic_count; i++)
        free((char *)options->topics[i].data);
    free(options->topics);
    memset(options, 0, sizeof *options);
}

static bool copy_bytes(struct zl_bytes *to, const struct zl_bytes *from)
{
    char *copy = malloc(from->size + 1);
    if (!copy)
        return false;
    if (from->size > 0)
        memcpy(copy, from->data, from->size);
    to->data = copy;
    to->size = from->size;
    return true;
}

bool zl_options_have_topic(const struct zl_options *options, const struct zl_bytes *topic)
{
    for (size_t i = 0; i < options->topic_count; i++)
        if (options->topics[i].size == topic->size &&
            memcmp(options->topics[i].data, topic->data, topic->size) == 0)
            return true;
    return false;
}

bool zl_options_are_plain(const struct zl_options *options)
{
    return options->topic.size == 0 && !options->embed_topic && !options->exact &&
           !options->conflate && options->max_message_size >= ZL_FRAME_DEFAULT;
}

bool zl_options_copy(struct zl_options *to, const struct zl_options *from)
{
    *to = *from;
    to->is_plain = zl_options_are_plain(from);
    to->name = from->name ? strdup(from->name) : NULL;
    to->topics = calloc(from->topic_count + 1, sizeof *to->topics);
    to->topic_count = 0;
    bool ok = copy_bytes(&to->topic, &from->topic) && to->topics && (to->name || !from->name);
    if (!ok && to->topic.data == from->topic.data)
        to->topic.data = NULL;
    for (size_t i = 0; ok && i < from->topic_count; i++) {
        if (zl_options_have_topic(to, &from->topics[i]))
            continue;
        ok = copy_bytes(&to->topics[to->topic_count], &from->topics[i]);
        to->topic_count += ok;
    }
    if (!ok)
        zl_options_fini(to);
    return ok;
}

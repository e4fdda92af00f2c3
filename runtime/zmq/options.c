/* SPDX-License-Identifier: MIT */
/* See options.h. */
#include "runtime/zmq/options.h"

#include <stdlib.h>
#include <string.h>

void zl_options_fini(struct zl_options *options)
{
    free((char *)options->name);
    free((char *)options->topic.data);
    for (size_t i = 0; i < options->topic_count; i++)
        free((char *)options->topics[i].data);
    free(options->topics);
    zl_table_fini(&options->topic_table);
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

static bool is_topic(const void *item, const void *key)
{
    const struct zl_bytes *one = item, *other = key;
    return one->size == other->size && memcmp(one->data, other->data, one->size) == 0;
}

/* Also called for messages: few topics are compared one by one, and large frames are not hashed. */
bool zl_options_have_topic(const struct zl_options *options, const struct zl_bytes *topic)
{
    enum { FEW = 8 };
    if (options->topic_count <= FEW) {
        for (size_t i = 0; i < options->topic_count; i++)
            if (is_topic(&options->topics[i], topic))
                return true;
        return false;
    }
    if (topic->size > ZL_TOPIC_MAX)
        return false;
    uint64_t hash = zl_table_hash(topic->data, topic->size);
    return zl_table_find(&options->topic_table, hash, is_topic, topic) != NULL;
}

/* Adds a topic unless it is present. False without memory. */
static bool add_topic(struct zl_options *options, const struct zl_bytes *topic)
{
    struct zl_bytes *copy = &options->topics[options->topic_count];
    if (zl_options_have_topic(options, topic))
        return true;
    if (!copy_bytes(copy, topic))
        return false;
    options->topic_count++;
    return zl_table_add(&options->topic_table, zl_table_hash(copy->data, copy->size), copy);
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
    to->topic_table = (struct zl_table){NULL, 0, 0};
    bool ok = copy_bytes(&to->topic, &from->topic) && to->topics && (to->name || !from->name);
    if (!ok && to->topic.data == from->topic.data)
        to->topic.data = NULL;
    for (size_t i = 0; ok && i < from->topic_count; i++)
        ok = add_topic(to, &from->topics[i]);
    if (!ok)
        zl_options_fini(to);
    return ok;
}

/* MIT licence. */
#include "staging.h"

#include <string.h>

/* Until a value is complete, the two upper bytes of its length, which would be 0, hold how much of it is missing. */
#define LENGTH 4

static const char *name_at(const struct staging *staging, size_t at)
{
    return (const char *)&staging->bytes[at];
}

static uint8_t *length_at(const struct staging *staging, size_t at)
{
    return &staging->bytes[at + strlen(name_at(staging, at)) + 1];
}

static size_t missing_of(const uint8_t *length)
{
    return (size_t)length[0] << 8 | length[1];
}

static void set_missing(uint8_t *length, size_t missing)
{
    length[0] = (uint8_t)(missing >> 8);
    length[1] = (uint8_t)missing;
}

static size_t total_of(const uint8_t *length)
{
    return (size_t)length[2] << 8 | length[3];
}

/* Return where the record after the one at `at` begins. */
static size_t after(const struct staging *staging, size_t at)
{
    const uint8_t *length = length_at(staging, at);
    return (size_t)(length - staging->bytes) + LENGTH + total_of(length);
}

/* Return where the record of a name is or, as the order demands, would be. */
static size_t place_of(const struct staging *staging, const char *name)
{
    size_t at = 0;
    while (at < staging->used && strcmp(name_at(staging, at), name) < 0)
        at = after(staging, at);
    return at;
}

static bool is_at(const struct staging *staging, size_t at, const char *name)
{
    return at < staging->used && strcmp(name_at(staging, at), name) == 0;
}

static void drop(struct staging *staging, size_t at)
{
    const size_t end = after(staging, at);
    memmove(&staging->bytes[at], &staging->bytes[end], staging->used - end);
    staging->used -= end - at;
}

static bool make_room(struct staging *staging, size_t at, const char *name, size_t total)
{
    const size_t named = strlen(name) + 1, size = named + LENGTH + total;
    if (size > staging->room - staging->used)
        return false;
    memmove(&staging->bytes[at + size], &staging->bytes[at], staging->used - at);
    staging->used += size;
    memcpy(&staging->bytes[at], name, named);
    uint8_t *length = &staging->bytes[at + named];
    length[2] = (uint8_t)(total >> 8);
    length[3] = (uint8_t)total;
    return true;
}

void staging_begin(struct staging *staging)
{
    staging->used = 0;
    staging->begun = true;
}

enum staged staging_put(struct staging *staging, const char *name, size_t offset, size_t total, const uint8_t *part,
                        size_t size)
{
    if (!staging->begun)
        return STAGED_ORDER;
    const size_t at = place_of(staging, name);
    const bool here = is_at(staging, at, name);
    if (offset == 0) {
        if (here)
            drop(staging, at);
        if (!make_room(staging, at, name, total))
            return STAGED_FULL;
    } else {
        if (!here || total_of(length_at(staging, at)) != total)
            return STAGED_ORDER;
        if (offset > total - missing_of(length_at(staging, at)))
            return STAGED_ORDER;
    }
    uint8_t *length = length_at(staging, at);
    set_missing(length, total - offset - size);
    memcpy(&length[LENGTH + offset], part, size);
    return STAGED;
}

void staging_forget(struct staging *staging, const char *name, size_t offset)
{
    const size_t at = place_of(staging, name);
    if (!is_at(staging, at, name))
        return;
    if (offset == 0)
        drop(staging, at);
    else
        set_missing(length_at(staging, at), total_of(length_at(staging, at)) - offset);
}

const uint8_t *staging_value(const struct staging *staging, const char *name, size_t *size)
{
    const size_t at = place_of(staging, name);
    if (!is_at(staging, at, name) || missing_of(length_at(staging, at)) > 0)
        return NULL;
    *size = total_of(length_at(staging, at));
    return length_at(staging, at) + LENGTH;
}

void staging_id(const struct staging *staging, struct set_id *id)
{
    struct sha256 hash;
    sha256_begin(&hash);
    id->count = 0;
    for (size_t at = 0; at < staging->used; at = after(staging, at)) {
        if (missing_of(length_at(staging, at)) > 0)
            continue;
        sha256_add(&hash, &staging->bytes[at], after(staging, at) - at);
        id->count++;
    }
    sha256_end(&hash, id->digest);
}

void staging_settle(struct staging *staging)
{
    size_t at = 0;
    while (at < staging->used) {
        if (missing_of(length_at(staging, at)) > 0)
            drop(staging, at);
        else
            at = after(staging, at);
    }
}

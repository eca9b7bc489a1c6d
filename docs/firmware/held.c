/* MIT licence. */
#include "held.h"

#include <string.h>

#define LENGTH 4

/* Read the record at `*at`, and go on to the next; false where there is none. */
static bool next(const struct provision_board *board, size_t *at, char name[PROVISION_NAME + 1],
                 struct held_value *value)
{
    uint8_t head[PROVISION_NAME + 1 + LENGTH];
    const size_t held = board->held(board->context);
    if (*at >= held)
        return false;
    const size_t size = held - *at < sizeof head ? held - *at : sizeof head;
    if (!board->read(board->context, *at, head, size))
        return false;
    const uint8_t *end = memchr(head, '\0', size);
    if (!end)
        return false;
    const size_t named = (size_t)(end - head) + 1;
    if (named > PROVISION_NAME + 1 || named + LENGTH > size)
        return false;
    const uint8_t *length = &head[named];
    value->at = *at + named + LENGTH;
    value->size = (size_t)length[2] << 8 | length[3]; /* no value needs more */
    if (value->size > held - value->at)
        return false;
    memcpy(name, head, named);
    *at = value->at + value->size;
    return true;
}

bool held_find(const struct provision_board *board, const char *name, struct held_value *value)
{
    char other[PROVISION_NAME + 1];
    for (size_t at = 0; next(board, &at, other, value);)
        if (strcmp(other, name) == 0)
            return true;
    return false;
}

bool held_id(const struct provision_board *board, struct set_id *id)
{
    struct sha256 hash;
    struct held_value value;
    uint8_t part[64];
    char name[PROVISION_NAME + 1];
    const size_t held = board->held(board->context);
    sha256_begin(&hash);
    for (size_t at = 0; at < held;) {
        const size_t size = held - at < sizeof part ? held - at : sizeof part;
        if (!board->read(board->context, at, part, size))
            return false;
        sha256_add(&hash, part, size);
        at += size;
    }
    sha256_end(&hash, id->digest);
    id->count = 0;
    for (size_t at = 0; next(board, &at, name, &value);)
        id->count++;
    return true;
}

bool provision_get(const struct provision_board *board, const char *name, uint8_t *value, size_t room, size_t *size)
{
    struct held_value found;
    if (!held_find(board, name, &found) || found.size > room)
        return false;
    *size = found.size;
    return board->read(board->context, found.at, value, found.size);
}

/* A set of settings on its way, in a buffer of yours.  MIT licence.
 *
 * For each setting, in ascending order of the names: the name, a NUL, the length of the value as four bytes, most
 * significant first, and the value.  That is the input of the digest, so a set and what it is judged by are the same
 * bytes, in RAM and in permanent memory.
 */
#ifndef STAGING_H
#define STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

/* What tells one set from another. */
struct set_id {
    size_t count; /* of its settings */
    uint8_t digest[SHA256_SIZE];
};

struct staging {
    uint8_t *bytes;
    size_t room;
    size_t used;
    bool begun; /* a set that a restart has swept away is no empty one */
};

enum staged { STAGED, STAGED_FULL, STAGED_ORDER };

/* Stage an empty set. */
void staging_begin(struct staging *staging);

/* Stage the part of a value of `total` bytes (65535 at most) that begins at `offset` and lies within it. */
enum staged staging_put(struct staging *staging, const char *name, size_t offset, size_t total, const uint8_t *part,
                        size_t size);

/* Forget a value from `offset` on; all of it, if that is its beginning. */
void staging_forget(struct staging *staging, const char *name, size_t offset);

/* Return a value and, in `size`, its length; NULL while parts of it are missing. */
const uint8_t *staging_value(const struct staging *staging, const char *name, size_t *size);

/* Tell which set it is, by the settings that are complete. */
void staging_id(const struct staging *staging, struct set_id *id);

/* Drop the settings that are not complete: what is left is the set that `staging_id` told. */
void staging_settle(struct staging *staging);

#endif

/* The set in permanent memory, read from there each time.  MIT licence. */
#ifndef HELD_H
#define HELD_H

#include "provision.h"

struct held_value {
    size_t at, size;
};

/* Find a setting; its value is read with the board's own `read`. */
bool held_find(const struct provision_board *board, const char *name, struct held_value *value);

/* Tell which set it is; false if it can't be read. */
bool held_id(const struct provision_board *board, struct set_id *id);

#endif

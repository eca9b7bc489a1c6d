/* The board's end of the line protocol, version 1, as docs/line-protocol.md has it.  MIT licence.
 *
 * No heap, no interrupt, no waiting, of the C library only string.h.  Fill in a struct provision_board, call
 * provision_start once after each start, and provision_take for each byte that the UART has received.  README.md
 * shows a whole board.
 */
#ifndef PROVISION_H
#define PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "staging.h"

#define PROVISION_BUFFER 128 /* bytes of the receive buffer */
#define PROVISION_NAME 32    /* the longest name of a setting */
#define PROVISION_VALUE 2048 /* the longest value, in bytes */

enum provision_verdict { PROVISION_TAKEN, PROVISION_NO_SUCH_NAME, PROVISION_NO_SUCH_VALUE };

/* What the protocol needs of the board.  `context` is yours; every function gets it. */
struct provision_board {
    void *context;

    /* Send a line on the UART.  `line` is gone when this returns. */
    void (*send)(void *context, const char *line, size_t size);

    /* Tell the milliseconds since the start, which is the last reset of any kind. */
    uint32_t (*uptime_ms)(void *context);

    /* Start again as after power-on, once the UART has sent all that it was given.  May return before it does. */
    void (*restart)(void *context);

    /* Return a fact ("@serial", "@hardware", "@firmware", "@revision"); NULL where the board has none of that name. */
    const char *(*fact)(void *context, const char *name);

    /* Say whether the board takes a setting.  It is asked when a value begins, with `value` NULL, and when it is
     * complete.  NULL in place of this function: every setting is taken. */
    enum provision_verdict (*judge)(void *context, const char *name, const uint8_t *value, size_t size);

    /* Say whether a setting is kept to oneself.  NULL in place of this function: none is. */
    bool (*secret)(void *context, const char *name);

    /* Permanent memory: how many bytes the set there has, 0 for none; */
    size_t (*held)(void *context);
    /* a part of them; */
    bool (*read)(void *context, size_t offset, uint8_t *data, size_t size);
    /* and another set in place of it, so that a power cut at any instant leaves the old one or the new one.  pages.h
     * does so in flash. */
    bool (*store)(void *context, const uint8_t *set, size_t size);
};

struct provision {
    const struct provision_board *board;
    struct staging staging;
    size_t fill; /* of the line; PROVISION_BUFFER: it is too long, and is forgotten at its end */
    char line[PROVISION_BUFFER];
};

/* Begin to listen, and say so.  `staging` is where a set is gathered: its size is what all the settings together may
 * have, with five bytes more for each. */
void provision_start(struct provision *provision, const struct provision_board *board, uint8_t *staging, size_t size);

/* Take one byte from the UART.  If it ends a request, this obeys and answers it. */
void provision_take(struct provision *provision, uint8_t byte);

/* Read a setting from permanent memory, for the firmware's own use.  Returns false if it is not there or is longer
 * than `room`; sets `size`. */
bool provision_get(const struct provision_board *board, const char *name, uint8_t *value, size_t room, size_t *size);

#endif

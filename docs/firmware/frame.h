/* Lines and frames of the line protocol: what was sent to us, and what we send.  MIT licence. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_LINE 120 /* the longest line that we send, in characters without its LF */
#define FRAME_ARGUMENTS 4

/* A request; its texts are in the line that it was read from. */
struct request {
    const char *sequence; /* two digits */
    const char *verb;
    char *argument[FRAME_ARGUMENTS];
    unsigned count; /* of the arguments, also of those that are too many */
};

enum heard { HEARD_NOISE, HEARD_BAD, HEARD_REQUEST };

/* Find the good frame at the end of a line; the line is changed. */
enum heard frame_read(char *line, size_t size, struct request *request);

/* Read a decimal number of nine digits at most. */
bool number_of(const char *text, size_t *number);

/* Return the value of a hexadecimal digit of either case; 16 for what is none. */
unsigned digit_of(char text);

/* Replace the escapes of an argument, in its place, and end it with a NUL, which may also be one of its bytes. */
bool unescape(char *argument, size_t *size);

struct reply {
    size_t size;
    char text[FRAME_LINE + 1];
};

/* Begin a reply with its sequence and its result; "--" and a word begin what is said unasked. */
void reply_begin(struct reply *reply, const char *sequence, const char *result);

/* Add an argument. */
void reply_word(struct reply *reply, const char *word);
void reply_number(struct reply *reply, uint32_t number);

/* Add an argument that means as many of the bytes as fit into the line; nothing, if there are none. */
void reply_bytes(struct reply *reply, const uint8_t *data, size_t size);

/* Add the checksum and the LF. */
void reply_end(struct reply *reply);

#endif

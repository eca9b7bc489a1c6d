/* MIT licence. */
#include "frame.h"

#include <string.h>

#define CHECKSUM 4
#define SHORTEST 9 /* characters of a frame: "?00 *0000" */

static const char DIGITS[] = "0123456789ABCDEF";

/* CRC-16, polynomial 0x1021, start value 0xFFFF, most significant bit first. */
static void checksum(const char *text, size_t size, char digits[CHECKSUM])
{
    unsigned crc = 0xFFFF;
    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned)(uint8_t)text[i] << 8;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xFFFF;
    }
    for (unsigned i = 0; i < CHECKSUM; i++)
        digits[i] = DIGITS[crc >> (12 - 4 * i) & 0xF];
}

/* ---------------------------------------------------------------- what was sent to us */

static bool is_sequence(const char *frame)
{
    if (frame[0] == '!' && frame[1] == '-' && frame[2] == '-')
        return true;
    for (unsigned i = 1; i <= 2; i++)
        if (frame[i] == '\0' || !strchr(DIGITS, frame[i]))
            return false;
    return true;
}

static bool is_good(const char *frame, size_t size)
{
    char digits[CHECKSUM];
    if (size < SHORTEST || !is_sequence(frame) || frame[3] != ' ' || frame[size - CHECKSUM - 1] != '*')
        return false;
    const size_t fields = size - CHECKSUM - 1;
    for (size_t i = 0; i < fields; i++)
        if (frame[i] < 0x20 || frame[i] > 0x7E || frame[i] == '*')
            return false;
    checksum(frame, fields, digits);
    return memcmp(digits, &frame[fields + 1], CHECKSUM) == 0;
}

enum heard frame_read(char *line, size_t size, struct request *request)
{
    size_t start = size;
    while (start > 0 && line[start - 1] != '?' && line[start - 1] != '!')
        start--;
    if (start == 0)
        return HEARD_NOISE; /* no mark */
    char *frame = &line[start - 1];
    const size_t length = size - (start - 1);
    if (!is_good(frame, length))
        return memchr(line, '?', size) ? HEARD_BAD : HEARD_NOISE;
    if (*frame == '!')
        return HEARD_NOISE; /* what another board has said */
    frame[length - CHECKSUM - 1] = '\0';
    frame[3] = '\0';
    request->sequence = &frame[1];
    request->verb = &frame[4];
    request->count = 0;
    for (char *blank = &frame[4]; (blank = strchr(blank, ' ')) != NULL;) {
        *blank++ = '\0';
        if (request->count < FRAME_ARGUMENTS)
            request->argument[request->count] = blank;
        request->count++;
    }
    return HEARD_REQUEST;
}

bool number_of(const char *text, size_t *number)
{
    const size_t size = strlen(text);
    uint32_t sum = 0;
    if (size == 0 || size > 9 || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        sum = sum * 10 + (uint32_t)(text[i] - '0');
    }
    *number = (size_t)sum;
    return *number == sum; /* a size_t may have 16 bits */
}

unsigned digit_of(char text)
{
    if (text >= '0' && text <= '9')
        return (unsigned)(text - '0');
    if (text >= 'A' && text <= 'F')
        return (unsigned)(text - 'A') + 10;
    if (text >= 'a' && text <= 'f')
        return (unsigned)(text - 'a') + 10;
    return 16;
}

bool unescape(char *argument, size_t *size)
{
    char *to = argument;
    for (const char *from = argument; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        const unsigned high = digit_of(from[1]), low = high < 16 ? digit_of(from[2]) : 16;
        if (low == 16)
            return false;
        *to++ = (char)(uint8_t)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    *size = (size_t)(to - argument);
    return true;
}

/* ---------------------------------------------------------------- what we send */

static void add(struct reply *reply, const char *text, size_t size)
{
    memcpy(&reply->text[reply->size], text, size);
    reply->size += size;
}

void reply_begin(struct reply *reply, const char *sequence, const char *result)
{
    reply->text[0] = '!';
    reply->size = 1;
    add(reply, sequence, 2);
    reply_word(reply, result);
}

void reply_word(struct reply *reply, const char *word)
{
    add(reply, " ", 1);
    add(reply, word, strlen(word));
}

void reply_number(struct reply *reply, uint32_t number)
{
    char digits[11];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = DIGITS[number % 10];
        number /= 10;
    } while (number > 0);
    reply_word(reply, &digits[at]);
}

static bool is_plain(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7F && !strchr("%*?!", byte);
}

void reply_bytes(struct reply *reply, const uint8_t *data, size_t size)
{
    if (size > 0)
        add(reply, " ", 1);
    for (size_t i = 0; i < size; i++) {
        char text[3] = {(char)data[i]};
        size_t need = 1;
        if (!is_plain(data[i])) {
            text[0] = '%';
            text[1] = DIGITS[data[i] >> 4];
            text[2] = DIGITS[data[i] & 0xF];
            need = 3;
        }
        if (reply->size + need > FRAME_LINE - CHECKSUM - 1)
            return;
        add(reply, text, need);
    }
}

void reply_end(struct reply *reply)
{
    char digits[CHECKSUM];
    checksum(reply->text, reply->size, digits);
    add(reply, "*", 1);
    add(reply, digits, CHECKSUM);
    add(reply, "\n", 1);
}

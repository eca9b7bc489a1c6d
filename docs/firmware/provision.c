/* MIT licence. */
#include "provision.h"

#include <string.h>

#include "frame.h"
#include "held.h"

static const char LOWER_DIGITS[] = "0123456789abcdef";

static bool is_name(const char *name, size_t size)
{
    if (size == 0 || size > PROVISION_NAME)
        return false;
    for (size_t i = 0; i < size; i++) {
        const char c = name[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- requests
 * Each adds to the OK and returns NULL, or returns the word of an ERR. */

static const char *hello(struct provision *provision, struct request *request, struct reply *reply)
{
    (void)request;
    reply_number(reply, 1);
    reply_number(reply, FRAME_LINE);
    reply_number(reply, provision->board->uptime_ms(provision->board->context));
    return NULL;
}

static const char *get(struct provision *provision, struct request *request, struct reply *reply)
{
    const struct provision_board *board = provision->board;
    uint8_t part[FRAME_LINE];
    const char *name = request->argument[0], *fact = NULL;
    struct held_value value = {0, 0};
    size_t size, offset;
    if (!unescape(request->argument[0], &size) || !number_of(request->argument[1], &offset))
        return "args";
    if (name[0] == '@') {
        fact = strlen(name) == size ? board->fact(board->context, name) : NULL;
        if (!fact)
            return "unknown";
        value.size = strlen(fact);
    } else {
        if (!is_name(name, size) || !held_find(board, name, &value))
            return "unknown";
        if (board->secret && board->secret(board->context, name))
            return "secret";
    }
    if (offset > value.size)
        return "args";
    const size_t left = value.size - offset, count = left < sizeof part ? left : sizeof part;
    if (fact)
        memcpy(part, &fact[offset], count);
    else if (!board->read(board->context, value.at + offset, part, count))
        return "storage";
    reply_number(reply, (uint32_t)value.size);
    reply_bytes(reply, part, count);
    return NULL;
}

static const char *begin(struct provision *provision, struct request *request, struct reply *reply)
{
    (void)request;
    (void)reply;
    staging_begin(&provision->staging);
    return NULL;
}

static const char *judged(const struct provision_board *board, const char *name, const uint8_t *value, size_t size)
{
    switch (board->judge ? board->judge(board->context, name, value, size) : PROVISION_TAKEN) {
    case PROVISION_NO_SUCH_NAME:
        return "name";
    case PROVISION_NO_SUCH_VALUE:
        return "value";
    case PROVISION_TAKEN:
        break;
    }
    return NULL;
}

static const char *put(struct provision *provision, struct request *request, struct reply *reply)
{
    const char *name = request->argument[0], *refused;
    char nothing[] = "", *part = request->count == 4 ? request->argument[3] : nothing;
    size_t named, offset, total, size;
    (void)reply;
    if (!unescape(request->argument[0], &named) || !number_of(request->argument[1], &offset)
        || !number_of(request->argument[2], &total) || !unescape(part, &size))
        return "args";
    if (!is_name(name, named))
        return "name";
    if (offset > total || size > total - offset)
        return "args";
    if (total > PROVISION_VALUE)
        return "full";
    refused = judged(provision->board, name, NULL, total);
    if (refused)
        return refused;
    switch (staging_put(&provision->staging, name, offset, total, (const uint8_t *)part, size)) {
    case STAGED_FULL:
        return "full";
    case STAGED_ORDER:
        return "order";
    case STAGED:
        break;
    }
    const uint8_t *value = staging_value(&provision->staging, name, &size);
    refused = value ? judged(provision->board, name, value, size) : NULL;
    if (refused)
        staging_forget(&provision->staging, name, offset); /* it must not count */
    return refused;
}

/* Read COUNT and DIGEST. */
static bool id_of(const struct request *request, struct set_id *id)
{
    const char *text = request->argument[1];
    if (!number_of(request->argument[0], &id->count) || strlen(text) != 2 * SHA256_SIZE
        || strspn(text, LOWER_DIGITS) != 2 * SHA256_SIZE)
        return false;
    for (unsigned i = 0; i < SHA256_SIZE; i++)
        id->digest[i] = (uint8_t)(digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1]));
    return true;
}

static bool same(const struct set_id *one, const struct set_id *other)
{
    return one->count == other->count && memcmp(one->digest, other->digest, SHA256_SIZE) == 0;
}

static const char *commit(struct provision *provision, struct request *request, struct reply *reply)
{
    const struct provision_board *board = provision->board;
    struct staging *staging = &provision->staging;
    struct set_id asked, id;
    (void)reply;
    if (!id_of(request, &asked))
        return "args";
    if (staging->begun) {
        staging_id(staging, &id);
        if (same(&asked, &id)) {
            staging_settle(staging);
            if (!board->store(board->context, staging->bytes, staging->used))
                return "storage";
            staging->begun = false; /* asked once more, permanent memory answers */
            staging->used = 0;
            return NULL;
        }
    }
    if (!held_id(board, &id))
        return "storage";
    return same(&asked, &id) ? NULL : "digest";
}

static const char *digest(struct provision *provision, struct request *request, struct reply *reply)
{
    struct set_id id;
    char text[2 * SHA256_SIZE + 1];
    (void)request;
    if (!held_id(provision->board, &id))
        return "storage";
    for (unsigned i = 0; i < SHA256_SIZE; i++) {
        text[2 * i] = LOWER_DIGITS[id.digest[i] >> 4];
        text[2 * i + 1] = LOWER_DIGITS[id.digest[i] & 0xF];
    }
    text[2 * SHA256_SIZE] = '\0';
    reply_number(reply, (uint32_t)id.count);
    reply_word(reply, text);
    return NULL;
}

static const char *restart(struct provision *provision, struct request *request, struct reply *reply)
{
    (void)provision; /* once the answer is on its way: see obey */
    (void)request;
    (void)reply;
    return NULL;
}

/* ---------------------------------------------------------------- lines */

static const struct verb {
    const char *name;
    unsigned least, most; /* arguments */
    const char *(*obey)(struct provision *provision, struct request *request, struct reply *reply);
} VERBS[] = {
    {"HELLO", 0, 0, hello},   {"GET", 2, 2, get},       {"BEGIN", 0, 0, begin},     {"PUT", 3, 4, put},
    {"COMMIT", 2, 2, commit}, {"DIGEST", 0, 0, digest}, {"RESTART", 0, 0, restart},
};

static const struct verb *verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
        if (strcmp(VERBS[i].name, name) == 0)
            return &VERBS[i];
    return NULL;
}

static void say(const struct provision_board *board, struct reply *reply)
{
    reply_end(reply);
    board->send(board->context, reply->text, reply->size);
}

static void obey(struct provision *provision, struct request *request)
{
    const struct verb *verb = verb_of(request->verb);
    struct reply reply;
    const char *word = NULL;
    reply_begin(&reply, request->sequence, "OK");
    if (!verb)
        word = "verb";
    else if (request->count < verb->least || request->count > verb->most)
        word = "args";
    else
        word = verb->obey(provision, request, &reply);
    if (word) {
        reply_begin(&reply, request->sequence, "ERR");
        reply_word(&reply, word);
    }
    say(provision->board, &reply);
    if (!word && verb->obey == restart)
        provision->board->restart(provision->board->context);
}

static void say_unasked(const struct provision_board *board, const char *word)
{
    struct reply reply;
    reply_begin(&reply, "--", word);
    say(board, &reply);
}

void provision_start(struct provision *provision, const struct provision_board *board, uint8_t *staging, size_t size)
{
    provision->board = board;
    provision->staging.bytes = staging;
    provision->staging.room = size;
    provision->staging.used = 0;
    provision->staging.begun = false;
    provision->fill = 0;
    say_unasked(board, "READY");
}

void provision_take(struct provision *provision, uint8_t byte)
{
    struct request request;
    const size_t size = provision->fill;
    if (byte == '\r')
        return;
    if (byte != '\n') {
        if (size < PROVISION_BUFFER)
            provision->line[provision->fill++] = (char)byte;
        return;
    }
    provision->fill = 0;
    if (size == PROVISION_BUFFER)
        return;
    switch (frame_read(provision->line, size, &request)) {
    case HEARD_REQUEST:
        obey(provision, &request);
        break;
    case HEARD_BAD:
        say_unasked(provision->board, "BAD");
        break;
    case HEARD_NOISE:
        break;
    }
}

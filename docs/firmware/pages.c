/* MIT licence. */
#include "pages.h"

#include <string.h>

#include "sha256.h"

/* A header: number and length, four bytes each, least significant first; zeros; SHA-256 of these and the blob. */
#define DIGEST (PAGES_HEADER - SHA256_SIZE)

struct header {
    uint8_t bytes[PAGES_HEADER];
};

static void set_word(uint8_t *bytes, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(word >> (8 * i));
}

static uint32_t word_of(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Tell whether a page holds a whole blob, whatever may be in it; set its number and its length. */
static bool holds_blob(const struct pages_flash *flash, unsigned page, uint32_t *number, size_t *size)
{
    struct header header;
    struct sha256 hash;
    uint8_t part[64], digest[SHA256_SIZE];
    if (!flash->read(flash->context, page, 0, header.bytes, PAGES_HEADER))
        return false;
    const uint32_t length = word_of(&header.bytes[4]);
    if (length > flash->size - PAGES_HEADER)
        return false;
    sha256_begin(&hash);
    sha256_add(&hash, header.bytes, DIGEST);
    for (size_t at = 0; at < length;) {
        const size_t count = length - at < sizeof part ? length - at : sizeof part;
        if (!flash->read(flash->context, page, PAGES_HEADER + at, part, count))
            return false;
        sha256_add(&hash, part, count);
        at += count;
    }
    sha256_end(&hash, digest);
    *number = word_of(header.bytes);
    *size = length;
    return *number > 0 && memcmp(digest, &header.bytes[DIGEST], SHA256_SIZE) == 0;
}

void pages_open(struct pages *pages, const struct pages_flash *flash)
{
    pages->flash = flash;
    pages->page = 1; /* so that the first blob goes to page 0 */
    pages->number = 0;
    pages->size = 0;
    for (unsigned page = 0; page < 2; page++) {
        uint32_t number;
        size_t size;
        if (holds_blob(flash, page, &number, &size) && number > pages->number) {
            pages->page = page;
            pages->number = number;
            pages->size = size;
        }
    }
}

bool pages_read(const struct pages *pages, size_t offset, uint8_t *data, size_t size)
{
    if (offset > pages->size || size > pages->size - offset)
        return false;
    return pages->flash->read(pages->flash->context, pages->page, PAGES_HEADER + offset, data, size);
}

/* Write a blob behind the header's place, the last unit of it filled up. */
static bool write_blob(const struct pages_flash *flash, unsigned page, const uint8_t *blob, size_t size)
{
    const size_t whole = size - size % PAGES_UNIT;
    if (whole > 0 && !flash->write(flash->context, page, PAGES_HEADER, blob, whole))
        return false;
    if (whole == size)
        return true;
    uint8_t last[PAGES_UNIT];
    memset(last, 0xFF, sizeof last);
    memcpy(last, &blob[whole], size - whole);
    return flash->write(flash->context, page, PAGES_HEADER + whole, last, sizeof last);
}

bool pages_store(struct pages *pages, const uint8_t *blob, size_t size)
{
    const struct pages_flash *flash = pages->flash;
    const unsigned page = 1 - pages->page;
    struct header header;
    struct sha256 hash;
    uint32_t number;
    size_t length;
    if (size > flash->size - PAGES_HEADER)
        return false;
    memset(header.bytes, 0, DIGEST);
    set_word(&header.bytes[0], pages->number + 1);
    set_word(&header.bytes[4], (uint32_t)size);
    sha256_begin(&hash);
    sha256_add(&hash, header.bytes, DIGEST);
    sha256_add(&hash, blob, size);
    sha256_end(&hash, &header.bytes[DIGEST]);
    if (!flash->erase(flash->context, page) || !write_blob(flash, page, blob, size)
        || !flash->write(flash->context, page, 0, header.bytes, PAGES_HEADER))
        return false;
    if (!holds_blob(flash, page, &number, &length) || number != pages->number + 1)
        return false;
    pages->page = page;
    pages->number = number;
    pages->size = length;
    return true;
}

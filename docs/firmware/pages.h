/* One blob in two pages of flash, replaced so that a power cut at any instant leaves the old one or the new one.
 * MIT licence.
 *
 * A page is what holds one blob: one erase unit of the flash or several.  The pages are written in turn.  A blob is
 * written behind the place of its header, and its header last; that has the blob's number, its length, and SHA-256
 * over all of it, so what was cut short is no blob.  The one with the higher number counts.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_UNIT 32   /* writes begin and end at multiples of this, and no byte is written twice after an erase */
#define PAGES_HEADER 64 /* bytes of a page that are not for the blob; a multiple of the unit */

/* The flash: fill it in.  `page` is 0 or 1. */
struct pages_flash {
    void *context;
    size_t size; /* of a page, in bytes */
    bool (*erase)(void *context, unsigned page);
    bool (*write)(void *context, unsigned page, size_t offset, const uint8_t *data, size_t size);
    bool (*read)(void *context, unsigned page, size_t offset, uint8_t *data, size_t size);
};

struct pages {
    const struct pages_flash *flash;
    unsigned page;   /* the one that counts */
    uint32_t number; /* of its blob; 0: there is none yet */
    size_t size;     /* of its blob */
};

/* Find the blob that counts.  Call it once after each start. */
void pages_open(struct pages *pages, const struct pages_flash *flash);

/* Read a part of the blob. */
bool pages_read(const struct pages *pages, size_t offset, uint8_t *data, size_t size);

/* Replace the blob; true once it is permanent and was read back.  If it fails, the old one stays. */
bool pages_store(struct pages *pages, const uint8_t *blob, size_t size);

#endif

/* SHA-256 (FIPS 180-4), small rather than fast: 108 bytes of state, 64 of schedule.  MIT licence. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
    uint32_t state[8];
    uint32_t size; /* bytes so far, less than 512 MiB */
    uint8_t block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_SIZE]);

#endif

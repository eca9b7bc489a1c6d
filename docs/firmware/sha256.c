/* MIT licence. */
#include "sha256.h"

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turned(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

/* Mix the full block into the state.  Only 16 words of the schedule exist at a time. */
static void mix(struct sha256 *hash)
{
    uint32_t schedule[16], v[8];
    for (unsigned i = 0; i < 8; i++)
        v[i] = hash->state[i];
    for (unsigned i = 0; i < 64; i++) {
        uint32_t *word = &schedule[i % 16];
        if (i < 16) {
            const uint8_t *byte = &hash->block[4 * i];
            *word = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
        } else {
            uint32_t near = schedule[(i + 14) % 16], far = schedule[(i + 1) % 16];
            *word += (turned(far, 7) ^ turned(far, 18) ^ far >> 3) + schedule[(i + 9) % 16]
                   + (turned(near, 17) ^ turned(near, 19) ^ near >> 10);
        }
        uint32_t chosen = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t first = v[7] + (turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)) + chosen + ROUND[i] + *word;
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t second = (turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)) + majority;
        for (unsigned k = 7; k > 0; k--)
            v[k] = v[k - 1];
        v[4] += first;
        v[0] = first + second;
    }
    for (unsigned i = 0; i < 8; i++)
        hash->state[i] += v[i];
}

void sha256_begin(struct sha256 *hash)
{
    static const uint32_t START[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    for (unsigned i = 0; i < 8; i++)
        hash->state[i] = START[i];
    hash->size = 0;
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
    const uint8_t *byte = data;
    for (size_t i = 0; i < size; i++) {
        hash->block[hash->size++ % 64] = byte[i];
        if (hash->size % 64 == 0)
            mix(hash);
    }
}

void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_SIZE])
{
    static const uint8_t ONE = 0x80, ZERO = 0;
    const uint32_t bits = hash->size * 8;
    const uint8_t length[8] = {
        0, 0, 0, 0, (uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits,
    };
    sha256_add(hash, &ONE, 1);
    while (hash->size % 64 != 56)
        sha256_add(hash, &ZERO, 1);
    sha256_add(hash, length, sizeof length);
    for (unsigned i = 0; i < SHA256_SIZE; i++)
        digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

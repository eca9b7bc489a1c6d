/* MIT licence. */
#define _POSIX_C_SOURCE 200809L

#include "host_flash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hardware.h"

static int file = -1;
static long bytes_left = -1; /* until the power fails; negative: it does not */

void host_flash_open(const char *path, long power_cut)
{
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        perror(path);
        exit(1);
    }
    bytes_left = power_cut;
}

static off_t place(unsigned page, size_t offset)
{
    return (off_t)(page * (size_t)FLASH_PAGE + offset);
}

/* Change the flash, as far as the power lasts. */
static bool change(unsigned page, size_t offset, const uint8_t *data, size_t size)
{
    const bool fails = bytes_left >= 0 && (size_t)bytes_left <= size;
    const size_t count = fails ? (size_t)bytes_left : size;
    const ssize_t changed = pwrite(file, data, count, place(page, offset));
    if (fails)
        raise(SIGKILL);
    if (bytes_left > 0)
        bytes_left -= (long)count;
    return changed == (ssize_t)count && fdatasync(file) == 0;
}

bool flash_read(unsigned page, size_t offset, uint8_t *data, size_t size)
{
    memset(data, 0xFF, size); /* what the file does not have yet is erased */
    return pread(file, data, size, place(page, offset)) >= 0;
}

bool flash_erase(unsigned page)
{
    uint8_t erased[FLASH_PAGE];
    memset(erased, 0xFF, sizeof erased);
    return change(page, 0, erased, sizeof erased);
}

bool flash_write(unsigned page, size_t offset, const uint8_t *data, size_t size)
{
    uint8_t bytes[FLASH_PAGE];
    if (!flash_read(page, offset, bytes, size))
        return false;
    for (size_t i = 0; i < size; i++)
        bytes[i] &= data[i]; /* as flash does: a write clears bits, only an erase sets them */
    return change(page, offset, bytes, size);
}

/* What board.c needs of the hardware: write these for yours.  host.c and host_flash.c do for a PC.  MIT licence. */
#ifndef HARDWARE_H
#define HARDWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLASH_PAGE 4096 /* bytes of each of the two flash areas for the settings: a multiple of the erase unit */

/* Return what the factory wrote where no setting reaches; NULL if there is none. */
const char *hardware_serial(void);
const char *hardware_id(void);

void uart_send(const char *data, size_t size);

/* Milliseconds since the last reset. */
uint32_t clock_ms(void);

/* Reset the chip once the UART has sent everything. */
void hardware_restart(void);

/* The flash areas 0 and 1.  What is written begins and ends at a multiple of 32 bytes, and was erased before. */
bool flash_erase(unsigned page);
bool flash_write(unsigned page, size_t offset, const uint8_t *data, size_t size);
bool flash_read(unsigned page, size_t offset, uint8_t *data, size_t size);

#endif

/* A whole board that can be provisioned; board.c is what a product's firmware adds to provision.c.  MIT licence. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Open permanent memory and begin to listen: once, after each start. */
void board_start(void);

/* Take one byte from the UART.  Not in an interrupt: a commit takes as long as the flash does. */
void board_take(uint8_t byte);

#endif

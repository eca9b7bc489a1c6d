/* Two pages of flash in a file on a PC.  MIT licence. */
#ifndef HOST_FLASH_H
#define HOST_FLASH_H

/* Open the file, and make it if there is none.  With `power_cut` 0 or more the process dies once so many bytes have
 * been erased or written. */
void host_flash_open(const char *path, long power_cut);

#endif

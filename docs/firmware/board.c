/* MIT licence. */
#include "board.h"

#include <string.h>

#include "hardware.h"
#include "pages.h"
#include "provision.h"

#define STAGING (FLASH_PAGE - PAGES_HEADER) /* what a page has room for; a smaller one saves RAM */

static struct provision provision;
static struct pages pages;
static uint8_t staging[STAGING];

/* ---------------------------------------------------------------- flash */

static bool erase(void *context, unsigned page)
{
    (void)context;
    return flash_erase(page);
}

static bool write(void *context, unsigned page, size_t offset, const uint8_t *data, size_t size)
{
    (void)context;
    return flash_write(page, offset, data, size);
}

static bool read(void *context, unsigned page, size_t offset, uint8_t *data, size_t size)
{
    (void)context;
    return flash_read(page, offset, data, size);
}

static const struct pages_flash FLASH = {.size = FLASH_PAGE, .erase = erase, .write = write, .read = read};

/* ---------------------------------------------------------------- what the protocol asks of the board */

static void send(void *context, const char *line, size_t size)
{
    (void)context;
    uart_send(line, size);
}

static uint32_t uptime_ms(void *context)
{
    (void)context;
    return clock_ms();
}

static void restart(void *context)
{
    (void)context;
    hardware_restart();
}

static const char *fact(void *context, const char *name)
{
    (void)context;
    if (strcmp(name, "@serial") == 0)
        return hardware_serial();
    if (strcmp(name, "@hardware") == 0)
        return hardware_id();
    if (strcmp(name, "@firmware") == 0)
        return "line-example 1";
    return NULL;
}

/* This board has any setting, but not one that begins with "factory."; "report_s" is a number. */
static enum provision_verdict judge(void *context, const char *name, const uint8_t *value, size_t size)
{
    (void)context;
    if (strncmp(name, "factory.", 8) == 0)
        return PROVISION_NO_SUCH_NAME;
    if (strcmp(name, "report_s") == 0 && value) {
        for (size_t i = 0; i < size; i++)
            if (value[i] < '0' || value[i] > '9')
                return PROVISION_NO_SUCH_VALUE;
    }
    return PROVISION_TAKEN;
}

static bool secret(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "fleet.key") == 0;
}

static size_t held(void *context)
{
    (void)context;
    return pages.size;
}

static bool read_held(void *context, size_t offset, uint8_t *data, size_t size)
{
    (void)context;
    return pages_read(&pages, offset, data, size);
}

static bool store(void *context, const uint8_t *set, size_t size)
{
    static const char SAID[] = "I: settings stored\r\n"; /* log lines may share the UART, between replies */
    (void)context;
    if (!pages_store(&pages, set, size))
        return false;
    uart_send(SAID, sizeof SAID - 1);
    return true;
}

static const struct provision_board BOARD = {
    .send = send,
    .uptime_ms = uptime_ms,
    .restart = restart,
    .fact = fact,
    .judge = judge,
    .secret = secret,
    .held = held,
    .read = read_held,
    .store = store,
};

/* Log a setting, as a firmware that uses one. */
static void log_motd(void)
{
    uint8_t motd[64];
    size_t size;
    if (!provision_get(&BOARD, "motd", motd, sizeof motd, &size))
        return;
    uart_send("motd: ", 6);
    uart_send((const char *)motd, size);
    uart_send("\r\n", 2);
}

void board_start(void)
{
    pages_open(&pages, &FLASH);
    log_motd();
    provision_start(&provision, &BOARD, staging, sizeof staging);
}

void board_take(uint8_t byte)
{
    provision_take(&provision, byte);
}

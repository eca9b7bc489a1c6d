/* The board on a PC: its UART is the standard input and output, a serial port, or a pty.  MIT licence. */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "hardware.h"
#include "host_flash.h"

static const char USAGE[] =
    "usage: board [OPTION VALUE]...\n"
    "  --serial TEXT     its serial number (default G1-00000001)\n"
    "  --hardware TEXT   its hardware id (default 02:00:00:00:00:01)\n"
    "  --flash FILE      its permanent memory (default board.flash)\n"
    "  --pty LINK        its UART is a new pty, and LINK leads there; else it is the standard input and output\n"
    "  --tty DEVICE      its UART is a serial port, at 115200 baud\n"
    "  --power-cut N     it dies once N bytes of its flash were erased or written\n";

static const char *serial = "G1-00000001", *hardware = "02:00:00:00:00:01";
static int uart_in = STDIN_FILENO, uart_out = STDOUT_FILENO;
static struct timespec started;
static bool restarting;

/* ---------------------------------------------------------------- hardware.h */

const char *hardware_serial(void)
{
    return serial;
}

const char *hardware_id(void)
{
    return hardware;
}

uint32_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000);
}

void uart_send(const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t sent = write(uart_out, data, size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return; /* a UART doesn't know whether anybody listens */
        data += sent;
        size -= (size_t)sent;
    }
}

void hardware_restart(void)
{
    restarting = true; /* main does it */
}

/* ---------------------------------------------------------------- the UART of a PC */

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static void make_raw(int terminal)
{
    struct termios modes;
    check(tcgetattr(terminal, &modes) == 0, "terminal");
    modes.c_iflag = 0;
    modes.c_oflag = 0;
    modes.c_lflag = 0;
    modes.c_cflag = CS8 | CREAD | CLOCAL;
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    cfsetispeed(&modes, B115200);
    cfsetospeed(&modes, B115200);
    check(tcsetattr(terminal, TCSANOW, &modes) == 0, "terminal");
}

static void open_tty(const char *path)
{
    uart_in = uart_out = open(path, O_RDWR | O_NOCTTY);
    check(uart_in >= 0, path);
    make_raw(uart_in);
}

/* Make a pty and let `link` lead there, at once and whole. */
static void open_pty(const char *link)
{
    char fresh[4096];
    uart_in = uart_out = posix_openpt(O_RDWR | O_NOCTTY);
    check(uart_in >= 0 && grantpt(uart_in) == 0 && unlockpt(uart_in) == 0, "pty");
    const char *name = ptsname(uart_in);
    check(name != NULL, "pty");
    const int other_end = open(name, O_RDWR | O_NOCTTY); /* stays open: stations come and go */
    check(other_end >= 0, name);
    make_raw(other_end);
    const int length = snprintf(fresh, sizeof fresh, "%s.new", link);
    check(length > 0 && (size_t)length < sizeof fresh, link);
    unlink(fresh);
    check(symlink(name, fresh) == 0 && rename(fresh, link) == 0, link);
}

/* ---------------------------------------------------------------- main */

static void start(void)
{
    static const char BOOT[] = "\r\nboot: checking flash... done? ok\r\n";
    restarting = false;
    clock_gettime(CLOCK_MONOTONIC, &started);
    uart_send(BOOT, sizeof BOOT - 1);
    board_start();
}

static void run(void)
{
    uint8_t bytes[256];
    start();
    for (;;) {
        const ssize_t count = read(uart_in, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return;
        for (ssize_t i = 0; i < count && !restarting; i++)
            board_take(bytes[i]);
        if (restarting)
            start(); /* what else had been received is gone, as at a reset */
    }
}

int main(int argc, char **argv)
{
    const char *flash = "board.flash", *pty = NULL, *tty = NULL, *power_cut = "-1";
    const struct option {
        const char *name, **value;
    } options[] = {
        {"--serial", &serial}, {"--hardware", &hardware}, {"--flash", &flash},
        {"--pty", &pty},       {"--tty", &tty},           {"--power-cut", &power_cut},
    };
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < sizeof options / sizeof *options && strcmp(options[k].name, argv[i]) != 0)
            k++;
        if (k == sizeof options / sizeof *options || i + 1 == argc) {
            fputs(USAGE, stderr);
            return 2;
        }
        *options[k].value = argv[i + 1];
    }
    host_flash_open(flash, strtol(power_cut, NULL, 10));
    if (pty)
        open_pty(pty);
    else if (tty)
        open_tty(tty);
    run();
    return 0;
}

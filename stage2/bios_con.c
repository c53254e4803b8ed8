/* SPDX-License-Identifier: MIT */
/* Screen, keyboard and COM1. Writes into text memory itself, since INT 10h would cost two mode changes a letter. */
#include "bios.h"

#define COLUMNS 80u
#define ROWS 25u
#define TEXT_COLOUR 0xB8000u
#define TEXT_MONO 0xB0000u
#define MODE_MONO 7u

#define INT_VIDEO 0x10u
#define INT_KEYBOARD 0x16u
#define VIDEO_MODE_80X25 0x0003u
#define VIDEO_CURSOR 0x0200u
#define KEY_PEEK 0x0100u
#define KEY_READ 0x0000u
#define SCAN_UP 0x48u
#define SCAN_DOWN 0x50u

#define COM1 0x3F8u
#define COM_LINE_STATUS (COM1 + 5)
#define LINE_HAS_DATA 0x01u
#define LINE_CAN_SEND 0x20u
#define LINE_MISSING 0xFFu
#define SEND_SPINS 2000000u /* a port access takes about a microsecond */

#define TICK_MS 55u

static uint16_t *screen;
static unsigned row;
static unsigned column;
static bool has_com1;
static unsigned patience;

static void com1_init(void)
{
    static const uint8_t steps[][2] = {
        {1, 0x00},                 /* no interrupts */
        {3, 0x80}, {0, 1}, {1, 0}, /* divisor 1: 115200 */
        {3, 0x03},                 /* 8N1 */
        {2, 0x07},                 /* FIFO on and empty */
        {4, 0x03},                 /* DTR, RTS */
    };
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++)
        port_out((uint16_t)(COM1 + steps[i][0]), steps[i][1]);
    patience = SEND_SPINS;
    has_com1 = port_in(COM_LINE_STATUS) != LINE_MISSING;
}

void console_init(void)
{
    struct bios_regs regs = regs_init(VIDEO_MODE_80X25);
    bool mono = *low8(BDA_VIDEO_MODE) == MODE_MONO;
    /* INT 10h AH=00h  Call with: AL = mode. Returns: nothing. Clears the screen. A mono card keeps its only mode. */
    if (mono)
        regs.eax = MODE_MONO;
    bios_int(INT_VIDEO, &regs, &regs);
    screen = (uint16_t *)(mono ? TEXT_MONO : TEXT_COLOUR);
    com1_init();
}

static void com1_send(char letter)
{
    if (!has_com1)
        return;
    /* A port that never gets ready costs its two seconds once, not for every letter; one that wakes up is believed. */
    unsigned spins = patience;
    while ((port_in(COM_LINE_STATUS) & LINE_CAN_SEND) == 0)
        if (spins-- == 0) {
            patience = 0;
            return;
        }
    patience = SEND_SPINS;
    port_out(COM1, (uint8_t)letter);
}

static void com1_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            com1_send('\r');
        com1_send(*text);
    }
}

static void new_line(void)
{
    column = 0;
    if (++row < ROWS)
        return;
    row = ROWS - 1;
    memmove(screen, screen + COLUMNS, (ROWS - 1) * COLUMNS * sizeof *screen);
    for (unsigned i = 0; i < COLUMNS; i++)
        screen[row * COLUMNS + i] = 0x0720;
}

static void show_cursor(void)
{
    /* INT 10h AH=02h  Call with: BH = page, DH = row, DL = column. Returns: nothing. */
    struct bios_regs regs = regs_init(VIDEO_CURSOR);
    regs.edx = row << 8 | column;
    bios_int(INT_VIDEO, &regs, &regs);
}

void bios_put(struct firmware *fw, const char *text, enum colour colour)
{
    static const uint8_t attributes[] = {0x07, 0x0F, 0x0A, 0x0C};
    uint16_t attribute = (uint16_t)(attributes[colour] << 8);
    if (fw->serial)
        com1_text(text);
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            new_line();
            continue;
        }
        screen[row * COLUMNS + column] = (uint16_t)(attribute | (uint8_t)*text);
        if (++column == COLUMNS)
            new_line();
    }
}

void bios_up(struct firmware *fw, unsigned lines)
{
    row = row > lines ? row - lines : 0;
    column = 0;
    if (!fw->serial)
        return;
    while (lines-- > 0)
        com1_text("\x1b[A");
    com1_send('\r');
}

void bios_event(struct firmware *fw, const char *line)
{
    if (!fw->serial)
        return;
    /* A sentence may be under way on the same line: events begin at the left margin. */
    if (column != 0)
        com1_text("\n");
    com1_text(line);
    com1_text("\n");
}

/* INT 16h AH=01h  Returns: ZF = 1 no key.  AH=00h  Returns: AL = ASCII, AH = scan code; waits, so it is asked only
 * when a key is there. */
static int keyboard_key(void)
{
    struct bios_regs regs = regs_init(KEY_PEEK);
    bios_int(INT_KEYBOARD, &regs, &regs);
    if ((regs.flags & FLAG_ZERO) != 0)
        return KEY_NONE;
    regs = regs_init(KEY_READ);
    bios_int(INT_KEYBOARD, &regs, &regs);
    uint8_t scan = (uint8_t)(regs.eax >> 8);
    uint8_t ascii = (uint8_t)regs.eax;
    /* ASCII first: with NumLock on, the keypad's 8 and 2 have the scan codes of arrows. */
    if (ascii != 0 && ascii != 0xE0)
        return ascii;
    return scan == SCAN_UP ? KEY_UP : scan == SCAN_DOWN ? KEY_DOWN : ' ';
}

static int serial_byte(void)
{
    if (!has_com1 || (port_in(COM_LINE_STATUS) & LINE_HAS_DATA) == 0)
        return KEY_NONE;
    return port_in(COM1);
}

/* Terminals send arrows as ESC [ A and ESC [ B; the three letters arrive together. */
static int serial_key(void)
{
    int key = serial_byte();
    if (key == '\n')
        return KEY_ENTER;
    if (key != 0x1B)
        return key;
    for (unsigned wait = 0; wait < 3 && key != KEY_NONE; wait++) {
        bios_idle();
        int next = serial_byte();
        if (next == 'A')
            return KEY_UP;
        if (next == 'B')
            return KEY_DOWN;
    }
    return key;
}

int bios_key(struct firmware *fw, uint32_t wait_ms)
{
    uint32_t start = *low32(BDA_TICKS);
    show_cursor();
    for (;;) {
        int key = keyboard_key();
        if (key == KEY_NONE && fw->serial)
            key = serial_key();
        if (key != KEY_NONE)
            return key;
        /* Unsigned difference: the tick count may pass midnight, which only shortens one wait. */
        if (wait_ms != KEY_WAIT_FOREVER && *low32(BDA_TICKS) - start >= wait_ms / TICK_MS)
            return KEY_NONE;
        bios_idle();
    }
}

/* SPDX-License-Identifier: MIT */
/* Screen and keys through the firmware's console, event lines through its serial port, or COM1 itself if it offers
 * none. The console may go to the same serial port, behind our back: so the screen's text is not sent there a second
 * time, and an event starts at the left margin. */
#include "shell.h"

#define CHUNK 64u

#define COM1 0x3F8u
#define COM_LINE_STATUS (COM1 + 5)
#define LINE_CAN_SEND 0x20u
#define LINE_MISSING 0xFFu

#define MS_100NS 10000u

#define DRAIN_STEP_US 100u
#define DRAIN_STEPS 50000u /* five seconds, in one run, of waiting for a port: slow is not dead */

static EFI_SERIAL_IO_PROTOCOL *serial;
static unsigned drain_steps = DRAIN_STEPS;
static bool has_com1;
static bool at_margin; /* whoever reads along with the console is at the start of a line */
static UINTN attribute;
static UINTN attribute_before;

static uint8_t port_in(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void port_out(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void set_attribute(UINTN wanted)
{
    if (wanted == attribute)
        return;
    attribute = wanted;
    at_margin = false; /* a serial console gets an escape sequence for it */
    (void)efi_system->ConOut->SetAttribute(efi_system->ConOut, wanted);
}

void console_init(void)
{
    if (efi_system->ConOut == 0)
        return;
    attribute_before = attribute = (UINTN)efi_system->ConOut->Mode->Attribute;
    set_attribute(EFI_LIGHTGRAY);
    (void)efi_system->ConOut->ClearScreen(efi_system->ConOut);
    at_margin = false;
}

void console_done(void)
{
    if (efi_system->ConOut != 0)
        set_attribute(attribute_before);
}

void efi_put(struct firmware *fw, const char *text, enum colour colour)
{
    static const uint8_t attributes[] = {EFI_LIGHTGRAY, EFI_WHITE, EFI_LIGHTGREEN, EFI_LIGHTRED};
    CHAR16 chunk[CHUNK + 3];
    (void)fw;
    if (efi_system->ConOut == 0)
        return;
    set_attribute(attributes[colour]);
    while (*text != '\0') {
        unsigned used = 0;
        for (; *text != '\0' && used < CHUNK; text++) {
            at_margin = *text == '\n';
            if (at_margin)
                chunk[used++] = '\r';
            chunk[used++] = (uint8_t)*text;
        }
        chunk[used] = 0;
        /* A serial console that was too slow has dropped the rest, and the line end with it. */
        if (EFI_ERROR(efi_system->ConOut->OutputString(efi_system->ConOut, chunk)))
            at_margin = false;
    }
}

void efi_up(struct firmware *fw, unsigned lines)
{
    (void)fw;
    if (efi_system->ConOut == 0)
        return;
    INTN row = efi_system->ConOut->Mode->CursorRow - (INTN)lines;
    at_margin = false;
    (void)efi_system->ConOut->SetCursorPosition(efi_system->ConOut, 0, (UINTN)(row > 0 ? row : 0));
}

static int read_key(void)
{
    EFI_INPUT_KEY key;
    if (EFI_ERROR(efi_system->ConIn->ReadKeyStroke(efi_system->ConIn, &key)))
        return KEY_NONE;
    if (key.ScanCode == SCAN_UP)
        return KEY_UP;
    if (key.ScanCode == SCAN_DOWN)
        return KEY_DOWN;
    return key.UnicodeChar > 0 && key.UnicodeChar < 0x80 ? key.UnicodeChar : ' ';
}

void console_forget_keys(void)
{
    while (efi_system->ConIn != 0 && read_key() != KEY_NONE)
        ;
}

/* A key event may be a shift key, which is no key stroke: then the wait goes on. */
static int wait_key(EFI_EVENT *events, UINTN count)
{
    for (;;) {
        UINTN index = 0;
        if (EFI_ERROR(boot_services()->WaitForEvent(count, events, &index)) || index != 0)
            return KEY_NONE;
        int key = read_key();
        if (key != KEY_NONE)
            return key;
    }
}

int efi_key(struct firmware *fw, uint32_t wait_ms)
{
    EFI_EVENT events[2];
    int key = KEY_NONE;
    (void)fw;
    if (efi_system->ConIn == 0)
        return KEY_NONE;
    events[0] = efi_system->ConIn->WaitForKey;
    if (wait_ms == KEY_WAIT_FOREVER)
        return wait_key(events, 1);
    if (EFI_ERROR(boot_services()->CreateEvent(EVT_TIMER, TPL_APPLICATION, 0, 0, &events[1])))
        return KEY_NONE;
    if (!EFI_ERROR(boot_services()->SetTimer(events[1], TimerRelative, (UINT64)wait_ms * MS_100NS)))
        key = wait_key(events, 2);
    (void)boot_services()->CloseEvent(events[1]);
    return key;
}

static void com1_init(void)
{
    static const uint8_t steps[][2] = {
        {1, 0x00},                 /* no interrupts */
        {3, 0x80}, {0, 1}, {1, 0}, /* divisor 1: 115200 */
        {3, 0x03},                 /* 8N1 */
        {2, 0x07},                 /* FIFO on and empty */
        {4, 0x03},                 /* DTR, RTS */
    };
    has_com1 = port_in(COM_LINE_STATUS) != LINE_MISSING;
    for (unsigned i = 0; has_com1 && i < sizeof steps / sizeof steps[0]; i++)
        port_out((uint16_t)(COM1 + steps[i][0]), steps[i][1]);
}

/* The port's speed stays as the firmware set it: its own console may be on it, and who listens has found that. */
void serial_init(void)
{
    EFI_GUID guid = SERIAL_IO_PROTOCOL;
    void *found = 0;
    if (!EFI_ERROR(boot_services()->LocateProtocol(&guid, 0, &found)))
        serial = found;
    else
        com1_init();
}

/* Wait a little for the serial port. False when that has been done often enough. */
static bool wait_for_port(void)
{
    if (drain_steps == 0)
        return false;
    (void)boot_services()->Stall(DRAIN_STEP_US);
    drain_steps--;
    return true;
}

static void com1_send(uint8_t letter)
{
    while ((port_in(COM_LINE_STATUS) & LINE_CAN_SEND) == 0)
        if (!wait_for_port()) {
            has_com1 = false; /* a port that never gets ready must not cost time for every letter */
            return;
        }
    port_out(COM1, letter);
}

/* The driver allows a letter about a millisecond, which flow control or a busy remote end exceeds. A letter that was
 * late is still in its queue: it must be waited for, and not be sent again. */
static void serial_letter(const char *letter)
{
    UINT32 control = 0;
    UINTN bytes = 1;
    while (!EFI_ERROR(serial->GetControl(serial, &control)) && (control & EFI_SERIAL_OUTPUT_BUFFER_EMPTY) == 0)
        if (!wait_for_port())
            break;
    if (EFI_ERROR(serial->Write(serial, &bytes, (void *)(uintptr_t)letter)) && drain_steps == 0)
        serial = 0; /* as for COM1 */
}

static void serial_send(const char *text)
{
    for (; *text != '\0'; text++)
        if (serial != 0)
            serial_letter(text);
        else if (has_com1)
            com1_send((uint8_t)*text);
}

void efi_event(struct firmware *fw, const char *line)
{
    (void)fw;
    if (!at_margin)
        serial_send("\r\n");
    serial_send(line);
    serial_send("\r\n");
    at_margin = true;
}

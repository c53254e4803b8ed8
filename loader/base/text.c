/* SPDX-License-Identifier: MIT */
/* Bounded text. Numbers are divided 16 bits at a time, so that no 64-bit division is linked into the loader. */
#include "base/text.h"

#define NUMBER_CHARS 20u             /* digits of 2^64 */
#define TICKS_PER_SECOND_ROOT 10000u /* 100 ns: a second has 10^7 of them, a minute 10^4 x 60000 */
#define TICKS_PER_SECOND 10000000u
#define SECONDS_1601_TO_1970 11644473600u
#define MILLISECONDS_PER_MINUTE 60000u
#define MINUTES_PER_DAY 1440u

struct field {
    unsigned width;
    bool zero;
    bool wide; /* %ll */
};

void text_init(struct text *text, char *buffer, size_t size_bytes)
{
    *text = (struct text){.start = buffer, .size_bytes = size_bytes};
    buffer[0] = '\0';
}

static void add_char(struct text *text, char letter)
{
    if (text->used_bytes + 1 >= text->size_bytes) {
        text->truncated = true;
        return;
    }
    text->start[text->used_bytes++] = letter;
    text->start[text->used_bytes] = '\0';
}

static unsigned divide(uint64_t *value, unsigned base)
{
    uint32_t rest = 0;
    uint64_t quotient = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
        uint32_t part = rest << 16 | (uint32_t)(*value >> shift & 0xFFFF);
        quotient |= (uint64_t)(part / base) << shift;
        rest = part % base;
    }
    *value = quotient;
    return rest;
}

static void add_number(struct text *text, uint64_t value, unsigned base, const struct field *field)
{
    char digits[NUMBER_CHARS];
    unsigned count = 0;
    do {
        unsigned digit = divide(&value, base);
        digits[count++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    } while (value != 0);
    for (unsigned i = count; i < field->width; i++)
        add_char(text, field->zero ? '0' : ' ');
    while (count > 0)
        add_char(text, digits[--count]);
}

static void add_string(struct text *text, const char *string, unsigned width)
{
    unsigned count = 0;
    for (; string[count] != '\0'; count++)
        add_char(text, string[count]);
    for (; count < width; count++)
        add_char(text, ' ');
}

static const char *read_field(const char *format, struct field *field)
{
    *field = (struct field){.zero = *format == '0'};
    if (*format == '-')
        format++; /* strings are padded to the right anyway */
    while (*format >= '0' && *format <= '9')
        field->width = field->width * 10 + (unsigned)(*format++ - '0');
    if (format[0] == 'l' && format[1] == 'l') {
        field->wide = true;
        format += 2;
    }
    return format;
}

void text_add_list(struct text *text, const char *format, va_list arguments)
{
    for (; *format != '\0'; format++) {
        struct field field;
        if (*format != '%') {
            add_char(text, *format);
            continue;
        }
        format = read_field(format + 1, &field);
        if (*format == 's')
            add_string(text, va_arg(arguments, const char *), field.width);
        else if (*format == 'c')
            add_char(text, (char)va_arg(arguments, int));
        else if (*format == '%')
            add_char(text, '%');
        else {
            uint64_t value = field.wide ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned);
            add_number(text, value, *format == 'x' ? 16 : 10, &field);
        }
    }
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_add_list(text, format, arguments);
    va_end(arguments);
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month] + (unsigned)(month == 1 && leap);
}

void text_add_time(struct text *text, uint64_t time_100ns)
{
    uint64_t minutes = time_100ns;
    unsigned year = 1601;
    unsigned month = 0;
    (void)divide(&minutes, TICKS_PER_SECOND_ROOT);
    (void)divide(&minutes, MILLISECONDS_PER_MINUTE);
    unsigned minute = divide(&minutes, MINUTES_PER_DAY);
    uint32_t day = (uint32_t)minutes;
    for (; day >= days_in(year, month); year += month == 0) {
        day -= days_in(year, month);
        month = (month + 1) % 12;
    }
    text_add(text, "%u-%02u-%02u %02u:%02u", year, month + 1, day + 1, minute / 60, minute % 60);
}

void text_add_unix_time(struct text *text, uint64_t time_s)
{
    text_add_time(text, (time_s + SECONDS_1601_TO_1970) * TICKS_PER_SECOND);
}

size_t text_length(const char *string)
{
    size_t bytes = 0;
    while (string[bytes] != '\0')
        bytes++;
    return bytes;
}

char ascii_lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter + ('a' - 'A')) : letter;
}

unsigned ascii_digit(char letter)
{
    letter = ascii_lower(letter);
    if (letter >= '0' && letter <= '9')
        return (unsigned)(letter - '0');
    return letter >= 'a' && letter <= 'z' ? (unsigned)(letter - 'a') + 10 : 99;
}

bool text_same(const char *left, const char *right, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (ascii_lower(left[i]) != ascii_lower(right[i]))
            return false;
    return true;
}

/* SPDX-License-Identifier: MIT */
/* Screen and event lines. Event lines are an interface (see docs/events.md): they may only grow. */
#include "ui/screen.h"

#define LINE_BYTES 160u
#define SECTORS_PER_MIB 2048u

/* Build one line and hand it to the screen (`colour`) or, as an event, to COM1. */
#define SAY(loader, colour, ...)                                                                                       \
    do {                                                                                                               \
        char line_[LINE_BYTES];                                                                                        \
        struct text text_;                                                                                             \
        text_init(&text_, line_, sizeof line_);                                                                        \
        text_add(&text_, __VA_ARGS__);                                                                                 \
        screen_say(loader, line_, colour);                                                                             \
    } while (0)

#define EVENT(loader, ...)                                                                                             \
    do {                                                                                                               \
        char line_[LINE_BYTES];                                                                                        \
        struct text text_;                                                                                             \
        text_init(&text_, line_, sizeof line_);                                                                        \
        text_add(&text_, "ft: " __VA_ARGS__);                                                                          \
        send_event(loader, line_);                                                                                     \
    } while (0)

void screen_say(struct loader *loader, const char *sentence, enum colour colour)
{
    loader->fw->put(loader->fw, sentence, colour);
}

static void send_event(struct loader *loader, const char *line)
{
    if (loader->config.serial)
        loader->fw->event(loader->fw, line);
}

void screen_start(struct loader *loader)
{
    const struct blockdev *boot = loader->fw->boot_device;
    EVENT(loader, "start version=" LOADER_VERSION " firmware=%s bootdrive=0x%02x", loader->fw->name,
          boot != 0 ? boot->drive : 0xFFu);
    screen_say(loader, "mkbootdisk " LOADER_VERSION " - starts the surviving half of a mirror\n\n", COLOUR_BRIGHT);
    if (loader->boot.config_status == ST_CORRUPT)
        SAY(loader, COLOUR_BAD, "MIRROR.INI, line %u, cannot be understood. Looking for mirrors by type.\n",
            loader->boot.config_line);
    else if (loader->boot.config_status != ST_OK)
        SAY(loader, COLOUR_BAD, "MIRROR.INI cannot be read (%s). Looking for mirrors by type.\n",
            status_name(loader->boot.config_status));
}

void screen_disk_before(struct loader *loader, uint8_t drive)
{
    SAY(loader, COLOUR_NORMAL, "Disk %02xh  ", drive);
}

void screen_disk(struct loader *loader, const struct disk *disk)
{
    const struct blockdev *device = &disk->reader.device;
    const struct disk_table *table = &disk->table;
    EVENT(loader, "disk drive=0x%02x sectors=%llu signature=%08x state=%s status=0x%02x", disk->drive,
          (unsigned long long)device->sectors, table->signature, disk->dead ? "dead" : "ok", device->fault);
    if (disk->dead)
        SAY(loader, COLOUR_BAD, "does not answer (error %02xh)\n", device->fault);
    else if (table->status != ST_OK)
        SAY(loader, COLOUR_BAD, "signature %08x, partition table damaged (%s)\n", table->signature,
            site_code(table->problem));
    else
        SAY(loader, COLOUR_NORMAL, "signature %08x, %u MB\n", table->signature,
            (unsigned)(device->sectors / SECTORS_PER_MIB));
}

static void screen_member(struct loader *loader, unsigned index, enum role role)
{
    const struct set_survey *survey = &loader->survey[index];
    const struct disk *disk = survey->place[role].disk;
    const char *state = member_state_name(survey->verdict.member[role]);
    const char *why = why_text(survey->verdict.why[role]);
    bool good = survey->verdict.member[role] == MEMBER_GOOD;
    unsigned drive = disk != 0 ? disk->drive : 0;
    EVENT(loader, "member set=%u role=%s drive=0x%02x state=%s why=\"%s\"", index + 1, role_name(role), drive, state,
          why);
    SAY(loader, good ? COLOUR_GOOD : COLOUR_BAD, "  %-8s %08x  %-7s  ", role_name(role),
        loader->config.set[index].member[role].signature, state);
    if (disk != 0)
        SAY(loader, COLOUR_NORMAL, "on disk %02xh  ", drive);
    SAY(loader, COLOUR_NORMAL, "%s\n", why);
}

void screen_set(struct loader *loader, unsigned index)
{
    const struct mirror_verdict *verdict = &loader->survey[index].verdict;
    SAY(loader, COLOUR_BRIGHT, "\nMirror %u: %s\n", index + 1, set_state_name(verdict->state));
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        screen_member(loader, index, (enum role)role);
    EVENT(loader, "verdict set=%u state=%s source=%s", index + 1, set_state_name(verdict->state),
          role_name(verdict->source));
}

void screen_intention(struct loader *loader, bool will_break)
{
    const struct mirror_verdict *verdict = &loader->survey[0].verdict;
    if (verdict->source == ROLE_NONE)
        screen_say(loader, "\nWhich half holds the truth cannot be told. Please choose.\n", COLOUR_BAD);
    else
        SAY(loader, COLOUR_BRIGHT, "\nThe %s will be started as drive 80h; %s.\n", role_name(verdict->source),
            will_break ? "the mirror will be broken first" : "nothing will be written");
    screen_say(loader, "\n", COLOUR_NORMAL);
}

void screen_errors(struct loader *loader)
{
    for (unsigned i = 0; i < loader->trail.used; i++) {
        const struct trail_entry *entry = &loader->trail.entry[i];
        EVENT(loader, "error site=%s status=%s drive=0x%02x lba=%llu text=\"mkbootdisk explain %s\"",
              site_code(entry->site), status_name(entry->status), entry->drive, (unsigned long long)entry->lba,
              site_code(entry->site));
        SAY(loader, COLOUR_BAD, "Error %s: disk %02xh, sector %llu\n", site_code(entry->site), entry->drive,
            (unsigned long long)entry->lba);
    }
    loader->trail.used = 0;
}

void screen_boot(struct loader *loader)
{
    const struct boot_plan *plan = &loader->plan;
    EVENT(loader, "boot source=%s drive=0x%02x as=0x80 method=%s", role_name(plan->source), plan->drive,
          method_name(plan->method));
    SAY(loader, COLOUR_BRIGHT, "Starting the %s, disk %02xh as 80h ...\n", role_name(plan->source), plan->drive);
}

void screen_change(struct loader *loader, unsigned index, bool undone)
{
    const struct change *change = &loader->changes.change[index];
    EVENT(loader, "change %s n=%u disk=%08x lba=%llu why=\"%s\"", undone ? "undone" : "done", index + 1,
          change->signature, (unsigned long long)change->lba, change->why);
    SAY(loader, COLOUR_NORMAL, "%s: disk %08x, sector %llu: %s\n", undone ? "Undone" : "Written", change->signature,
        (unsigned long long)change->lba, change->why);
}

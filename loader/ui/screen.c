/* SPDX-License-Identifier: MIT */
/* Screen and event lines. Event lines are an interface (see docs/events.md): they may only grow. */
#include "ui/screen.h"

#define LINE_BYTES 240u
#define SECTORS_PER_MIB 2048u
#define DATE_BYTES 24u

void screen_say(struct loader *loader, const char *sentence, enum colour colour)
{
    loader->fw->put(loader->fw, sentence, colour);
}

__attribute__((format(printf, 3, 4))) static void say(struct loader *loader, enum colour colour, const char *format,
                                                      ...)
{
    char line[LINE_BYTES];
    struct text text;
    va_list arguments;
    va_start(arguments, format);
    text_init(&text, line, sizeof line);
    text_add_list(&text, format, arguments);
    va_end(arguments);
    screen_say(loader, line, colour);
}

__attribute__((format(printf, 2, 3))) static void event(struct loader *loader, const char *format, ...)
{
    char line[LINE_BYTES];
    struct text text;
    va_list arguments;
    if (!loader->config.serial)
        return;
    va_start(arguments, format);
    text_init(&text, line, sizeof line);
    text_add(&text, "ft: ");
    text_add_list(&text, format, arguments);
    va_end(arguments);
    loader->fw->event(loader->fw, line);
}

void screen_start(struct loader *loader)
{
    const struct blockdev *boot = loader->fw->boot_device;
    event(loader, "start version=" LOADER_VERSION " firmware=%s bootdrive=0x%02x", loader->fw->name,
          boot != 0 ? boot->drive : 0xFFu);
    screen_say(loader, "mkbootdisk " LOADER_VERSION "\n\n", COLOUR_BRIGHT);
    if (loader->fw->net != 0 && loader->fw->net->failed[0] != '\0')
        say(loader, COLOUR_BAD, "%s cannot be fetched, or is too long.\n", loader->fw->net->failed);
    if (loader->fw->net != 0 && loader->boot.config_status == ST_OK) {
        event(loader, "config file=\"%s\"", loader->fw->net->name);
        say(loader, COLOUR_NORMAL, "%s, from the network\n", loader->fw->net->name);
    }
    if (loader->boot.config_status != ST_OK)
        say(loader, COLOUR_BAD, "MIRROR.INI cannot be used (%s, line %u). Looking for mirrors by type.\n",
            status_name(loader->boot.config_status), loader->boot.config_line);
}

void screen_disk_before(struct loader *loader, uint8_t drive)
{
    say(loader, COLOUR_NORMAL, "Disk %02xh  ", drive);
}

void screen_disk(struct loader *loader, const struct disk *disk)
{
    const struct blockdev *device = &disk->reader.device;
    const struct disk_table *table = &disk->table;
    if (disk->dead)
        say(loader, COLOUR_BAD, "does not answer (error %02xh)\n", device->fault);
    else if (table->status != ST_OK)
        say(loader, COLOUR_BAD, "signature %08x, partition table damaged (%s)\n", table->signature,
            site_code(table->problem));
    else
        say(loader, COLOUR_NORMAL, "signature %08x, %u MB\n", table->signature,
            (unsigned)(device->sectors / SECTORS_PER_MIB));
    event(loader, "disk drive=0x%02x sectors=%llu signature=%08x state=%s status=0x%02x", disk->drive,
          (unsigned long long)device->sectors, table->signature, disk->dead ? "dead" : "ok", device->fault);
}

void screen_disk_unsupported(struct loader *loader, uint8_t drive)
{
    screen_say(loader, "left alone: its sectors are not of 512 bytes\n", COLOUR_BAD);
    event(loader, "disk drive=0x%02x state=unsupported", drive);
}

/* When and how often its registry was written, how far its NTFS log has come, and whether it was still in use: what the
 * verdict was made from, or what a person has to go by where there is none. */
static void screen_evidence(struct loader *loader, unsigned index, enum role role)
{
    const struct set_survey *survey = &loader->survey[index];
    const struct half_evidence *evidence = &survey->evidence[role];
    char date[DATE_BYTES];
    struct text text;
    text_init(&text, date, sizeof date);
    if (!evidence->has_stamp && !evidence->has_log && !evidence->dirty)
        return;
    if (evidence->has_stamp)
        text_add_time(&text, evidence->written_100ns);
    event(loader, "registry set=%u role=%s path=\"%s\" written=\"%s\" sequence=%u log=%llu dirty=%u", index + 1,
          role_name(role), evidence->directory, date, evidence->sequence, (unsigned long long)evidence->log_lsn,
          evidence->dirty);
    if (survey->verdict.state == SET_HEALTHY)
        return;
    if (evidence->has_stamp)
        say(loader, COLOUR_NORMAL, "           %s: registry of %s UTC, written %u times%s\n", evidence->directory, date,
            evidence->sequence, evidence->clean ? "" : ", cut off");
    if (evidence->has_log)
        say(loader, COLOUR_NORMAL, "           NTFS log at %llu\n", (unsigned long long)evidence->log_lsn);
    if (evidence->dirty)
        screen_say(loader, "           the volume was not shut down\n", COLOUR_NORMAL);
}

/* What speaks for the age of an EFI system partition. */
static void screen_esp(struct loader *loader, unsigned index, enum role role)
{
    const struct set_survey *survey = &loader->survey[index];
    const struct esp_evidence *esp = &survey->esp[role];
    char date[DATE_BYTES];
    struct text text;
    text_init(&text, date, sizeof date);
    if (loader->config.set[index].kind != SET_ESP || survey->place[role].partition == 0)
        return;
    if (esp->has_md)
        text_add_unix_time(&text, esp->updated_s);
    event(loader, "esp set=%u role=%s md=%u events=%llu updated=\"%s\" loader=%08x written=%08x", index + 1,
          role_name(role), esp->has_md, (unsigned long long)esp->events, date, esp->loader_crc, esp->loader_written);
    if (esp->has_md && survey->verdict.state != SET_HEALTHY)
        say(loader, COLOUR_NORMAL, "           md: %llu events, %s %s UTC\n", (unsigned long long)esp->events,
            survey->verdict.why[role] == WHY_EVENTS ? "out of date since" : "the last at", date);
}

static void screen_member(struct loader *loader, unsigned index, enum role role)
{
    const struct set_survey *survey = &loader->survey[index];
    const struct disk *disk = survey->place[role].disk;
    const char *state = member_state_name(survey->verdict.member[role]);
    const char *why = why_text(survey->verdict.why[role]);
    bool good = survey->verdict.member[role] == MEMBER_GOOD;
    unsigned drive = disk != 0 ? disk->drive : 0;
    event(loader, "member set=%u role=%s drive=0x%02x state=%s why=\"%s\"", index + 1, role_name(role), drive, state,
          why);
    say(loader, good ? COLOUR_GOOD : COLOUR_BAD, "  %-8s %08x  %-7s  ", role_name(role),
        loader->config.set[index].member[role].signature, state);
    if (disk != 0)
        say(loader, COLOUR_NORMAL, "on disk %02xh  ", drive);
    say(loader, COLOUR_NORMAL, "%s\n", why);
    screen_evidence(loader, index, role);
    screen_esp(loader, index, role);
}

void screen_set(struct loader *loader, unsigned index)
{
    const struct mirror_verdict *verdict = &loader->survey[index].verdict;
    say(loader, COLOUR_BRIGHT, "\nMirror %u: %s\n", index + 1, set_state_name(verdict->state));
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        screen_member(loader, index, (enum role)role);
    event(loader, "verdict set=%u state=%s source=%s", index + 1, set_state_name(verdict->state),
          role_name(verdict->source));
}

void screen_intention(struct loader *loader, enum role source, bool will_break)
{
    if (source == ROLE_NONE)
        screen_say(loader, "\nNo half is started unasked.\n", COLOUR_BAD);
    else
        say(loader, COLOUR_BRIGHT, "\nThe %s will be started%s; %s\n", role_name(source),
            loader->config.set[0].kind == SET_ESP ? "" : " as drive 80h",
            will_break ? "before that:" : "no disk will be written.");
}

void screen_end(struct loader *loader, const char *why)
{
    event(loader, "end started=none why=\"%s\"", why);
}

void screen_cannot_start(struct loader *loader, const char *why)
{
    screen_end(loader, why);
    say(loader, COLOUR_BRIGHT, "\n%s.\n", why);
    if (loader->fw->cannot_start_advice != 0)
        screen_say(loader, loader->fw->cannot_start_advice, COLOUR_NORMAL);
}

void screen_copied(struct loader *loader, enum role to, unsigned files, enum status status)
{
    event(loader, "copied role=%s files=%u status=%s", role_name(to), files, status_name(status));
    say(loader, status == ST_OK ? COLOUR_GOOD : COLOUR_BAD, "%u files copied to the %s: %s.\n", files, role_name(to),
        status_name(status));
}

void screen_errors(struct loader *loader)
{
    for (unsigned i = 0; i < loader->trail.used; i++) {
        const struct trail_entry *entry = &loader->trail.entry[i];
        event(loader, "error site=%s status=%s drive=0x%02x lba=%llu", site_code(entry->site),
              status_name(entry->status), entry->drive, (unsigned long long)entry->lba);
        say(loader, COLOUR_BAD, "Error %s: disk %02xh, sector %llu\n", site_code(entry->site), entry->drive,
            (unsigned long long)entry->lba);
    }
    loader->trail.used = 0;
}

void screen_freshness(struct loader *loader)
{
    const struct freshness *freshness = &loader->freshness;
    for (unsigned i = 0; i < freshness->count; i++) {
        const char *text = outdated_text(freshness->item[i].kind);
        event(loader, "outdated disk=%08x why=\"%s\"", freshness->item[i].signature, text);
        say(loader, COLOUR_BAD, "Disk %08x %s: build this boot disk again.\n", freshness->item[i].signature, text);
    }
}

void screen_dryrun_file(struct loader *loader, enum dryrun_mark mark, const char *path, const char *what)
{
    static const char *const names[] = {"ok", "doubt", "bad"};
    event(loader, "dryrun file=\"%s\" state=%s why=\"%s\"", path, names[mark], what);
    if (mark != DRYRUN_FINE)
        say(loader, mark == DRYRUN_BAD ? COLOUR_BAD : COLOUR_NORMAL, "  %s %s\n", path, what);
}

void screen_dryrun(struct loader *loader, enum role role, const struct dryrun *run, enum dryrun_result result)
{
    event(loader, "dryrun role=%s result=%s files=%u problems=%u", role_name(role), dryrun_name(result), run->files,
          run->problems);
    if (result == DRYRUN_STARTS)
        say(loader, COLOUR_GOOD, "YES: the %s would start. %u files of %s were read.\n", role_name(role), run->files,
            run->path);
    else if (result == DRYRUN_STOPS)
        say(loader, COLOUR_BAD, "NO: the %s would not start.\n", role_name(role));
    else
        say(loader, COLOUR_NORMAL, "Only a start can tell.\n");
}

void screen_boot(struct loader *loader)
{
    const struct boot_plan *plan = &loader->plan;
    unsigned as = plan->method == METHOD_EFI ? plan->drive : DRIVE_FIRST;
    event(loader, "boot source=%s drive=0x%02x as=0x%02x method=%s", role_name(plan->source), plan->drive, as,
          method_name(plan->method));
    say(loader, COLOUR_BRIGHT, "Starting the %s, disk %02xh as %02xh ...\n", role_name(plan->source), plan->drive, as);
}

/* The bytes by which a sector will differ: where the first one is, and how many there are. */
static unsigned differing(const struct change *change, unsigned *first)
{
    unsigned count = 0;
    for (unsigned i = SECTOR_BYTES; i-- > 0;)
        if (change->old_bytes[i] != change->new_bytes[i]) {
            *first = i;
            count++;
        }
    return count;
}

void screen_change(struct loader *loader, unsigned index, const char *state)
{
    const struct change *change = &loader->changes.change[index];
    unsigned first = 0;
    unsigned bytes = differing(change, &first);
    event(loader, "change %s n=%u disk=%08x lba=%llu why=\"%s\"", state, index + 1, change->signature,
          (unsigned long long)change->lba, change->why);
    say(loader, COLOUR_NORMAL, "%u %s: disk %08x, sector %llu+%03x, %u bytes, %02x to %02x ...\n  %s (%s)\n", index + 1,
        state, change->signature, (unsigned long long)change->lba, first, bytes, change->old_bytes[first],
        change->new_bytes[first], change->why, change->id);
}

void screen_obstacle(struct loader *loader, const struct break_job *job)
{
    event(loader, "break extent=types disk=%08x file=\"%s\" why=\"%s\"", job->on->table.signature, job->where,
          obstacle_text(job->obstacle));
    say(loader, COLOUR_BAD, "The registry stays as it is: disk %08x, %s:\n%s.\n", job->on->table.signature, job->where,
        obstacle_text(job->obstacle));
}

void screen_letters(struct loader *loader, const struct break_job *job)
{
    for (unsigned i = 0; i < loader->config.set_count; i++) {
        const struct letters *letters = &job->what.letters[i];
        if (!letters->known || letters->after == 0)
            continue;
        event(loader, "letter set=%u before=%c after=%c", i + 1, letters->before, letters->after);
        say(loader, COLOUR_NORMAL, "%c: stays with the %s of mirror %u; the other half gets the next free letter.\n",
            letters->after, role_name(job->what.keep[i]), i + 1);
    }
}

void screen_refusal(struct loader *loader, const char *why)
{
    event(loader, "refused why=\"%s\"", why);
    say(loader, COLOUR_BAD, "Refused: %s.\n", why);
}

void screen_note(struct loader *loader, const char *note)
{
    say(loader, COLOUR_NORMAL, "Note: %s.\n", note);
}

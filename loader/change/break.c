/* SPDX-License-Identifier: MIT */
/* The break plan. */
#include "change/break.h"

#include "nt/fttype.h"

/* The partition type without its fault-tolerance bits. */
static enum status plan_type(struct break_job *job, unsigned set)
{
    const struct member_place *place = &job->survey[set].place[job->what.keep[set]];
    if (place->partition == 0 || place->disk->dead || place->disk->table.status != ST_OK)
        return ST_REFUSED;
    if (!ft_is_member(place->partition->type))
        return ST_OK; /* broken already, or somebody else's by now */
    struct edit edit = {job->changes, place->disk, "clear the fault-tolerance bits", CHANGE_ID_BREAK};
    return edit_byte(&edit, place->partition->entry_lba, place->partition->entry_offset + MBR_ENTRY_TYPE,
                     ft_plain_type(place->partition->type));
}

/* Whether a volume is a half that nothing shall be started from: its twin is kept, or is the one that is trusted. */
static bool is_left(const struct break_job *job, const struct partition *partition)
{
    for (unsigned i = 0; i < job->what.config->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            enum role other = job->what.wanted[i] ? job->what.keep[i] : job->survey[i].verdict.source;
            if (job->survey[i].place[role].partition == partition && other != ROLE_NONE && other != role)
                return true;
        }
    return false;
}

__attribute__((format(printf, 4, 5))) static enum status refuse(struct break_job *job, struct disk *disk,
                                                                enum obstacle obstacle, const char *format, ...)
{
    va_list arguments;
    struct text text;
    job->obstacle = obstacle;
    job->on = disk;
    va_start(arguments, format);
    text_init(&text, job->where, sizeof job->where);
    text_add_list(&text, format, arguments);
    va_end(arguments);
    return ST_REFUSED;
}

static enum status plan_installations(struct break_job *job, struct disk *disk, const struct partition *partition)
{
    struct workspace *work = job->work;
    struct install_search *search = &work->search;
    struct edit edit = {job->changes, disk, "take the mirror out of DISK\\Information", CHANGE_ID_BREAK};
    char directory[INSTALL_PATH_BYTES];
    const char *file = "";
    enum status status = fs_probe(&disk->reader.device, partition->start_lba, partition->sectors, &work->volume);
    if (status != ST_OK && status != ST_IO)
        return ST_OK; /* no file system, no installation */
    if (status == ST_OK)
        status = install_search_go_on(search, &work->volume);
    while (status == ST_OK) {
        status = install_search_next(search, directory);
        if (status != ST_OK)
            break;
        enum obstacle obstacle = registry_plan(&edit, work, directory, &job->what, &file);
        if (obstacle != OBSTACLE_NONE)
            return refuse(job, disk, obstacle, "%s: %s", directory, file);
    }
    if (status == ST_NOT_FOUND)
        return ST_OK;
    return refuse(job, disk, status == ST_IO ? OBSTACLE_UNREADABLE : OBSTACLE_DAMAGED, "partition %u",
                  partition->number);
}

/* Active partitions come first: there is the BOOT.INI that names folders of the others. */
static enum status plan_disk(struct break_job *job, struct disk *disk)
{
    enum status status = ST_OK;
    job->work->search.ini.count = 0;
    for (unsigned i = 0; i < 2 * disk->table.count && status == ST_OK; i++) {
        const struct partition *partition = &disk->table.partition[i % disk->table.count];
        bool is_turn = partition->active == (i < disk->table.count);
        if (is_turn && ft_is_file_system(ft_plain_type(partition->type)) && !is_left(job, partition))
            status = plan_installations(job, disk, partition);
    }
    return status;
}

enum status break_plan(struct break_job *job, enum break_extent extent)
{
    unsigned before = job->changes->count;
    enum status status = ST_OK;
    job->obstacle = OBSTACLE_NONE;
    for (unsigned i = 0; i < job->what.config->set_count && status == ST_OK; i++)
        if (job->what.wanted[i])
            status = plan_type(job, i);
    for (unsigned i = 0; i < job->inventory->count && status == ST_OK && extent == BREAK_COMPLETE; i++)
        if (job->work != 0 && !job->inventory->disk[i].dead)
            status = plan_disk(job, &job->inventory->disk[i]);
    if (status != ST_OK)
        job->changes->count = before;
    return status;
}

/* SPDX-License-Identifier: MIT */
/* Media and moments. */
#include "media.h"

#include <stdlib.h>
#include <string.h>

static struct rigfw *rig;
static uint8_t *beginning[MEDIA];
static struct touched touched[TOUCHED_MAX];
static unsigned touched_count;

static struct memdev *medium(unsigned index)
{
    return index == MEDIA_FLOPPY ? &rig->floppy : &rig->disk[index];
}

static size_t bytes_of(unsigned index)
{
    return (size_t)medium(index)->sectors * SECTOR_BYTES;
}

void media_begin(struct rigfw *machine)
{
    rig = machine;
    touched_count = 0;
    for (unsigned i = 0; i < MEDIA; i++) {
        beginning[i] = malloc(bytes_of(i));
        if (beginning[i] == NULL)
            abort();
        memcpy(beginning[i], medium(i)->bytes, bytes_of(i));
    }
}

void media_end(void)
{
    for (unsigned i = 0; i < MEDIA; i++)
        free(beginning[i]);
}

uint8_t *media_beginning(unsigned index)
{
    return beginning[index];
}

void media_touch(unsigned index, uint64_t lba)
{
    for (unsigned i = 0; i < touched_count; i++)
        if (touched[i].medium == index && touched[i].lba == lba)
            return;
    if (touched_count == TOUCHED_MAX)
        abort();
    touched[touched_count++] = (struct touched){index, lba};
}

void media_note(void)
{
    if (rig->writes > sizeof rig->write / sizeof rig->write[0])
        abort();
    for (unsigned i = 0; i < rig->writes; i++)
        for (unsigned index = 0; index < MEDIA; index++)
            if (rig->write[i].drive == (index == MEDIA_FLOPPY ? RIG_FLOPPY_DRIVE : rig->drive_of[index]))
                media_touch(index, rig->write[i].lba);
}

const struct touched *media_touched(unsigned index)
{
    return index < touched_count ? &touched[index] : NULL;
}

uint8_t *media_now(const struct touched *at)
{
    return memdev_sector(medium(at->medium), at->lba);
}

void media_save(struct snapshot *to)
{
    to->count = touched_count;
    for (unsigned i = 0; i < touched_count; i++)
        memcpy(to->sector[i], media_now(&touched[i]), SECTOR_BYTES);
}

/* What the touched sector `index` held then. */
static const uint8_t *held(const struct snapshot *then, unsigned index)
{
    if (then != NULL && index < then->count)
        return then->sector[index];
    return beginning[touched[index].medium] + touched[index].lba * SECTOR_BYTES;
}

void media_restore(const struct snapshot *from)
{
    for (unsigned i = 0; i < touched_count; i++)
        memcpy(media_now(&touched[i]), held(from, i), SECTOR_BYTES);
}

bool media_disks_are(uint8_t *const wanted[MEDIA_DISKS])
{
    for (unsigned i = 0; i < touched_count; i++) {
        const struct touched *at = &touched[i];
        if (at->medium != MEDIA_FLOPPY &&
            memcmp(media_now(at), wanted[at->medium] + at->lba * SECTOR_BYTES, SECTOR_BYTES) != 0)
            return false;
    }
    return true;
}

bool media_disks_are_as_in(const struct snapshot *then)
{
    for (unsigned i = 0; i < touched_count; i++)
        if (touched[i].medium != MEDIA_FLOPPY && memcmp(media_now(&touched[i]), held(then, i), SECTOR_BYTES) != 0)
            return false;
    return true;
}

bool media_are_untouched(void)
{
    for (unsigned i = 0; i < MEDIA; i++)
        if (memcmp(medium(i)->bytes, beginning[i], bytes_of(i)) != 0)
            return false;
    return true;
}

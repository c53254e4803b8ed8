/* SPDX-License-Identifier: MIT */
/* Fault injection on reads. */
#include "faultdev.h"

static bool in_range(const struct faultdev *fault, uint64_t lba, uint32_t sectors)
{
    return fault->range_set && lba <= fault->last_lba && fault->first_lba < lba + sectors;
}

static bool fails(struct faultdev *fault, uint64_t lba, uint32_t sectors)
{
    fault->reads++;
    if (fault->clock != &fault->reads)
        ++*fault->clock;
    if (fault->dead || in_range(fault, lba, sectors))
        return true;
    if (fault->nth == 0 || *fault->clock != fault->nth)
        return false;
    if (fault->span == SPAN_DEVICE)
        fault->dead = true;
    if (fault->span == SPAN_SECTOR)
        faultdev_range(fault, lba, lba + sectors - 1, fault->kind);
    return true;
}

static enum status partial(struct faultdev *fault, uint64_t lba, uint32_t sectors, void *buffer, enum status status)
{
    enum status below = sectors > 0 ? fault->below->read(fault->below, lba, sectors, buffer) : ST_OK;
    return below != ST_OK ? below : status;
}

static enum status faultdev_read(struct blockdev *device, uint64_t lba, uint32_t sectors, void *buffer)
{
    struct faultdev *fault = (struct faultdev *)device;
    if (!fails(fault, lba, sectors))
        return fault->below->read(fault->below, lba, sectors, buffer);
    fault->faults++;
    device->fault = 0x20; /* INT 13h: controller failure */
    if (fault->kind == FAULT_SILENT)
        return ST_OK;
    if (fault->kind == FAULT_TAIL)
        return partial(fault, lba, sectors - 1, buffer, ST_OK);
    if (fault->kind == FAULT_SHORT)
        return partial(fault, lba, sectors / 2, buffer, ST_IO);
    return ST_IO;
}

void faultdev_init(struct faultdev *fault, struct blockdev *below)
{
    *fault = (struct faultdev){.device = *below, .below = below};
    fault->device.read = faultdev_read;
    fault->clock = &fault->reads;
}

void faultdev_nth(struct faultdev *fault, unsigned nth, enum fault_span span, enum fault_kind kind)
{
    fault->nth = nth;
    fault->span = span;
    fault->kind = kind;
}

void faultdev_range(struct faultdev *fault, uint64_t first_lba, uint64_t last_lba, enum fault_kind kind)
{
    fault->range_set = true;
    fault->first_lba = first_lba;
    fault->last_lba = last_lba;
    fault->kind = kind;
}

void faultdev_kill(struct faultdev *fault, enum fault_kind kind)
{
    fault->dead = true;
    fault->kind = kind;
}

/* SPDX-License-Identifier: MIT */
/* Fuzz target: the journal's state and records. */
#include "change/journal.h"
#include "fuzz.h"

static const uint8_t *bytes;
static size_t bytes_size;

static enum status read_store(struct journal_store *store, uint32_t sector, void *buffer)
{
    struct fuzz_disk disk = fuzz_disk(bytes, bytes_size, store->sectors);
    return sector < store->sectors ? fuzz_read(&disk.device, sector, 1, buffer) : ST_IO;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct changeset changes;
    struct journal_store store = {.read = read_store, .sectors = (uint32_t)(size / SECTOR_BYTES + 1)};
    struct journal journal;
    bytes = data;
    bytes_size = size;
    if (journal_load(&store, &journal) != ST_OK)
        return 0;
    if (journal.state > JOURNAL_UNDONE || journal.count > CHANGES_MAX)
        abort();
    if (journal_changes(&store, &journal, &changes) == ST_OK && changes.count != journal.count)
        abort();
    return 0;
}

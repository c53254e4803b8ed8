/* SPDX-License-Identifier: MIT */
/* The walk. Files are read completely: that a name is there says nothing of its sectors. */
#include "nt/start.h"

#include "nt/pe.h"
#include "nt/system.h"

#define SYSTEM32 "SYSTEM32\\"
#define DRIVERS "SYSTEM32\\DRIVERS\\"

static void tell(struct start_walk *walk, const char *path, enum start_finding finding)
{
    walk->files++;
    if (finding == START_FAR)
        walk->far_files++;
    else if (finding != START_FINE)
        walk->problems++;
    walk->tell(walk, path, finding);
}

static enum start_finding finding_of(enum status status)
{
    if (status == ST_OK)
        return START_FINE;
    if (status == ST_NOT_FOUND)
        return START_MISSING;
    return status == ST_IO ? START_UNREADABLE : START_DAMAGED;
}

static enum status read_to_end(struct start_walk *walk, struct fs_file *file)
{
    enum status status = ST_OK;
    for (uint64_t at = 0; at < file->bytes && status == ST_OK; at += WORK_BUFFER_BYTES) {
        uint64_t left = file->bytes - at;
        uint32_t part = left < WORK_BUFFER_BYTES ? (uint32_t)left : WORK_BUFFER_BYTES;
        status = fs_read(file, at, walk->work->buffer, part);
        if (status == ST_OK && walk->banner != 0)
            banner_feed(walk->banner, walk->work->buffer, part);
    }
    return status;
}

/* Whether any of its sectors lies past the reach; files that lie in no sectors of their own do not. */
static bool is_far(struct fs_file *file, uint32_t reach_sectors)
{
    struct fs_extent extent;
    for (uint64_t at = 0; at < file->bytes && fs_extent(file, at, &extent) == ST_OK;
         at += (uint64_t)extent.sectors * SECTOR_BYTES)
        if (extent.lba + extent.sectors > reach_sectors)
            return true;
    return false;
}

static bool was_seen(struct start_walk *walk, const char *name)
{
    size_t bytes = text_length(name) + 1;
    for (unsigned i = 0; i < walk->seen; i++)
        if (bytes <= START_SEEN_BYTES && text_same(walk->seen_name[i], name, bytes))
            return true;
    if (bytes <= START_SEEN_BYTES && walk->seen < START_SEEN_MAX)
        memcpy(walk->seen_name[walk->seen++], name, bytes);
    return false;
}

/* The kernel and the HAL are looked at anyway. What they import lies beside them, what drivers import in their folder.
 */
static void look_at_import(struct start_walk *walk, const char *folder, const char *name)
{
    char path[INSTALL_FILE_BYTES];
    struct text text;
    if (was_seen(walk, name))
        return;
    text_init(&text, path, sizeof path);
    text_add(&text, "%s\\%s%s", walk->directory, folder, name);
    start_look_at(walk, path, false);
}

static enum status look_at_imports(struct start_walk *walk, struct fs_file *file, const char *folder)
{
    struct file_source source = {.file = *file};
    struct pe pe;
    char name[PE_NAME_BYTES];
    file_source_init(&source);
    enum status status = pe_open(&source.source, &pe);
    for (uint32_t i = 0; status == ST_OK; i++) {
        status = pe_import(&pe, i, name);
        if (status == ST_OK)
            look_at_import(walk, folder, name);
    }
    return status == ST_NOT_FOUND ? ST_OK : status;
}

static void look(struct start_walk *walk, const char *path, const char *folder)
{
    struct fs_file file;
    enum status status = fs_open(&walk->work->volume, path, &file);
    if (status == ST_OK)
        status = read_to_end(walk, &file);
    bool is_out = status == ST_OK && is_far(&file, walk->reach_sectors);
    if (status == ST_OK && folder != 0)
        status = look_at_imports(walk, &file, folder);
    tell(walk, path, is_out && status == ST_OK ? START_FAR : finding_of(status));
}

void start_look_at(struct start_walk *walk, const char *path, bool is_program)
{
    look(walk, path, is_program ? SYSTEM32 : 0);
}

static void look_below(struct start_walk *walk, const char *folder, const char *name, const char *imports)
{
    char path[INSTALL_FILE_BYTES];
    struct text text;
    text_init(&text, path, sizeof path);
    text_add(&text, "%s\\%s%s", walk->directory, folder, name);
    look(walk, path, imports);
}

static enum status look_at_drivers(struct start_walk *walk, uint32_t control_set)
{
    struct system_driver driver;
    uint32_t index = 0;
    enum status status = ST_OK;
    while (status == ST_OK) {
        status = system_next_boot_driver(&walk->work->hive.hive, control_set, &index, &driver);
        if (status == ST_OK)
            look_below(walk, "", driver.path, DRIVERS);
    }
    return status == ST_NOT_FOUND ? ST_OK : status;
}

static enum status look_through_registry(struct start_walk *walk)
{
    struct install_hive *hive = &walk->work->hive;
    char name[SYSTEM_NAME_BYTES];
    uint32_t control_set = 0;
    enum status status = install_open_system(&walk->work->volume, walk->directory, hive);
    if (status == ST_OK) {
        walk->is_windows_2000 = system_is_windows_2000(&hive->hive);
        status = system_control_set(&hive->hive, &control_set);
    }
    for (unsigned i = 0; i < SYSTEM_NLS_FILES && status == ST_OK; i++) {
        status = system_nls_file(&hive->hive, control_set, i, name, sizeof name);
        if (status == ST_OK)
            look_below(walk, SYSTEM32, name, 0);
        if (status == ST_NOT_FOUND)
            status = ST_OK; /* not named: NT takes its own */
    }
    return status == ST_OK ? look_at_drivers(walk, control_set) : status;
}

static void look_at_core(struct start_walk *walk, const char *named, const char *usual)
{
    const char *name = named != 0 ? named : usual;
    if (*name != '\0')
        look_below(walk, SYSTEM32, name, SYSTEM32);
}

void start_walk(struct start_walk *walk)
{
    walk->files = walk->problems = walk->far_files = 0;
    walk->is_windows_2000 = false;
    walk->seen = 0;
    (void)was_seen(walk, "NTOSKRNL.EXE");
    (void)was_seen(walk, "HAL.DLL");
    look_at_core(walk, walk->kernel, "NTOSKRNL.EXE");
    look_at_core(walk, walk->hal, "HAL.DLL");
    look_below(walk, SYSTEM32, "CONFIG\\SYSTEM", 0);
    look_below(walk, DRIVERS, walk->work->volume.driver == &ntfs_driver ? "NTFS.SYS" : "FASTFAT.SYS", DRIVERS);
    enum status status = look_through_registry(walk);
    if (status != ST_OK)
        tell(walk, "the registry", finding_of(status));
}

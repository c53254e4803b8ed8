/* SPDX-License-Identifier: MIT */
/* The promote plan. */
#include "change/promote.h"

#include "fs/bpb.h"
#include "nt/fttype.h"

#define CODE_BYTES MBR_SIGNATURE_OFFSET
#define TYPE_EISA 0x12u
#define TYPE_EZ_DRIVE 0x55u
#define ENTRY_FIRST_CHS 1u
#define ENTRY_LAST_CHS 5u
#define CHS_BYTES 3u
#define CYLINDER_MAX 1023u

/* boot/mbr.asm. */
static const uint8_t mbr_code[] = {
#include "mbr_code.inc"
};
_Static_assert(sizeof mbr_code == CODE_BYTES, "the code ends where the signature begins");

const char *promote_text(enum promote_refusal refusal)
{
    static const char *const texts[PROMOTE_COUNT] = {
        "",
        "the disk does not answer, or its partition table is damaged or a GPT",
        "its half is not whole: it missed changes, or copying to it was not finished",
        "its half is still a member of the mirror: break it first",
        "no partition of it holds NTLDR, and none that is a half or active has a boot sector that can be started",
        "what would have to be started is a logical drive, which no MBR starts",
        "the boot sector of the partition with NTLDR is damaged",
        "BOOT.INI has to change, and cannot",
    };
    return texts[refusal];
}

/* Whether this half may be started for good. */
static enum promote_refusal judge_half(const struct promote_job *job, unsigned set, unsigned role)
{
    enum member_state state = job->survey[set].verdict.member[role];
    if (state == MEMBER_STALE || state == MEMBER_REBUILDING)
        return PROMOTE_OLD;
    return job->survey[set].facts.member[role].ft_bit && !job->breaking[set] ? PROMOTE_MEMBER : PROMOTE_OK;
}

/* The first half on this disk; null when no mirror is known to have one there, as after a break. */
static const struct partition *find_half(struct promote_job *job, const struct disk *disk)
{
    const struct partition *half = 0;
    job->refusal = PROMOTE_OK;
    for (unsigned i = 0; i < job->config->set_count && job->refusal == PROMOTE_OK; i++)
        for (unsigned role = 0; role < ROLE_COUNT && job->refusal == PROMOTE_OK; role++) {
            const struct member_place *place = &job->survey[i].place[role];
            if (place->disk != disk || place->partition == 0)
                continue;
            job->refusal = judge_half(job, i, role);
            half = half == 0 ? place->partition : half;
        }
    return half;
}

static bool has_ntldr(struct promote_job *job, struct disk *disk, const struct partition *partition)
{
    struct fs_file file;
    return job->work != 0 && ft_is_file_system(ft_plain_type(partition->type)) &&
           fs_probe(&disk->reader.device, partition->start_lba, partition->sectors, &job->work->volume) == ST_OK &&
           fs_open(&job->work->volume, "NTLDR", &file) == ST_OK;
}

/* The partition with NTLDR: the half itself, else the active one, else the first. */
static const struct partition *find_ntldr(struct promote_job *job, struct disk *disk, const struct partition *half)
{
    const struct partition *found = half != 0 && has_ntldr(job, disk, half) ? half : 0;
    for (unsigned i = 0; i < disk->table.count && (found == 0 || found != half); i++) {
        const struct partition *partition = &disk->table.partition[i];
        if ((found == 0 || (partition->active && !found->active)) && partition != half &&
            has_ntldr(job, disk, partition))
            found = partition;
    }
    return found;
}

static bool has_text(const uint8_t *code, const char *text)
{
    size_t bytes = text_length(text);
    for (size_t at = 0; at + bytes <= CODE_BYTES; at++)
        if (memcmp(code + at, text, bytes) == 0)
            return true;
    return false;
}

/* Code that starts the active partition, known by its messages. Microsoft's finds it by CHS. */
static bool is_known_code(const uint8_t *code, bool within_chs)
{
    static const char *const any[] = {"mkbootdisk", "GRUB", "Operating system load"};
    static const char *const by_chs[] = {"Invalid partition table", "Missing operating system"};
    for (unsigned i = 0; i < sizeof any / sizeof any[0]; i++)
        if (has_text(code, any[i]))
            return true;
    for (unsigned i = 0; i < sizeof by_chs / sizeof by_chs[0]; i++)
        if (has_text(code, by_chs[i]))
            return within_chs;
    return false;
}

static bool has_vendor_partition(const struct disk_table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->partition[i].type == TYPE_EISA || table->partition[i].type == TYPE_EZ_DRIVE)
            return true;
    return false;
}

static enum promote_code judge_code(const struct promote_job *job, const struct disk *disk)
{
    uint32_t per_cylinder =
        job->geometry.heads != 0 ? (uint32_t)job->geometry.heads * job->geometry.sectors_per_track : 255u * 63u;
    bool within_chs = job->boot->start_lba / per_cylinder <= CYLINDER_MAX;
    if (get_le32(disk->sector0) != 0 && is_known_code(disk->sector0, within_chs))
        return PROMOTE_CODE_KEPT;
    return has_vendor_partition(&disk->table) && get_le32(disk->sector0) != 0 ? PROMOTE_CODE_VENDOR : PROMOTE_CODE_OURS;
}

/* Beyond the last cylinder that an entry can name it says the last sector of that, as NT writes it (Q114841). */
static void encode_chs(uint32_t lba, const struct geometry *geometry, uint8_t out[CHS_BYTES])
{
    uint32_t sector = lba % geometry->sectors_per_track;
    uint32_t track = lba / geometry->sectors_per_track;
    uint32_t head = track % geometry->heads;
    uint32_t cylinder = track / geometry->heads;
    if (cylinder > CYLINDER_MAX) {
        cylinder = CYLINDER_MAX;
        head = geometry->heads - 1u;
        sector = geometry->sectors_per_track - 1u;
    }
    out[0] = (uint8_t)head;
    out[1] = (uint8_t)((sector + 1) | cylinder >> 8 << 6);
    out[2] = (uint8_t)cylinder;
}

static enum status plan_sector0(struct promote_job *job, struct disk *disk)
{
    struct edit edit = {job->changes, disk, "promote: active entry", "A03"};
    uint32_t entry = job->boot->entry_offset;
    enum status status = ST_OK;
    uint8_t chs[CHS_BYTES];
    job->code = judge_code(job, disk);
    if (job->code == PROMOTE_CODE_OURS) {
        edit.why = "promote: MBR code, active entry";
        status = edit_bytes(&edit, 0, 0, mbr_code, sizeof mbr_code);
    }
    for (uint32_t at = MBR_TABLE_OFFSET; at < MBR_MARK_OFFSET && status == ST_OK; at += MBR_ENTRY_BYTES)
        status = edit_byte(&edit, 0, at, at == entry ? MBR_ACTIVE : 0);
    if (status != ST_OK || job->geometry.heads == 0)
        return status;
    encode_chs(job->boot->start_lba, &job->geometry, chs);
    status = edit_bytes(&edit, 0, entry + ENTRY_FIRST_CHS, chs, sizeof chs);
    encode_chs(job->boot->start_lba + job->boot->sectors - 1, &job->geometry, chs);
    return status == ST_OK ? edit_bytes(&edit, 0, entry + ENTRY_LAST_CHS, chs, sizeof chs) : status;
}

static enum status plan_copy(const struct edit *edit, const struct promote_job *job, uint64_t lba, const uint8_t *now)
{
    uint8_t sector[SECTOR_BYTES];
    memcpy(sector, now, sizeof sector);
    bpb_mend(sector, job->boot->start_lba, &job->geometry);
    return edit_bytes(edit, lba, 0, sector, sizeof sector);
}

/* The copies first: they are for the day the first one is damaged, and nobody reads them before. */
static enum status plan_boot_sector(struct promote_job *job, struct disk *disk)
{
    struct edit edit = {job->changes, disk, "promote: boot sector for this disk", "A10"};
    uint8_t sector[SECTOR_BYTES];
    uint8_t copy[SECTOR_BYTES];
    uint64_t lba;
    enum status status = blockdev_read(&disk->reader.device, job->boot->start_lba, 1, sector);
    if (status != ST_OK)
        return status;
    if (!bpb_is_bootable(sector)) {
        job->refusal = PROMOTE_BOOT_SECTOR;
        return ST_REFUSED;
    }
    if (job->work == 0)
        return ST_OK;
    /* Other file systems keep other things where FAT and NTFS have these numbers. */
    status = fs_probe(&disk->reader.device, job->boot->start_lba, job->boot->sectors, &job->work->volume);
    if (status != ST_OK)
        return status == ST_IO ? status : ST_OK;
    for (unsigned i = 0; status == ST_OK && bpb_backup(sector, job->boot->start_lba, i, &lba); i++)
        if (lba - job->boot->start_lba < job->boot->sectors &&
            blockdev_read(&disk->reader.device, lba, 1, copy) == ST_OK && bpb_is_copy(sector, copy))
            status = plan_copy(&edit, job, lba, copy);
    return status == ST_OK ? plan_copy(&edit, job, job->boot->start_lba, sector) : status;
}

static bool is_startable(struct disk *disk, const struct partition *partition)
{
    uint8_t sector[SECTOR_BYTES];
    return blockdev_read(&disk->reader.device, partition->start_lba, 1, sector) == ST_OK && bpb_is_bootable(sector);
}

/* What is started where there is no NTLDR: the half, or else what is active, by its own boot sector. */
static const struct partition *find_startable(struct disk *disk, const struct partition *half)
{
    if (half != 0 && is_startable(disk, half))
        return half;
    for (unsigned i = 0; i < disk->table.count; i++)
        if (disk->table.partition[i].active && is_startable(disk, &disk->table.partition[i]))
            return &disk->table.partition[i];
    return 0;
}

static enum status plan_boot_ini(struct promote_job *job, struct disk *disk, const struct partition *half)
{
    struct edit edit = {job->changes, disk, "promote: BOOT.INI for this disk", "A14"};
    enum status status = bootpath_plan(&edit, job->work, job->boot, half, &job->boot_ini);
    if (status != ST_OK || job->boot_ini < BOOTPATH_GROWS)
        return status;
    job->refusal = PROMOTE_BOOT_INI;
    return ST_REFUSED;
}

enum status promote_plan(struct promote_job *job, struct disk *disk)
{
    unsigned before = job->changes->count;
    job->refusal = PROMOTE_DAMAGED;
    job->boot_ini = BOOTPATH_MISSING;
    if (disk->dead || disk->table.status != ST_OK || disk->table.is_gpt)
        return ST_REFUSED;
    const struct partition *half = find_half(job, disk);
    if (job->refusal != PROMOTE_OK)
        return ST_REFUSED;
    job->boot = find_ntldr(job, disk, half);
    job->is_nt = job->boot != 0;
    if (!job->is_nt)
        job->boot = find_startable(disk, half);
    if (job->boot == 0)
        job->refusal = PROMOTE_NOTHING;
    else if (job->boot->logical)
        job->refusal = PROMOTE_LOGICAL;
    enum status status = job->refusal == PROMOTE_OK ? ST_OK : ST_REFUSED;
    if (status == ST_OK && job->is_nt)
        status = plan_boot_ini(job, disk, half);
    if (status == ST_OK)
        status = plan_boot_sector(job, disk);
    if (status == ST_OK)
        status = plan_sector0(job, disk);
    if (status != ST_OK)
        job->changes->count = before;
    return status;
}

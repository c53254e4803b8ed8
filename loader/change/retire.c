/* SPDX-License-Identifier: MIT */
/* The retire plan. Sector 0 carries the signature and is written last: until then the disk is found by its old one. */
#include "change/retire.h"

#include "nt/fttype.h"

#define SIGNATURE_STEP 0x9E3779B9u /* odd: the steps run through every number before one comes back */

const char *retire_text(enum retire_refusal refusal)
{
    static const char *const texts[RETIRE_COUNT] = {
        "",
        "the disk does not answer, or its partition table is damaged or a GPT",
        "no half of a mirror is on that disk",
        "it has the half that is trusted",
        "the other half cannot be used: what is on this disk is all there is",
        "its mirror is not broken: break it first, or both in one step",
        "it holds a member of another set, which would be lost",
    };
    return texts[refusal];
}

static bool is_taken(const struct inventory *inventory, const struct config *config, uint32_t signature)
{
    for (unsigned i = 0; i < inventory->count; i++)
        if (inventory->disk[i].table.signature == signature)
            return true;
    for (unsigned i = 0; i < config->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            if (config->set[i].member[role].signature == signature)
                return true;
    return signature == 0;
}

uint32_t retire_signature(const struct inventory *inventory, const struct config *config, uint32_t old)
{
    uint32_t signature = old;
    do
        signature += SIGNATURE_STEP;
    while (is_taken(inventory, config, signature));
    return signature;
}

/* Whether the half of set `set` on this disk may go: only when the other one stands alone. */
static enum retire_refusal judge(const struct retire_job *job, unsigned set, enum role role)
{
    const struct set_survey *survey = &job->survey[set];
    enum role twin = (enum role)(1 - role);
    if ((job->breaking[set] ? job->keep[set] : survey->verdict.source) == role)
        return RETIRE_TRUSTED;
    if (survey->place[twin].partition == 0 || !survey->facts.member[twin].readable)
        return RETIRE_LAST;
    return survey->facts.member[twin].ft_bit && !job->breaking[set] ? RETIRE_MEMBER : RETIRE_OK;
}

/* Whether a partition looks like the half that was kept when its mirror was broken: on another disk its like still is a
 * member. */
static bool was_kept(const struct inventory *inventory, const struct disk *disk, const struct partition *partition)
{
    for (unsigned i = 0; i < inventory->count && !ft_is_member(partition->type); i++) {
        const struct partition *like = mbr_find(&inventory->disk[i].table, partition->start_lba, partition->sectors);
        if (&inventory->disk[i] != disk && like != 0 && ft_is_member(like->type))
            return true;
    }
    return false;
}

static bool is_half(const struct retire_job *job, const struct partition *partition)
{
    for (unsigned i = 0; i < job->config->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            if (job->survey[i].place[role].partition == partition)
                return true;
    return false;
}

static enum retire_refusal judge_disk(const struct retire_job *job, const struct disk *disk)
{
    unsigned halves = 0;
    if (disk->dead || disk->table.status != ST_OK || disk->table.is_gpt)
        return RETIRE_DAMAGED;
    for (unsigned i = 0; i < job->config->set_count; i++)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            if (job->survey[i].place[role].disk != disk || job->survey[i].place[role].partition == 0)
                continue;
            enum retire_refusal refusal = judge(job, i, (enum role)role);
            if (refusal != RETIRE_OK)
                return refusal;
            halves++;
        }
    for (unsigned i = 0; i < disk->table.count; i++)
        if (ft_is_member(disk->table.partition[i].type) && !is_half(job, &disk->table.partition[i]))
            return RETIRE_OTHER_SET;
    for (unsigned i = 0; i < disk->table.count; i++)
        if (was_kept(job->inventory, disk, &disk->table.partition[i]))
            return RETIRE_TRUSTED;
    return halves > 0 ? RETIRE_OK : RETIRE_NO_HALF;
}

static enum status plan_types(const struct edit *edit, bool logical)
{
    const struct disk_table *table = &edit->disk->table;
    enum status status = ST_OK;
    for (unsigned i = 0; i < table->count && status == ST_OK; i++) {
        const struct partition *partition = &table->partition[i];
        if (partition->logical == logical && ft_is_member(partition->type))
            status = edit_byte(edit, partition->entry_lba, partition->entry_offset + MBR_ENTRY_TYPE,
                               ft_plain_type(partition->type));
    }
    return status;
}

enum status retire_plan(struct retire_job *job, struct disk *disk)
{
    struct edit edit = {job->changes, disk, "retire: clear the fault-tolerance bits", CHANGE_ID_RETIRE};
    uint8_t signature[4];
    unsigned before = job->changes->count;
    job->refusal = judge_disk(job, disk);
    if (job->refusal != RETIRE_OK)
        return ST_REFUSED;
    put_le32(signature, retire_signature(job->inventory, job->config, disk->table.signature));
    enum status status = plan_types(&edit, true);
    edit.why = "retire: no member, not active, own signature";
    if (status == ST_OK)
        status = plan_types(&edit, false);
    for (uint32_t i = 0; i < 4 && status == ST_OK; i++)
        status = edit_byte(&edit, 0, MBR_TABLE_OFFSET + i * MBR_ENTRY_BYTES, 0);
    if (status == ST_OK)
        status = edit_bytes(&edit, 0, MBR_SIGNATURE_OFFSET, signature, sizeof signature);
    if (status != ST_OK)
        job->changes->count = before;
    return status;
}

/* SPDX-License-Identifier: MIT */
/* The verdict. Its rules, in words:
 *
 * - A member must be found by signature and extent, exactly once, and be readable; otherwise it cannot be started.
 * - A member whose type NT marked C0h missed writes: it is stale, however well it reads (D08).
 * - If one half still carries the FT bit and the other does not, somebody took the latter out of the mirror and went
 *   on with it. NT cannot start the former (STOP C000021A, D05), so it is the stale one. The journal on the boot
 *   disk remembers that even when the half that went on is not there.
 * - What a registry on either half recorded of a half holds, whichever half it stands on: orphaned is stale, and
 *   regenerating or initializing is not complete. If both halves are accused, a person must choose.
 * - Of the same registry on both halves the one with fewer writes and the earlier time belongs to the older half; where
 *   no registry speaks, NTFS's log does. If they contradict themselves, a person must choose.
 * - A half that fails may be the one that knew better: if its contents differ from the good half's, a person must
 * choose.
 * - A half whose registry is damaged, or does not know the mirror (NT then stops with C000021A), is not preferred.
 * - Of two halves of a Linux array the one that the other's superblock calls gone, or whose own counts fewer events, is
 *   the older one; if each calls the other gone, a person must choose. Of two EFI system partitions without superblocks
 *   it is the one whose boot loader is older and another.
 * - A signature that two disks carry names neither of them: one may be an old copy.
 * - Two good halves that differ, with nothing to tell which is newer, are split: a person must choose. */
#include "mirror/decide.h"

const char *member_state_name(enum member_state state)
{
    static const char *const names[] = {"absent", "dead", "failing", "foreign", "stale", "rebuilding", "good"};
    return names[state];
}

const char *set_state_name(enum set_state state)
{
    static const char *const names[] = {"healthy", "degraded", "stale", "resyncing", "split", "failing"};
    return names[state];
}

const char *why_text(enum why why)
{
    static const char *const texts[WHY_COUNT] = {
        "",
        "no disk with this signature answers",
        "a disk is there, but cannot be read",
        "two disks carry this signature: unplug one",
        "its disk has another signature now",
        "the disk is there, the partition is not",
        "sectors cannot be read",
        "NT disabled it after a failed write",
        "the other half left the mirror",
        "NT went on without it (orphaned)",
        "NT had not finished copying to it",
        "its registry is the older one",
        "its NTFS log is the older one",
        "its registry is damaged",
        "its registry does not know the mirror: NT stops",
        "md went on without it (fewer events)",
        "md had not finished copying to it",
        "its boot loader is the older one",
        "the boot loader is not on it",
        "the halves differ, none is provably newer",
    };
    return texts[why];
}

static enum why judge_member(const struct member_facts *facts)
{
    if (facts->ambiguous)
        return WHY_TWO_DISKS;
    if (facts->lost_signature && !facts->present)
        return WHY_NO_SIGNATURE;
    if (!facts->present)
        return facts->dead_candidate ? WHY_NO_ANSWER : WHY_NO_DISK;
    if (!facts->has_extent)
        return WHY_NO_EXTENT;
    if (facts->disabled)
        return WHY_DISABLED;
    if (facts->left_behind)
        return WHY_TAKEN_OUT;
    if (facts->unfinished)
        return WHY_UNFINISHED;
    if (facts->readable && facts->no_loader)
        return WHY_NO_LOADER;
    return facts->readable ? WHY_NOTHING : WHY_BAD_SECTOR;
}

static enum member_state state_of(enum why why)
{
    static const uint8_t states[WHY_COUNT] = {
        [WHY_NOTHING] = MEMBER_GOOD,       [WHY_NO_DISK] = MEMBER_ABSENT,        [WHY_NO_ANSWER] = MEMBER_DEAD,
        [WHY_TWO_DISKS] = MEMBER_FOREIGN,  [WHY_NO_SIGNATURE] = MEMBER_FOREIGN,  [WHY_NO_EXTENT] = MEMBER_FOREIGN,
        [WHY_BAD_SECTOR] = MEMBER_FAILING, [WHY_DISABLED] = MEMBER_STALE,        [WHY_TAKEN_OUT] = MEMBER_STALE,
        [WHY_ORPHANED] = MEMBER_STALE,     [WHY_REBUILDING] = MEMBER_REBUILDING, [WHY_OLDER] = MEMBER_STALE,
        [WHY_LOG_OLDER] = MEMBER_STALE,    [WHY_BAD_REGISTRY] = MEMBER_FAILING,  [WHY_UNRECORDED] = MEMBER_FAILING,
        [WHY_EVENTS] = MEMBER_STALE,       [WHY_UNFINISHED] = MEMBER_REBUILDING, [WHY_LOADER_OLDER] = MEMBER_STALE,
        [WHY_NO_LOADER] = MEMBER_STALE,    [WHY_DIFFERENT] = MEMBER_GOOD,
    };
    return (enum member_state)states[why];
}

static void blame(struct mirror_verdict *out, unsigned role, enum why why)
{
    out->why[role] = why;
    out->member[role] = state_of(why);
}

static bool is_there(enum member_state state)
{
    return state == MEMBER_GOOD || state == MEMBER_FAILING;
}

/* Of two halves that are there, one may have been left behind when the other was taken out of the mirror. */
static void judge_taken_out(const struct set_facts *facts, struct mirror_verdict *out)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        unsigned other = 1 - role;
        if (!is_there(out->member[role]) || !is_there(out->member[other]) || !facts->member[role].ft_bit ||
            facts->member[other].ft_bit)
            continue;
        blame(out, role, WHY_TAKEN_OUT);
    }
}

/* What was recorded of a half that is there. Both registries are heard, even that of a stale half: it may be the one
 * that knows. */
static void judge_recorded(const struct set_facts *facts, struct mirror_verdict *out)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        enum record own = facts->member[role].record[role];
        enum record other = facts->member[1 - role].record[role];
        enum record worst = own > other ? own : other;
        if (is_there(out->member[role]) && worst >= RECORD_REBUILDING)
            blame(out, role, worst == RECORD_ORPHANED ? WHY_ORPHANED : WHY_REBUILDING);
    }
}

static bool tells(enum age age)
{
    return age == AGE_PRIMARY_OLDER || age == AGE_SHADOW_OLDER;
}

/* Of a set of Linux's the superblocks decide, and where there are none, the loaders. */
static bool judge_age_of_esps(const struct set_facts *facts, struct mirror_verdict *out)
{
    enum age age = facts->events != AGE_UNKNOWN ? facts->events : facts->loaders;
    unsigned older = age == AGE_PRIMARY_OLDER ? ROLE_PRIMARY : ROLE_SHADOW;
    if (tells(age) && is_there(out->member[older]))
        blame(out, older, facts->events != AGE_UNKNOWN ? WHY_EVENTS : WHY_LOADER_OLDER);
    return facts->events != AGE_UNKNOWN || facts->loaders != AGE_UNKNOWN;
}

/* The log is asked only where the registry has nothing to say: after a power cut it may differ by a moment's work. */
static void judge_age(const struct set_facts *facts, struct mirror_verdict *out)
{
    bool ask_log = facts->registry == AGE_UNKNOWN || (facts->registry == AGE_SAME && facts->different);
    enum age age = ask_log ? facts->log : facts->registry;
    if (judge_age_of_esps(facts, out) || !tells(age))
        return;
    unsigned older = age == AGE_PRIMARY_OLDER ? ROLE_PRIMARY : ROLE_SHADOW;
    if (is_there(out->member[older]))
        blame(out, older, ask_log ? WHY_LOG_OLDER : WHY_OLDER);
}

/* How little NT can do with a half's registry. */
static unsigned registry_fault(const struct member_facts *facts)
{
    return facts->registry_bad * 2u + facts->unrecorded;
}

/* Of two good halves NT starts the one whose registry it can use. */
static void judge_registry(const struct set_facts *facts, struct mirror_verdict *out)
{
    unsigned primary = registry_fault(&facts->member[ROLE_PRIMARY]);
    unsigned shadow = registry_fault(&facts->member[ROLE_SHADOW]);
    unsigned worse = primary > shadow ? ROLE_PRIMARY : ROLE_SHADOW;
    if (primary != shadow && out->member[ROLE_PRIMARY] == MEMBER_GOOD && out->member[ROLE_SHADOW] == MEMBER_GOOD)
        blame(out, worse, facts->member[worse].registry_bad ? WHY_BAD_REGISTRY : WHY_UNRECORDED);
}

static void judge_both_good(const struct set_facts *facts, struct mirror_verdict *out)
{
    bool unrecorded = facts->member[ROLE_PRIMARY].unrecorded && facts->member[ROLE_SHADOW].unrecorded &&
                      facts->member[ROLE_PRIMARY].ft_bit;
    out->state = SET_HEALTHY;
    out->source = ROLE_PRIMARY;
    bool unclear = facts->different || facts->registry == AGE_CONTRADICTION || facts->events == AGE_CONTRADICTION;
    if (!unclear && !unrecorded)
        return;
    out->state = SET_SPLIT;
    out->source = ROLE_NONE;
    out->why[ROLE_PRIMARY] = out->why[ROLE_SHADOW] = unclear ? WHY_DIFFERENT : WHY_UNRECORDED;
}

/* What a failing half has recorded may be just what cannot be read of it: if the halves differ, and nothing readable
 * says why, it may be the newer one. A half that is not recorded starts once its mirror is broken; it still is the one
 * to keep. */
static void judge_one_good(enum role good, const struct set_facts *facts, struct mirror_verdict *out)
{
    enum member_state other = out->member[1 - good];
    if (other == MEMBER_FAILING && facts->different) {
        out->state = SET_SPLIT;
        out->why[good] = WHY_DIFFERENT;
        return;
    }
    out->source = good;
    out->state = good == ROLE_SHADOW && other == MEMBER_STALE ? SET_STALE : SET_DEGRADED;
    if (other == MEMBER_REBUILDING)
        out->state = SET_RESYNCING;
    out->may_break = facts->member[good].ft_bit && other != MEMBER_REBUILDING;
    out->must_break = facts->member[good].unrecorded && facts->member[good].ft_bit;
    if (out->must_break)
        out->why[good] = WHY_UNRECORDED;
}

static bool is_left_out(enum member_state state)
{
    return state == MEMBER_STALE || state == MEMBER_REBUILDING;
}

/* No half is good. A failing half still is the newest there is; an old or half-made copy alone must not be started
 * unasked. */
static void judge_none_good(struct mirror_verdict *out)
{
    out->state = SET_FAILING;
    if (out->member[ROLE_PRIMARY] == MEMBER_FAILING)
        out->source = ROLE_PRIMARY;
    else if (out->member[ROLE_SHADOW] == MEMBER_FAILING)
        out->source = ROLE_SHADOW;
    else if (is_left_out(out->member[ROLE_PRIMARY]) || is_left_out(out->member[ROLE_SHADOW]))
        out->state = SET_SPLIT;
}

void mirror_decide(const struct set_facts *facts, struct mirror_verdict *out)
{
    *out = (struct mirror_verdict){.source = ROLE_NONE};
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        blame(out, role, judge_member(&facts->member[role]));
    judge_taken_out(facts, out);
    judge_recorded(facts, out);
    judge_age(facts, out);
    judge_registry(facts, out);
    bool primary_good = out->member[ROLE_PRIMARY] == MEMBER_GOOD;
    bool shadow_good = out->member[ROLE_SHADOW] == MEMBER_GOOD;
    if (facts->member[ROLE_PRIMARY].ambiguous || facts->member[ROLE_SHADOW].ambiguous)
        out->state = SET_SPLIT;
    else if (primary_good && shadow_good)
        judge_both_good(facts, out);
    else if (primary_good || shadow_good)
        judge_one_good(primary_good ? ROLE_PRIMARY : ROLE_SHADOW, facts, out);
    else
        judge_none_good(out);
}

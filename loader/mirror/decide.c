/* SPDX-License-Identifier: MIT */
/* The verdict. Its rules, in words:
 *
 * - A member must be found by signature and extent, exactly once, and be readable; otherwise it cannot be started.
 * - A member whose type NT marked C0h missed writes: it is stale, however well it reads (D08).
 * - If one half still carries the FT bit and the other does not, somebody took the latter out of the mirror and went
 *   on with it. NT cannot start the former (STOP C000021A, D05), so it is the stale one. The journal on the boot
 *   disk remembers that even when the half that went on is not there.
 * - A signature that two disks carry names neither of them: one may be an old copy.
 * - Two good halves that differ, with nothing to tell which is newer, are split: a person must choose. */
#include "mirror/decide.h"

const char *member_state_name(enum member_state state)
{
    static const char *const names[] = {"absent", "dead", "failing", "foreign", "stale", "good"};
    return names[state];
}

const char *set_state_name(enum set_state state)
{
    static const char *const names[] = {"healthy", "degraded", "stale", "split", "failing"};
    return names[state];
}

const char *why_text(enum why why)
{
    static const char *const texts[WHY_COUNT] = {
        "",
        "no disk with this signature answers",
        "a disk is there, but cannot be read",
        "two disks carry this signature",
        "the disk is there, the partition is not",
        "sectors cannot be read",
        "NT disabled it after a failed write",
        "the other half left the mirror",
        "the halves differ, none is provably newer",
    };
    return texts[why];
}

static enum why judge_member(const struct member_facts *facts)
{
    if (facts->ambiguous)
        return WHY_TWO_DISKS;
    if (!facts->present)
        return facts->dead_candidate ? WHY_NO_ANSWER : WHY_NO_DISK;
    if (!facts->has_extent)
        return WHY_NO_EXTENT;
    if (facts->disabled)
        return WHY_DISABLED;
    if (facts->left_behind)
        return WHY_TAKEN_OUT;
    return facts->readable ? WHY_NOTHING : WHY_BAD_SECTOR;
}

static enum member_state state_of(enum why why)
{
    static const uint8_t states[WHY_COUNT] = {
        [WHY_NOTHING] = MEMBER_GOOD,      [WHY_NO_DISK] = MEMBER_ABSENT,    [WHY_NO_ANSWER] = MEMBER_DEAD,
        [WHY_TWO_DISKS] = MEMBER_FOREIGN, [WHY_NO_EXTENT] = MEMBER_FOREIGN, [WHY_BAD_SECTOR] = MEMBER_FAILING,
        [WHY_DISABLED] = MEMBER_STALE,    [WHY_TAKEN_OUT] = MEMBER_STALE,   [WHY_DIFFERENT] = MEMBER_GOOD,
    };
    return (enum member_state)states[why];
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
        out->member[role] = MEMBER_STALE;
        out->why[role] = WHY_TAKEN_OUT;
    }
}

static void judge_both_good(const struct set_facts *facts, struct mirror_verdict *out)
{
    out->state = SET_HEALTHY;
    out->source = ROLE_PRIMARY;
    if (!facts->different)
        return;
    out->state = SET_SPLIT;
    out->source = ROLE_NONE;
    out->why[ROLE_PRIMARY] = out->why[ROLE_SHADOW] = WHY_DIFFERENT;
}

static void judge_one_good(enum role good, const struct set_facts *facts, struct mirror_verdict *out)
{
    out->source = good;
    out->state = good == ROLE_SHADOW && out->member[ROLE_PRIMARY] == MEMBER_STALE ? SET_STALE : SET_DEGRADED;
    out->may_break = facts->member[good].ft_bit;
}

/* No half is good. A failing half still is the newest there is; a stale half alone must not be started unasked. */
static void judge_none_good(struct mirror_verdict *out)
{
    bool any_stale = out->member[ROLE_PRIMARY] == MEMBER_STALE || out->member[ROLE_SHADOW] == MEMBER_STALE;
    out->state = SET_FAILING;
    if (out->member[ROLE_PRIMARY] == MEMBER_FAILING)
        out->source = ROLE_PRIMARY;
    else if (out->member[ROLE_SHADOW] == MEMBER_FAILING)
        out->source = ROLE_SHADOW;
    else if (any_stale)
        out->state = SET_SPLIT;
}

void mirror_decide(const struct set_facts *facts, struct mirror_verdict *out)
{
    *out = (struct mirror_verdict){.source = ROLE_NONE};
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        out->why[role] = judge_member(&facts->member[role]);
        out->member[role] = state_of(out->why[role]);
    }
    judge_taken_out(facts, out);
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

/* SPDX-License-Identifier: MIT */
/* mirror/decide: every combination of facts that matters, against the verdict tables as they stand in the manual and in
 * nt-facts 4, and against what must hold whatever the tables say. The oracle collects what speaks against a half and
 * looks the sum up; it shares no rule order and no code with what it judges. */
#include "mirror/decide.h"
#include "unit.h"

#define RECORDS 4u
#define AGES 5u

/* What a person would call a member, looked at alone. LEFT is one that the boot disk's journal speaks against. */
enum kind { ABSENT, DEAD, TWO_OF_IT, LOST_SIGNATURE, NO_PARTITION, WRITTEN_OFF, LEFT, BAD, FINE, KINDS };

static struct set_facts facts;
static struct mirror_verdict verdict;

/* ---- the oracle ---- */

/* A absent, D dead, F foreign, S stale, R half-made, B failing, G good; - any of A D F, * any. */
struct row {
    char primary;
    char shadow;
    enum set_state state;
    char source; /* p, s, ? = ask */
};

/* The table of verdicts. The first row that fits holds; two good halves are told apart beforehand. */
static const struct row rows[] = {
    {'G', 'R', SET_RESYNCING, 'p'}, {'R', 'G', SET_RESYNCING, 's'}, {'G', '*', SET_DEGRADED, 'p'},
    {'S', 'G', SET_STALE, 's'},     {'*', 'G', SET_DEGRADED, 's'},  {'B', '*', SET_FAILING, 'p'},
    {'*', 'B', SET_FAILING, 's'},   {'S', '*', SET_SPLIT, '?'},     {'*', 'S', SET_SPLIT, '?'},
    {'R', '*', SET_SPLIT, '?'},     {'*', 'R', SET_SPLIT, '?'},     {'-', '-', SET_FAILING, '?'},
};

/* What speaks against a half that is there. */
#define BAD_SECTORS 1u
#define OLDER 2u
#define UNFINISHED 4u
#define LEFT_OUT 8u /* orphaned, or taken out of the mirror */
static const char sum_of[] = "GBSSRRRRSSSSSSSS";

/* Whose evidence of age counts, by what the registry says (rows) and what the log says (columns), each of: unknown,
 * same, primary older, shadow older, contradiction. */
static const char older_if_alike[AGES][AGES + 1] = {"..ps.", ".....", "ppppp", "sssss", "....."};
static const char older_if_different[AGES][AGES + 1] = {"..ps.", "..ps.", "ppppp", "sssss", "....."};

/* Which of two good halves is not preferred for its registry: sound, damaged, without the mirror, both (rows: the
 * primary's). */
static const char not_preferred[4][5] = {".sss", "p.ps", "ps.s", "ppp."};

static enum kind kind_of(const struct member_facts *member)
{
    static const enum kind there[2][2][2] = {{{BAD, FINE}, {WRITTEN_OFF, WRITTEN_OFF}},
                                             {{LEFT, LEFT}, {WRITTEN_OFF, WRITTEN_OFF}}};
    if (member->ambiguous)
        return TWO_OF_IT;
    if (member->present)
        return member->has_extent ? there[member->left_behind][member->disabled][member->readable] : NO_PARTITION;
    return member->lost_signature ? LOST_SIGNATURE : member->dead_candidate ? DEAD : ABSENT;
}

static bool is_said(unsigned role, enum record record)
{
    return facts.member[0].record[role] == record || facts.member[1].record[role] == record;
}

static unsigned registry_of(unsigned role)
{
    return (facts.member[role].registry_bad ? 1u : 0u) | (facts.member[role].unrecorded ? 2u : 0u);
}

/* Without regard to which of two good halves is preferred for its registry. */
static char letter_by_age(unsigned role)
{
    static const char alone[KINDS] = {'A', 'D', 'F', 'F', 'F', 'S', 'S'};
    const struct member_facts *self = &facts.member[role];
    enum kind kind = kind_of(self);
    enum kind other = kind_of(&facts.member[1 - role]);
    if (kind < BAD)
        return alone[kind];
    bool taken_out = self->ft_bit && !facts.member[1 - role].ft_bit && other >= BAD;
    char older = (facts.different ? older_if_different : older_if_alike)[facts.registry][facts.log];
    return sum_of[(kind == BAD ? BAD_SECTORS : 0) | (older == "ps"[role] ? OLDER : 0) |
                  (is_said(role, RECORD_REBUILDING) ? UNFINISHED : 0) |
                  (taken_out || is_said(role, RECORD_ORPHANED) ? LEFT_OUT : 0)];
}

static char letter_of(unsigned role)
{
    char letter = letter_by_age(role);
    bool both_good = letter == 'G' && letter_by_age(1 - role) == 'G';
    return both_good && not_preferred[registry_of(0)][registry_of(1)] == "ps"[role] ? 'B' : letter;
}

static bool fits(char pattern, char letter)
{
    return pattern == '*' || pattern == letter || (pattern == '-' && strchr("ADF", letter) != NULL);
}

static struct row expected_row(char primary, char shadow)
{
    bool unknown_to_both = facts.member[0].unrecorded && facts.member[1].unrecorded && facts.member[0].ft_bit;
    bool unclear =
        facts.different || facts.registry == AGE_CONTRADICTION || facts.events == AGE_CONTRADICTION || unknown_to_both;
    if (facts.member[0].ambiguous || facts.member[1].ambiguous)
        return (struct row){primary, shadow, SET_SPLIT, '?'};
    if (primary == 'G' && shadow == 'G')
        return unclear ? (struct row){'G', 'G', SET_SPLIT, '?'} : (struct row){'G', 'G', SET_HEALTHY, 'p'};
    /* What fails may be the only one that knew why they differ. */
    if (facts.different && ((primary == 'G' && shadow == 'B') || (primary == 'B' && shadow == 'G')))
        return (struct row){primary, shadow, SET_SPLIT, '?'};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (fits(rows[i].primary, primary) && fits(rows[i].shadow, shadow))
            return rows[i];
    fail_msg("no row for %c %c", primary, shadow);
    return rows[0];
}

/* The reasons that may be given for a member in this state; a good half's tell why nothing starts by itself. */
static bool is_reason(char letter, enum why why)
{
    static const struct {
        char letter;
        enum why why[6]; /* ends with WHY_COUNT */
    } reasons[] = {
        {'A', {WHY_NO_DISK, WHY_COUNT}},
        {'D', {WHY_NO_ANSWER, WHY_COUNT}},
        {'F', {WHY_TWO_DISKS, WHY_NO_SIGNATURE, WHY_NO_EXTENT, WHY_COUNT}},
        {'S', {WHY_DISABLED, WHY_TAKEN_OUT, WHY_ORPHANED, WHY_OLDER, WHY_LOG_OLDER, WHY_COUNT}},
        {'R', {WHY_REBUILDING, WHY_COUNT}},
        {'B', {WHY_BAD_SECTOR, WHY_BAD_REGISTRY, WHY_UNRECORDED, WHY_COUNT}},
        {'G', {WHY_NOTHING, WHY_DIFFERENT, WHY_UNRECORDED, WHY_COUNT}},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        for (unsigned k = 0; letter == reasons[i].letter && reasons[i].why[k] != WHY_COUNT; k++)
            if (reasons[i].why[k] == why)
                return true;
    return false;
}

/* ---- what must hold whatever the tables say ---- */

static bool source_may_be_started(unsigned source)
{
    const struct member_facts *self = &facts.member[source];
    enum member_state state = verdict.member[source];
    return self->present && !self->ambiguous && self->has_extent && !self->disabled && !self->left_behind &&
           !is_said(source, RECORD_ORPHANED) && !is_said(source, RECORD_REBUILDING) &&
           (state == MEMBER_GOOD || (state == MEMBER_FAILING && verdict.state == SET_FAILING));
}

static bool break_may_be_offered(void)
{
    enum member_state other = verdict.member[1 - verdict.source];
    return verdict.source != ROLE_NONE && facts.member[verdict.source].ft_bit &&
           verdict.member[verdict.source] == MEMBER_GOOD && other != MEMBER_GOOD && other != MEMBER_REBUILDING &&
           (verdict.state == SET_DEGRADED || verdict.state == SET_STALE);
}

static const char *broken_invariant(void)
{
    bool any_good = verdict.member[0] == MEMBER_GOOD || verdict.member[1] == MEMBER_GOOD;
    if (verdict.source > ROLE_NONE)
        return "no such source";
    if (verdict.source != ROLE_NONE && !source_may_be_started(verdict.source))
        return "that half must not be started";
    if (verdict.state == SET_SPLIT && verdict.source != ROLE_NONE)
        return "a split set is started";
    if (verdict.state == SET_HEALTHY && (verdict.source != ROLE_PRIMARY || facts.different))
        return "a healthy set starts its primary";
    if (any_good && verdict.state != SET_SPLIT && verdict.member[verdict.source] != MEMBER_GOOD)
        return "a good half is left for a worse one";
    if (verdict.may_break && !break_may_be_offered())
        return "this mirror must not be broken";
    if (verdict.must_break && (verdict.source == ROLE_NONE || !facts.member[verdict.source].unrecorded ||
                               !facts.member[verdict.source].ft_bit))
        return "this half starts without a break";
    return NULL;
}

static void judge(void)
{
    memset(&verdict, 0xC3, sizeof verdict);
    mirror_decide(&facts, &verdict);
}

static void fail_with_facts(const char *why, const struct row *row)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        const struct member_facts *member = &facts.member[role];
        print_error("%s: kind %u ft %u registry %u, says %u %u\n", role_name((enum role)role), kind_of(member),
                    member->ft_bit, registry_of(role), member->record[0], member->record[1]);
    }
    fail_msg("%s: different %u registry %u log %u: %s %c%c %s %s, expected %c%c %s %c", why, facts.different,
             facts.registry, facts.log, set_state_name(verdict.state), "ADBFSRG"[verdict.member[0]],
             "ADBFSRG"[verdict.member[1]], role_name(verdict.source), verdict.may_break ? "may break" : "",
             row->primary, row->shadow, set_state_name(row->state), row->source);
}

/* One combination of facts: against the tables and the invariants. */
static void check(void)
{
    static const char states[] = "ADBFSRG"; /* in the order of enum member_state */
    char letter[ROLE_COUNT] = {letter_of(0), letter_of(1)};
    judge();
    const char *broken = broken_invariant();
    struct row row = expected_row(letter[0], letter[1]);
    row.primary = letter[0];
    row.shadow = letter[1];
    if (broken != NULL)
        fail_with_facts(broken, &row);
    bool may_break = row.source != '?' && letter[row.source == 's'] == 'G' && letter[row.source == 'p'] != 'G' &&
                     letter[row.source == 'p'] != 'R' && facts.member[row.source == 's'].ft_bit;
    bool must_break = row.source != '?' && letter[row.source == 's'] == 'G' && row.state != SET_HEALTHY &&
                      facts.member[row.source == 's'].unrecorded && facts.member[row.source == 's'].ft_bit;
    if (verdict.must_break != must_break)
        fail_with_facts("NT stops unless this mirror is broken", &row);
    if (verdict.state != row.state || "ps?"[verdict.source] != row.source || states[verdict.member[0]] != letter[0] ||
        states[verdict.member[1]] != letter[1] || verdict.may_break != may_break)
        fail_with_facts("the table says otherwise", &row);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (!is_reason(letter[role], verdict.why[role]))
            fail_with_facts("a reason that is none", &row);
}

/* ---- all facts ---- */

/* What inventory and tables can say of a member: a kind, and whether its type says that it belongs to a set. A half
 * that is not there has no type, and C0h includes 80h. */
static const struct {
    enum kind kind;
    bool ft_bit;
} members[] = {{ABSENT, false},       {DEAD, false}, {TWO_OF_IT, false}, {LOST_SIGNATURE, false},
               {NO_PARTITION, false}, {LEFT, false}, {LEFT, true},       {WRITTEN_OFF, true},
               {BAD, false},          {BAD, true},   {FINE, false},      {FINE, true}};
#define MEMBERS (sizeof members / sizeof members[0])

static struct member_facts make_member(unsigned index)
{
    enum kind kind = members[index].kind;
    bool is_there = kind >= NO_PARTITION;
    return (struct member_facts){.present = is_there,
                                 .ambiguous = kind == TWO_OF_IT,
                                 .dead_candidate = kind == DEAD,
                                 .lost_signature = kind == LOST_SIGNATURE,
                                 .has_extent = kind > NO_PARTITION,
                                 .readable = is_there && kind != BAD,
                                 .ft_bit = members[index].ft_bit,
                                 .disabled = kind == WRITTEN_OFF,
                                 .left_behind = kind == LEFT};
}

static void set_evidence(unsigned number)
{
    for (unsigned witness = 0; witness < ROLE_COUNT; witness++) {
        for (unsigned role = 0; role < ROLE_COUNT; role++, number /= RECORDS)
            facts.member[witness].record[role] = (enum record)(number % RECORDS);
        facts.member[witness].registry_bad = number % 2;
        facts.member[witness].unrecorded = number / 2 % 2;
        number /= 4;
    }
    facts.different = number % 2;
    facts.registry = (enum age)(number / 2 % AGES);
    facts.log = (enum age)(number / 2 / AGES);
}

#define EVIDENCE (RECORDS * RECORDS * 4u * RECORDS * RECORDS * 4u * 2u * AGES * AGES)

/* Two halves that are not there leave nothing for the evidence to decide; an odd step still meets all of it. */
static void the_tables_hold_for_all_evidence(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MEMBERS * MEMBERS; i++) {
        unsigned primary = i % MEMBERS;
        unsigned shadow = i / MEMBERS;
        bool neither = members[primary].kind < BAD && members[shadow].kind < BAD;
        struct set_facts members_only = {.member = {make_member(primary), make_member(shadow)}};
        facts = members_only;
        for (unsigned evidence = 0; evidence < EVIDENCE; evidence += neither ? 997 : 1) {
            set_evidence(evidence);
            check();
        }
    }
}

#define FLAGS 9u

static struct member_facts flags_of(unsigned bits)
{
    return (struct member_facts){.present = bits & 1,
                                 .ambiguous = bits >> 1 & 1,
                                 .dead_candidate = bits >> 2 & 1,
                                 .lost_signature = bits >> 3 & 1,
                                 .has_extent = bits >> 4 & 1,
                                 .readable = bits >> 5 & 1,
                                 .ft_bit = bits >> 6 & 1,
                                 .disabled = bits >> 7 & 1,
                                 .left_behind = bits >> 8 & 1};
}

/* Flags that contradict each other as well: whatever the gathering of facts may bring about. */
static void the_tables_hold_for_all_flags(void **state)
{
    (void)state;
    static const struct {
        enum record record[2][ROLE_COUNT];
        bool registry_bad[ROLE_COUNT];
        bool unrecorded[ROLE_COUNT];
        bool different;
        enum age registry;
        enum age log;
    } said[] = {
        {.different = false},
        {.different = true},
        {.record = {{RECORD_HEALTHY, RECORD_HEALTHY}, {RECORD_ORPHANED, RECORD_HEALTHY}}, .different = true},
        {.record = {{RECORD_HEALTHY, RECORD_REBUILDING}, {RECORD_HEALTHY, RECORD_REBUILDING}}},
        {.registry_bad = {false, true}, .log = AGE_PRIMARY_OLDER},
        {.unrecorded = {true, true}, .registry = AGE_CONTRADICTION},
        {.unrecorded = {true, false}, .registry = AGE_SAME, .log = AGE_SHADOW_OLDER},
    };
    for (size_t k = 0; k < sizeof said / sizeof said[0]; k++)
        for (unsigned i = 0; i < 1u << 2 * FLAGS; i++) {
            facts = (struct set_facts){.member = {flags_of(i), flags_of(i >> FLAGS)},
                                       .different = said[k].different,
                                       .registry = said[k].registry,
                                       .log = said[k].log};
            for (unsigned role = 0; role < ROLE_COUNT; role++) {
                memcpy(facts.member[role].record, said[k].record[role], sizeof facts.member[role].record);
                facts.member[role].registry_bad = said[k].registry_bad[role];
                facts.member[role].unrecorded = said[k].unrecorded[role];
            }
            check();
        }
}

/* A half that still carries the FT bit was left behind when the other lost it, whether or not that other one can be
 * read everywhere today: starting the old one unasked would lose what was written since. */
static void a_half_left_behind_is_never_started_unasked(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1u << 2 * FLAGS; i++) {
        facts = (struct set_facts){.member = {flags_of(i), flags_of(i >> FLAGS)}};
        judge();
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            const struct member_facts *other = &facts.member[1 - role];
            bool left_behind = facts.member[role].ft_bit && other->present && !other->ambiguous && other->has_extent &&
                               !other->ft_bit && !other->disabled && !other->left_behind;
            if (left_behind && verdict.source == role)
                fail_msg("facts %05x: the %s was left behind and is started", i, role_name((enum role)role));
        }
    }
}

static void names_are_distinct(void **state)
{
    (void)state;
    for (int i = 0; i < WHY_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(why_text((enum why)i), why_text((enum why)k));
    assert_string_equal(why_text(WHY_NOTHING), "");
    assert_string_equal(why_text(WHY_DIFFERENT), "the halves differ, none is provably newer");
    assert_string_equal(member_state_name(MEMBER_GOOD), "good");
    assert_string_equal(member_state_name(MEMBER_REBUILDING), "rebuilding");
    assert_string_equal(member_state_name(MEMBER_ABSENT), "absent");
    assert_string_equal(set_state_name(SET_FAILING), "failing");
    assert_string_equal(set_state_name(SET_RESYNCING), "resyncing");
    assert_string_equal(set_state_name(SET_HEALTHY), "healthy");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_tables_hold_for_all_evidence),
    cmocka_unit_test(the_tables_hold_for_all_flags),
    cmocka_unit_test(a_half_left_behind_is_never_started_unasked),
    cmocka_unit_test(names_are_distinct),
};

UNIT_MAIN(tests)

/* SPDX-License-Identifier: MIT */
/* mirror/decide: every combination of facts, against the verdict table as it stands in the manual, and against what
 * must hold whatever the table says. The oracle classifies by words and looks pairs up; it shares no rule order and no
 * code with what it judges. */
#include "mirror/decide.h"
#include "unit.h"

#define FLAGS 8u
#define COMBINATIONS (1u << (2 * FLAGS + 1))

/* What a person would call a member, looked at alone. */
enum kind { ABSENT, DEAD, TWO_OF_IT, NO_PARTITION, WRITTEN_OFF, BAD, FINE, KINDS };

struct row {
    char primary; /* A absent, D dead, F foreign, S stale, B failing, G good; * any, - any of A D F */
    char shadow;
    enum set_state state;
    char source; /* p, s, ? = ask */
};

/* The table of verdicts. The first row that fits holds; two good halves are told apart beforehand. */
static const struct row rows[] = {
    {'G', '*', SET_DEGRADED, 'p'}, {'S', 'G', SET_STALE, 's'},   {'*', 'G', SET_DEGRADED, 's'},
    {'B', '*', SET_FAILING, 'p'},  {'*', 'B', SET_FAILING, 's'}, {'S', '*', SET_SPLIT, '?'},
    {'*', 'S', SET_SPLIT, '?'},    {'-', '-', SET_FAILING, '?'},
};

static struct set_facts facts;
static struct mirror_verdict verdict;

static struct member_facts member_of(unsigned bits)
{
    return (struct member_facts){.present = bits & 1,
                                 .ambiguous = bits >> 1 & 1,
                                 .dead_candidate = bits >> 2 & 1,
                                 .has_extent = bits >> 3 & 1,
                                 .readable = bits >> 4 & 1,
                                 .ft_bit = bits >> 5 & 1,
                                 .disabled = bits >> 6 & 1,
                                 .left_behind = bits >> 7 & 1};
}

static void take(unsigned combination)
{
    facts.member[0] = member_of(combination & 0xFF);
    facts.member[1] = member_of(combination >> FLAGS & 0xFF);
    facts.different = combination >> (2 * FLAGS) & 1;
    memset(&verdict, 0xC3, sizeof verdict);
    mirror_decide(&facts, &verdict);
}

static enum kind kind_of(const struct member_facts *member)
{
    if (member->ambiguous)
        return TWO_OF_IT;
    if (!member->present)
        return member->dead_candidate ? DEAD : ABSENT;
    if (!member->has_extent)
        return NO_PARTITION;
    if (member->disabled || member->left_behind)
        return WRITTEN_OFF;
    return member->readable ? FINE : BAD;
}

static char letter_of(unsigned role)
{
    static const char letters[KINDS] = {'A', 'D', 'F', 'F', 'S', 'B', 'G'};
    const struct member_facts *self = &facts.member[role];
    const struct member_facts *other = &facts.member[1 - role];
    bool both_there = kind_of(self) >= BAD && kind_of(other) >= BAD;
    if (both_there && self->ft_bit && !other->ft_bit)
        return 'S'; /* left behind when the other was taken out of the mirror */
    return letters[kind_of(self)];
}

static bool fits(char pattern, char letter)
{
    return pattern == '*' || pattern == letter || (pattern == '-' && strchr("ADF", letter) != NULL);
}

static struct row expected_row(void)
{
    char primary = letter_of(0);
    char shadow = letter_of(1);
    if (kind_of(&facts.member[0]) == TWO_OF_IT || kind_of(&facts.member[1]) == TWO_OF_IT)
        return (struct row){primary, shadow, SET_SPLIT, '?'};
    if (primary == 'G' && shadow == 'G')
        return facts.different ? (struct row){'G', 'G', SET_SPLIT, '?'} : (struct row){'G', 'G', SET_HEALTHY, 'p'};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (fits(rows[i].primary, primary) && fits(rows[i].shadow, shadow))
            return rows[i];
    fail_msg("no row for %c %c", primary, shadow);
    return rows[0];
}

static void the_table_holds_for_all_facts(void **state)
{
    (void)state;
    static const char letters[] = {'A', 'D', 'B', 'F', 'S', 'G'}; /* in the order of enum member_state */
    for (unsigned i = 0; i < COMBINATIONS; i++) {
        take(i);
        struct row row = expected_row();
        char source = verdict.source == ROLE_PRIMARY ? 'p' : verdict.source == ROLE_SHADOW ? 's' : '?';
        if (verdict.state != row.state || source != row.source || letters[verdict.member[0]] != letter_of(0) ||
            letters[verdict.member[1]] != letter_of(1))
            fail_msg("facts %05x (%c %c): %s %c, expected %s %c", i, letter_of(0), letter_of(1),
                     set_state_name(verdict.state), source, set_state_name(row.state), row.source);
    }
}

static void check_source(void)
{
    const struct member_facts *source = &facts.member[verdict.source];
    assert_true(source->present && !source->ambiguous && source->has_extent && !source->disabled &&
                !source->left_behind);
    enum member_state state = verdict.member[verdict.source];
    assert_true(state == MEMBER_GOOD || state == MEMBER_FAILING);
    if (state == MEMBER_GOOD)
        assert_true(source->readable);
    else
        assert_int_equal(verdict.state, SET_FAILING);
}

static void check_break(void)
{
    assert_int_not_equal(verdict.source, ROLE_NONE);
    assert_true(facts.member[verdict.source].ft_bit);
    assert_int_equal(verdict.member[verdict.source], MEMBER_GOOD);
    assert_int_not_equal(verdict.member[1 - verdict.source], MEMBER_GOOD);
    assert_true(verdict.state == SET_DEGRADED || verdict.state == SET_STALE);
}

static void invariants(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMBINATIONS; i++) {
        take(i);
        assert_in_range(verdict.source, 0, ROLE_NONE);
        if (verdict.source != ROLE_NONE)
            check_source();
        if (verdict.state == SET_SPLIT)
            assert_int_equal(verdict.source, ROLE_NONE);
        if (verdict.state == SET_HEALTHY)
            assert_int_equal(verdict.source, ROLE_PRIMARY);
        if (verdict.may_break)
            check_break();
        for (unsigned role = 0; role < ROLE_COUNT; role++)
            assert_in_range(verdict.why[role], WHY_NOTHING, WHY_COUNT - 1);
    }
}

static void a_good_half_is_never_left_for_a_worse_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMBINATIONS; i++) {
        take(i);
        bool any_good = verdict.member[0] == MEMBER_GOOD || verdict.member[1] == MEMBER_GOOD;
        if (any_good && verdict.state != SET_SPLIT)
            assert_int_equal(verdict.member[verdict.source], MEMBER_GOOD);
    }
}

/* A half that still carries the FT bit was left behind when the other lost it, whether or not that other one can be
 * read everywhere today: starting the old one unasked would lose what was written since. */
static void a_half_left_behind_is_never_started_unasked(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMBINATIONS; i++) {
        take(i);
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
    assert_string_equal(member_state_name(MEMBER_GOOD), "good");
    assert_string_equal(member_state_name(MEMBER_ABSENT), "absent");
    assert_string_equal(set_state_name(SET_FAILING), "failing");
    assert_string_equal(set_state_name(SET_HEALTHY), "healthy");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_table_holds_for_all_facts),
    cmocka_unit_test(invariants),
    cmocka_unit_test(a_good_half_is_never_left_for_a_worse_one),
    cmocka_unit_test(a_half_left_behind_is_never_started_unasked),
    cmocka_unit_test(names_are_distinct),
};

UNIT_MAIN(tests)

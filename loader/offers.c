/* SPDX-License-Identifier: MIT */
/* What may be done now, as the lines of the menu: the first one is what happens unasked. */
#include "offers.h"

static bool has_journal(const struct loader *loader, enum journal_state state)
{
    return loader->boot.journal_status == ST_OK && loader->boot.journal.state == state;
}

static void offer(struct choices *choices, enum action action, enum role role, const char *text)
{
    struct menu *menu = &choices->menu;
    struct text item;
    if (menu->count == MENU_ITEMS_MAX)
        return;
    choices->choice[menu->count] = (struct choice){action, role};
    text_init(&item, menu->item[menu->count++], MENU_ITEM_BYTES);
    text_add(&item, text, role_name(role));
}

/* Windows NT may be on another mirror than the one that is started: then the disk that is started must have the good
 * half of both. */
static bool system_is_elsewhere(const struct loader *loader, enum role source)
{
    if (loader->config.system_set < 2)
        return false;
    const struct set_survey *system = &loader->survey[loader->config.system_set - 1];
    if (system->verdict.state == SET_HEALTHY)
        return false;
    return system->verdict.source == ROLE_NONE ||
           system->place[system->verdict.source].disk != loader->survey[0].place[source].disk;
}

/* The half that the verdict would start, if that is beyond doubt for every mirror that matters. */
static enum role certain_source(const struct loader *loader)
{
    enum role source = loader->config.set_count > 0 ? loader->survey[0].verdict.source : ROLE_NONE;
    return source != ROLE_NONE && system_is_elsewhere(loader, source) ? ROLE_NONE : source;
}

bool offers_is_esp(const struct loader *loader)
{
    return loader->config.set_count > 0 && loader->config.set[0].kind == SET_ESP;
}

const char *offers_cannot_start(const struct loader *loader)
{
    if (!offers_is_esp(loader))
        return loader->fw->cannot_start;
    return loader->fw->start_file != 0 ? 0 : "An EFI system partition is started by UEFI firmware only";
}

bool offers_will_break(const struct loader *loader)
{
    return loader->config.policy == BREAK_AUTO && loader->boot.journal_status == ST_OK &&
           offers_cannot_start(loader) == 0 && loader->survey[0].verdict.may_break && !loader->changed &&
           certain_source(loader) != ROLE_NONE;
}

/* The half that is started if nobody presses a key. NT stops while its registry does not know the mirror; only a
 * person, or the policy, may break it. */
enum role loader_default(const struct loader *loader)
{
    enum role source = certain_source(loader);
    bool stops = source != ROLE_NONE && loader->survey[0].verdict.must_break && !offers_will_break(loader);
    return stops || offers_cannot_start(loader) != 0 ? ROLE_NONE : source;
}

/* Only a half that is there can be started; one that is not the verdict's choice only by a person's own choice. */
static void offer_half(struct loader *loader, struct choices *choices, enum role role)
{
    const struct set_survey *survey = &loader->survey[0];
    const struct mirror_verdict *verdict = &survey->verdict;
    bool chosen = role == verdict->source;
    bool broken = !survey->facts.member[role].ft_bit;
    bool both_stale = verdict->member[ROLE_PRIMARY] == MEMBER_STALE && verdict->member[ROLE_SHADOW] == MEMBER_STALE;
    bool by_choice = verdict->state == SET_SPLIT && (both_stale || verdict->member[role] == MEMBER_GOOD);
    if (survey->place[role].partition == 0)
        return;
    if (offers_cannot_start(loader) != 0)
        ; /* but what is on the disks can be changed */
    else if (both_stale)
        offer(choices, ACT_START, role, "Start the %s: what only the other half has would be lost");
    else if (verdict->member[role] == MEMBER_STALE)
        offer(choices, ACT_START, role, "Start the %s, which is OLDER: later changes would be lost");
    else if (verdict->member[role] == MEMBER_REBUILDING)
        offer(choices, ACT_START, role, "Start the %s, an UNFINISHED copy");
    else if (!chosen && verdict->state == SET_HEALTHY && !offers_is_esp(loader))
        offer(choices, ACT_START, role, "Start the %s (NT stops while the primary is connected)");
    else
        offer(choices, ACT_START, role, "Start the %s");
    if (loader->config.policy == BREAK_NEVER || offers_is_esp(loader))
        return;
    if (broken && chosen)
        offer(choices, ACT_PROMOTE, role, "Make the %s start without this boot disk");
    if (!broken && !offers_will_break(loader) && (chosen ? verdict->may_break : by_choice))
        offer(choices, ACT_BREAK, role,
              offers_cannot_start(loader) != 0 ? "Break the mirror, keeping the %s"
                                               : "Break the mirror, keeping the %s, then start it");
}

/* The other half of a mirror that is broken, if it is there: it looks like a half still. */
static bool may_retire(const struct loader *loader)
{
    const struct set_survey *survey = &loader->survey[0];
    enum role source = loader->config.set_count > 0 ? survey->verdict.source : ROLE_NONE;
    return source != ROLE_NONE && loader->config.policy != BREAK_NEVER && !offers_is_esp(loader) &&
           !survey->facts.member[source].ft_bit && survey->place[1 - source].partition != 0 &&
           survey->place[1 - source].disk->table.status == ST_OK;
}

/* A half that is no member of an array, beside one that is trusted: what is on that can be copied. md copies by itself.
 */
static bool may_copy(const struct loader *loader)
{
    const struct set_survey *survey = &loader->survey[0];
    enum role source = offers_is_esp(loader) ? survey->verdict.source : ROLE_NONE;
    return source != ROLE_NONE && loader->fw->copy_files != 0 && survey->place[1 - source].partition != 0 &&
           !survey->esp[source].has_md && !survey->esp[1 - source].has_md && !survey->place[1 - source].disk->dead;
}

static bool has_nt(const struct loader *loader)
{
    return loader->fw->work != 0 && loader->config.set_count > 0 && !offers_is_esp(loader);
}

void offers_make(struct loader *loader, struct choices *choices)
{
    enum role source = loader->config.set_count > 0 ? loader->survey[0].verdict.source : ROLE_NONE;
    memset(choices, 0, sizeof *choices);
    choices->menu.has_default = loader_default(loader) != ROLE_NONE;
    if (offers_will_break(loader))
        offer(choices, ACT_BREAK, source, "Break the mirror, keeping the %s, then start it");
    if (source != ROLE_NONE)
        offer_half(loader, choices, source);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (role != source && loader->config.set_count > 0)
            offer_half(loader, choices, (enum role)role);
    if (may_retire(loader))
        offer(choices, ACT_RETIRE, (enum role)(1 - source), "Retire the %s: no member, not active, new signature");
    if (has_journal(loader, JOURNAL_PENDING)) {
        offer(choices, ACT_FINISH, ROLE_NONE, "Finish the interrupted change");
        offer(choices, ACT_UNDO, ROLE_NONE, "Undo the interrupted change");
    } else if (has_journal(loader, JOURNAL_DONE))
        offer(choices, ACT_UNDO, ROLE_NONE, "Undo the last change");
    if (may_copy(loader))
        offer(choices, ACT_COPY, (enum role)(1 - source), "Bring the %s up to date, file by file");
    for (unsigned role = 0; role < ROLE_COUNT && has_nt(loader); role++)
        if (loader->survey[0].place[role].partition != 0 && (source == ROLE_NONE || source == role))
            offer(choices, ACT_DRYRUN, (enum role)role, "Dry run: would the %s start? Nothing is started or written");
    offer(choices, ACT_RESTART, ROLE_NONE,
          loader->fw->restart_text != 0 ? loader->fw->restart_text : "Restart the machine");
}

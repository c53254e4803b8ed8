/* SPDX-License-Identifier: MIT */
/* `mkbootdisk explain`: what an id means that the loader or a command showed: a site code (R1), which says where an
 * error was found, or a failure id (A03), which names a documented way in which a start fails. Reads no disk. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report.h"

#define COLUMNS 100

/* Both begin with the id: see by_id. */
struct site_entry {
    const char *code;
    const char *text;
};

static const struct site_entry sites[] = {
#define SITE(name, code, text) {code, text},
#include "base/sites.def"
#undef SITE
};

struct failure_entry {
    const char *id;
    const char *symptom;
    const char *cause;
    const char *next_step;
};

static const struct failure_entry failures[] = {
#define FAILURE(id, symptom, cause, next_step) {#id, symptom, cause, next_step},
#include "failure_modes.def"
#undef FAILURE
};

#define SITES_COUNT (sizeof sites / sizeof sites[0])
#define FAILURES_COUNT (sizeof failures / sizeof failures[0])

enum option_id { OPT_JSON = 256, OPT_HELP };

static const struct option options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: mkbootdisk explain [ID] [--json]\n"
    "\n"
    "Tells what an id on the loader's screen, in an event line or in a finding means: a code such as R1 says where\n"
    "an error was found, an id such as A03 names a known way in which a start fails, with what to do next. Qnnnnnn\n"
    "are Microsoft Knowledge Base articles. Without an ID all are listed. Upper and lower case are alike.\n"
    "\n"
    "Exit codes: 0 done, 2 there is no such id.\n";

static const struct site_entry *find_site(const char *id)
{
    for (size_t i = 0; i < SITES_COUNT; i++)
        if (strcasecmp(sites[i].code, id) == 0)
            return &sites[i];
    return NULL;
}

static const struct failure_entry *find_failure(const char *id)
{
    for (size_t i = 0; i < FAILURES_COUNT; i++)
        if (strcasecmp(failures[i].id, id) == 0)
            return &failures[i];
    return NULL;
}

/* What was probably meant: A03 by A3, R1 by R01. */
static const char *twin_of(const char *id)
{
    for (size_t i = 0; i < SITES_COUNT + FAILURES_COUNT; i++) {
        const char *other = i < SITES_COUNT ? sites[i].code : failures[i - SITES_COUNT].id;
        if (toupper((unsigned char)*id) == *other && strcasecmp(id, other) != 0 && id[1] != '\0' &&
            strtoul(id + 1, NULL, 10) == strtoul(other + 1, NULL, 10) && isdigit((unsigned char)id[1]))
            return other;
    }
    return NULL;
}

/* All ids with the same letter, or all letters there are. */
static void list_near(const char *id, FILE *to)
{
    char letter = (char)toupper((unsigned char)*id);
    bool any = false;
    for (size_t i = 0; i < SITES_COUNT + FAILURES_COUNT; i++) {
        const char *other = i < SITES_COUNT ? sites[i].code : failures[i - SITES_COUNT].id;
        if (*other != letter)
            continue;
        fprintf(to, "%s%s", any ? " " : "", other);
        any = true;
    }
}

static enum exit_code no_such_id(const char *id)
{
    const char *twin = twin_of(id);
    char *near = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&near, &size);
    if (memory != NULL) {
        list_near(id, memory);
        fclose(memory);
    }
    if (twin != NULL)
        complain(EXIT_USAGE, "there is no id '%s'; did you mean %s?", id, twin);
    else if (near != NULL && *near != '\0')
        complain(EXIT_USAGE, "there is no id '%s'; with this letter there are: %s", id, near);
    else
        complain(EXIT_USAGE, "there is no id '%s'; 'mkbootdisk explain' lists all", id);
    free(near);
    return EXIT_USAGE;
}

/* `label` in a column of its own, the text beside it in lines of at most COLUMNS. */
static void print_wrapped(const char *label, const char *text)
{
    int indent = (int)strlen("Symptom ");
    int column = printf("%-*s", indent, label);
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column + 1 + length > COLUMNS) {
            putchar('\n');
            column = printf("%*s", indent, "");
        }
        column += printf(" %.*s", length, text);
        text += length;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_site(const struct site_entry *site)
{
    print_wrapped(site->code, site->text);
}

static void print_failure(const struct failure_entry *failure)
{
    puts(failure->id);
    print_wrapped("Symptom", failure->symptom);
    print_wrapped("Cause", failure->cause);
    print_wrapped("Next", failure->next_step);
}

/* By letter, then by number: R2 stands before R10. */
static int by_id(const void *left, const void *right)
{
    const char *one = *(const char *const *)left;
    const char *other = *(const char *const *)right;
    if (*one != *other)
        return *one - *other;
    return (int)strtol(one + 1, NULL, 10) - (int)strtol(other + 1, NULL, 10);
}

struct sorted {
    struct site_entry site[SITES_COUNT];
    struct failure_entry failure[FAILURES_COUNT];
};

static const struct sorted *sort_all(void)
{
    static struct sorted all;
    memcpy(all.site, sites, sizeof sites);
    memcpy(all.failure, failures, sizeof failures);
    qsort(all.site, SITES_COUNT, sizeof all.site[0], by_id);
    qsort(all.failure, FAILURES_COUNT, sizeof all.failure[0], by_id);
    return &all;
}

static void print_list(void)
{
    const struct sorted *all = sort_all();
    puts("Where an error was found:");
    for (size_t i = 0; i < SITES_COUNT; i++)
        print_wrapped(all->site[i].code, all->site[i].text);
    puts("\nKnown ways in which a start fails:");
    for (size_t i = 0; i < FAILURES_COUNT; i++)
        print_wrapped(all->failure[i].id, all->failure[i].symptom);
}

static cJSON *site_json(const struct site_entry *site)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", site->code);
    cJSON_AddStringToObject(object, "kind", "site");
    cJSON_AddStringToObject(object, "text", site->text);
    return object;
}

static cJSON *failure_json(const struct failure_entry *failure)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", failure->id);
    cJSON_AddStringToObject(object, "kind", "failure");
    cJSON_AddStringToObject(object, "symptom", failure->symptom);
    cJSON_AddStringToObject(object, "cause", failure->cause);
    cJSON_AddStringToObject(object, "next", failure->next_step);
    return object;
}

static cJSON *list_json(void)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *ids = cJSON_AddArrayToObject(object, "ids");
    const struct sorted *all = sort_all();
    for (size_t i = 0; i < SITES_COUNT; i++)
        cJSON_AddItemToArray(ids, site_json(&all->site[i]));
    for (size_t i = 0; i < FAILURES_COUNT; i++)
        cJSON_AddItemToArray(ids, failure_json(&all->failure[i]));
    return object;
}

static enum exit_code explain_one(const char *id, bool json)
{
    const struct site_entry *site = find_site(id);
    const struct failure_entry *failure = find_failure(id);
    if (site == NULL && failure == NULL)
        return no_such_id(id);
    if (json)
        report_json(site != NULL ? site_json(site) : failure_json(failure));
    else if (site != NULL)
        print_site(site);
    else
        print_failure(failure);
    return EXIT_DONE;
}

static enum exit_code run_explain(int argc, char **argv)
{
    bool json = false;
    int id;
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (id == OPT_HELP)
            return show_usage(&explain_command);
        if (id != OPT_JSON)
            return bad_usage(&explain_command);
        json = true;
    }
    if (argc - optind > 1) {
        complain(EXIT_USAGE, "explain takes one id");
        return bad_usage(&explain_command);
    }
    if (argc - optind == 1)
        return explain_one(argv[optind], json);
    if (json)
        report_json(list_json());
    else
        print_list();
    return EXIT_DONE;
}

const struct command explain_command = {
    .name = "explain",
    .summary = "what an id on the screen means, and what to do next",
    .usage = usage,
    .run = run_explain,
};

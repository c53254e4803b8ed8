/* SPDX-License-Identifier: MIT */
/* `mkbootdisk retire` and `mkbootdisk promote`: what is done to one disk, by its name. */
#include <getopt.h>

#include "repairs.h"

struct request {
    struct writing writing;
    const char *disk;
    long set;
    struct geometry geometry;
};

enum option_code { OPT_DISK = 256, OPT_SET, OPT_GEOMETRY, OPT_HELP };

static const struct option retire_options[] = {{"disk", required_argument, NULL, OPT_DISK},
                                               {"set", required_argument, NULL, OPT_SET},
                                               {"help", no_argument, NULL, OPT_HELP},
                                               WRITING_OPTIONS,
                                               {NULL, 0, NULL, 0}};

static const struct option promote_options[] = {{"disk", required_argument, NULL, OPT_DISK},
                                                {"set", required_argument, NULL, OPT_SET},
                                                {"geometry", required_argument, NULL, OPT_GEOMETRY},
                                                {"help", no_argument, NULL, OPT_HELP},
                                                WRITING_OPTIONS,
                                                {NULL, 0, NULL, 0}};

static bool take_option(struct request *request, int option)
{
    switch (option) {
    case OPT_DISK:
        request->disk = optarg;
        return true;
    case OPT_SET:
        return parse_number("--set", optarg, 1, SETS_MAX, &request->set);
    case OPT_GEOMETRY:
        return repairs_take_geometry(optarg, &request->geometry);
    default:
        return writing_take_option(&request->writing, option, optarg);
    }
}

static enum exit_code carry_out(const struct command *command, const struct request *request, struct host_set *set)
{
    static struct repairs repairs;
    unsigned disk;
    enum exit_code code = host_set_check_tables(set);
    if (code == EXIT_DONE)
        code = host_set_take_disk(set, request->disk, (unsigned)request->set - 1, &disk);
    if (code != EXIT_DONE)
        return code;
    repairs_begin(&repairs, set, &request->writing);
    if (command == &retire_command)
        code = repairs_retire(&repairs, &set->inventory.disk[disk]);
    else
        code = repairs_promote(&repairs, &set->inventory.disk[disk], request->geometry);
    if (code != EXIT_DONE)
        return code;
    return writing_carry_out(&request->writing, set, &repairs.changes, "the disk is as it should be");
}

static enum exit_code run(const struct command *command, const struct option *options, int argc, char **argv)
{
    static struct host_set set;
    struct request request = {.writing = {.undo_file = UNDO_FILE_DEFAULT}, .set = 1};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPT_HELP)
            return show_usage(command);
        if (!take_option(&request, option))
            return bad_usage(command);
    }
    if (request.disk == NULL) {
        complain(EXIT_USAGE, "say which disk: --disk primary, --disk shadow or --disk SIGNATURE");
        return bad_usage(command);
    }
    enum exit_code code = host_set_open(argv + optind, argc - optind, true, &set);
    if (code != EXIT_DONE)
        return code;
    code = carry_out(command, &request, &set);
    host_set_close(&set);
    return code;
}

static enum exit_code run_retire(int argc, char **argv)
{
    return run(&retire_command, retire_options, argc, argv);
}

static enum exit_code run_promote(int argc, char **argv)
{
    return run(&promote_command, promote_options, argc, argv);
}

const struct command retire_command = {
    .name = "retire",
    .summary = "make the other half harmless: it cannot start, nor be taken for a member",
    .usage =
        "usage: mkbootdisk retire --disk primary|shadow|SIGNATURE [OPTIONS] DISK...\n\n"
        "Clears the active flag and the fault-tolerance bits of that disk and gives it a new signature, so that it\n"
        "can be attached again without starting, mirroring or being mistaken for the survivor. Its files stay. The\n"
        "half that is trusted is never retired, nor the last one; give both disks.\n\n"
        "  --disk NAME            the disk to retire\n"
        "  --set N                the mirror of which it is the primary or shadow (default 1)\n" WRITING_USAGE,
    .run = run_retire,
};

const struct command promote_command = {
    .name = "promote",
    .summary = "make the survivor start by itself, as the first disk and without the boot disk",
    .usage =
        "usage: mkbootdisk promote --disk primary|shadow|SIGNATURE [OPTIONS] DISK...\n\n"
        "Writes MBR code where there is none that is known, sets one active flag, on the partition with NTLDR,\n"
        "mends hidden sectors, drive number and (with --geometry) geometry in the boot sector, its copies and the\n"
        "partition entry, and lets BOOT.INI's default name this disk as the first one. The mirror must be broken.\n\n"
        "  --disk NAME            the disk to promote\n"
        "  --set N                the mirror of which it is the primary or shadow (default 1)\n"
        "  --geometry H/S         heads and sectors per track as the machine's BIOS counts them, such as "
        "255/63\n" WRITING_USAGE,
    .run = run_promote,
};

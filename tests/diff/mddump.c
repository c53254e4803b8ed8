/* SPDX-License-Identifier: MIT */
/* mddump IMAGE START SECTORS: what the core makes of an md superblock, for other programs to compare. One line of JSON;
 * without a superblock only its status. Judges nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "image.h"
#include "mirror/md.h"

static void print(const struct md_member *member)
{
    (void)printf(", \"minor\": %u, \"uuid\": \"", member->minor);
    for (unsigned i = 0; i < MD_UUID_BYTES; i++)
        (void)printf("%02x", member->uuid[i]);
    (void)printf(
        "\", \"level\": %d, \"disks\": %u, \"events\": %llu, \"updated\": %llu, \"role\": %u, \"in_sync\": %s, "
        "\"other_faulty\": %s",
        (int)member->level, member->disks, (unsigned long long)member->events, (unsigned long long)member->updated_s,
        member->role, member->in_sync ? "true" : "false", member->other_faulty ? "true" : "false");
}

int main(int argc, char **argv)
{
    struct md_member member;
    struct image image;
    if (argc != 4 || !open_image(&image, argv[1])) {
        (void)fprintf(stderr, "usage: mddump IMAGE START SECTORS\n");
        return 2;
    }
    enum status status = md_read(&image.device, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), &member);
    (void)printf("{\"status\": \"%s\"", status_name(status));
    if (status == ST_OK)
        print(&member);
    (void)printf("}\n");
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* ntfsmake IMAGE < SCRIPT: fill an NTFS volume that mkntfs made, with no mount and no root, by the library of ntfs-3g.
 * Owns how files of each shape are laid out there; knows nothing of our code, so that it can bear witness against it.
 *
 * A command a line, its words separated by tabs; paths are UTF-8 with '/', missing parents are made. HOST is the file
 * that the bytes come from.
 *
 * - mkdir PATH; file PATH HOST; compressed PATH HOST
 * - sparse PATH HOST: where HOST has holes
 * - fragment PATH HOST PIECES; attrlist PATH HOST PIECES: the same with 40 more names, and $DATA in other records
 * - stream PATH NAME HOST: a named stream; valid PATH BYTES: what is behind them was never written
 * - link OLD NEW; dosname PATH NAME; delete PATH
 * - many DIR COUNT: small files, see small_name(); frag-mft DIR PIECES: small files until $MFT is in so many
 *
 * The clock stands still, at SOURCE_DATE_EPOCH, so that a script always makes the same volume. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/bitmap.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/lcnalloc.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#define WORDS_MAX 4
#define CHUNK_BYTES (1u << 20)
#define EXTRA_NAMES 40u
#define STRIDE 611953

/* A file or directory and the directory it lies in; the library wants both open until the end. */
struct made {
    ntfs_inode *node;
    ntfs_inode *parent;
    const char *leaf;
};

static ntfs_volume *volume;
static unsigned line_number;

/* The library's idea of now. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    (void)clock;
    *now = (struct timespec){.tv_sec = epoch != NULL ? atoll(epoch) : 820454400};
    return 0;
}

static void need(bool fine, const char *what, const char *about)
{
    if (fine)
        return;
    (void)fprintf(stderr, "ntfsmake: line %u: %s: %s: %s\n", line_number, what, about, strerror(errno));
    exit(1);
}

static unsigned long number(const char *word)
{
    char *end;
    unsigned long value = strtoul(word, &end, 10);
    need(*word != '\0' && *end == '\0', "not a number", word);
    return value;
}

static u8 to_utf16(const char *name, ntfschar **out)
{
    *out = NULL;
    int length = ntfs_mbstoucs(name, out);
    need(length > 0 && length <= 255, "bad name", name);
    return (u8)length;
}

/* ---- files and directories ---- */

/* Null if there is no such name. Not by the library's lookup of whole paths: that remembers what was not there. */
static ntfs_inode *lookup(ntfs_inode *parent, const char *name)
{
    ntfschar *wide;
    u8 length = to_utf16(name, &wide);
    u64 reference = ntfs_inode_lookup_by_name(parent, wide, length);
    free(wide);
    return reference == (u64)-1 ? NULL : ntfs_inode_open(volume, MREF(reference));
}

static ntfs_inode *create_in(ntfs_inode *parent, const char *name, mode_t type)
{
    ntfschar *wide;
    u8 length = to_utf16(name, &wide);
    ntfs_inode *node = ntfs_create(parent, 0, wide, length, type);
    need(node != NULL, "cannot create", name);
    free(wide);
    return node;
}

static void close_made(struct made made)
{
    need(ntfs_inode_close_in_dir(made.node, made.parent) == 0 && ntfs_inode_close(made.parent) == 0, "cannot close",
         made.leaf);
}

/* The directory `path` lies in, made if need be; *leaf is its last part. */
static ntfs_inode *open_parent(const char *path, const char **leaf)
{
    ntfs_inode *directory = ntfs_inode_open(volume, FILE_root);
    const char *part = path + strspn(path, "/");
    for (size_t length; directory != NULL && part[length = strcspn(part, "/")] != '\0'; part += length + 1) {
        char *name = strndup(part, length);
        ntfs_inode *next = lookup(directory, name);
        if (next == NULL)
            next = create_in(directory, name, S_IFDIR);
        need(ntfs_inode_close_in_dir(next, directory) == 0 && (next = lookup(directory, name)) != NULL &&
                 ntfs_inode_close(directory) == 0,
             "cannot open", name);
        free(name);
        directory = next;
    }
    need(directory != NULL, "cannot open", path);
    *leaf = part;
    return directory;
}

/* A `type` that is not 0 is made: a directory if there is none, a file in any case. */
static struct made open_made(const char *path, mode_t type)
{
    struct made made;
    made.parent = open_parent(path, &made.leaf);
    made.node = type == S_IFREG ? NULL : lookup(made.parent, made.leaf);
    if (made.node == NULL && type != 0)
        made.node = create_in(made.parent, made.leaf, type);
    need(made.node != NULL, "cannot open", path);
    return made;
}

static void link_file(const char *old, const char *new)
{
    const char *leaf;
    ntfschar *wide;
    struct made made = open_made(old, 0);
    need(ntfs_inode_close(made.parent) == 0, "cannot close the directory of", old);
    ntfs_inode *parent = open_parent(new, &leaf);
    u8 length = to_utf16(leaf, &wide);
    /* The directory first: closing the file looks its names up there. */
    need(ntfs_link(made.node, parent, wide, length) == 0 && ntfs_inode_close(parent) == 0 &&
             ntfs_inode_close(made.node) == 0,
         "cannot link", new);
    free(wide);
}

static void delete_file(const char *path)
{
    ntfschar *wide;
    struct made made = open_made(path, 0);
    u8 length = to_utf16(made.leaf, &wide);
    need(ntfs_delete(volume, path, made.node, made.parent, wide, length) == 0, "cannot delete", path); /* closes both */
    free(wide);
}

static void set_short_name(const char *path, const char *name)
{
    struct made made = open_made(path, 0);
    int status = ntfs_set_ntfs_dos_name(made.node, made.parent, name, strlen(name), 0); /* closes both */
    need(status == 0, "cannot set the short name", name);
}

/* ---- contents ---- */

static ntfs_attr *open_data(ntfs_inode *node)
{
    ntfs_attr *data = ntfs_attr_open(node, AT_DATA, AT_UNNAMED, 0);
    need(data != NULL, "cannot open", "$DATA");
    return data;
}

static int open_host(const char *path, off_t *bytes)
{
    struct stat status;
    int host = open(path, O_RDONLY | O_CLOEXEC);
    need(host >= 0 && fstat(host, &status) == 0, "cannot open", path);
    *bytes = status.st_size;
    return host;
}

static void copy_range(ntfs_attr *data, int host, off_t at, off_t end)
{
    static char chunk[CHUNK_BYTES];
    while (at < end) {
        size_t want = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
        need(pread(host, chunk, want, at) == (ssize_t)want && ntfs_attr_pwrite(data, at, (s64)want, chunk) == (s64)want,
             "cannot copy", "a file");
        at += (off_t)want;
    }
}

/* Fills and closes `data`. A compressed one has its last unit stored only by the closing. */
static void fill(ntfs_attr *data, const char *host_path)
{
    off_t bytes;
    int host = open_host(host_path, &bytes);
    copy_range(data, host, 0, bytes);
    need(ntfs_attr_pclose(data) == 0, "cannot finish", host_path);
    ntfs_attr_close(data);
    (void)close(host);
}

/* Fills and closes `data`; where the host's file has holes, so will it. */
static void fill_islands(ntfs_attr *data, const char *host_path)
{
    off_t bytes;
    int host = open_host(host_path, &bytes);
    need(ntfs_attr_truncate(data, bytes) == 0, "cannot extend", host_path);
    for (off_t end = 0, at; (at = lseek(host, end, SEEK_DATA)) >= 0;) {
        end = lseek(host, at, SEEK_HOLE);
        copy_range(data, host, at, end);
    }
    ntfs_attr_close(data);
    (void)close(host);
}

static void make_file(const char *path, const char *host_path, FILE_ATTR_FLAGS flags,
                      void (*fill_it)(ntfs_attr *data, const char *host_path))
{
    struct made made = open_made(path, S_IFREG);
    made.node->flags |= flags;
    fill_it(open_data(made.node), host_path);
    close_made(made);
}

static void make_stream(const char *path, char *name, const char *host_path)
{
    ntfschar *wide;
    u8 length = to_utf16(name, &wide);
    struct made made = open_made(path, 0);
    need(ntfs_attr_add(made.node, AT_DATA, wide, length, NULL, 0) == 0, "cannot add the stream", name);
    ntfs_attr *data = ntfs_attr_open(made.node, AT_DATA, wide, length);
    need(data != NULL, "cannot open the stream", name);
    fill(data, host_path); /* frees the name */
    close_made(made);
}

/* The attribute record that carries the sizes of unnamed $DATA. */
static void set_sizes(ntfs_inode *node, s64 data_bytes, s64 valid_bytes)
{
    ntfs_attr_search_ctx *context = ntfs_attr_get_search_ctx(node, NULL);
    need(context != NULL && ntfs_attr_lookup(AT_DATA, NULL, 0, CASE_SENSITIVE, 0, NULL, 0, context) == 0, "no",
         "$DATA");
    if (data_bytes >= 0)
        context->attr->data_size = cpu_to_sle64(data_bytes);
    context->attr->initialized_size = cpu_to_sle64(valid_bytes);
    ntfs_inode_mark_dirty(context->ntfs_ino);
    ntfs_attr_put_search_ctx(context);
}

static void set_valid_length(const char *path, s64 bytes)
{
    struct made made = open_made(path, 0);
    set_sizes(made.node, -1, bytes);
    close_made(made);
}

/* ---- fragmentation ---- */

static void append_run(runlist_element *runs, size_t *count, LCN lcn)
{
    if (*count > 0 && runs[*count - 1].lcn + runs[*count - 1].length == lcn) {
        runs[*count - 1].length++;
        return;
    }
    VCN vcn = *count > 0 ? runs[*count - 1].vcn + runs[*count - 1].length : 0;
    runs[(*count)++] = (runlist_element){.vcn = vcn, .lcn = lcn, .length = 1};
}

/* `clusters` clusters in `pieces` pieces, in disorder on the volume, with a free cluster behind each. A stride that
 * is prime visits them all. */
static runlist_element *scattered(s64 clusters, s64 pieces)
{
    runlist_element *pool = ntfs_cluster_alloc(volume, 0, clusters + pieces, -1, DATA_ZONE);
    runlist_element *runs = calloc((size_t)(clusters + 1), sizeof *runs);
    LCN *lcns = calloc((size_t)(clusters + pieces), sizeof *lcns);
    need(pool != NULL && runs != NULL && lcns != NULL, "no room for", "the pieces");
    for (const runlist_element *run = pool; run->length != 0; run++)
        for (s64 i = 0; i < run->length; i++)
            lcns[run->vcn + i] = run->lcn + i;
    free(pool);
    size_t count = 0;
    for (s64 i = 0, slot = 0; i < pieces; i++, slot = (slot + STRIDE) % pieces) {
        s64 length = clusters * (slot + 1) / pieces - clusters * slot / pieces;
        LCN *first = lcns + clusters * slot / pieces + slot;
        for (s64 k = 0; k < length; k++)
            append_run(runs, &count, first[k]);
        need(ntfs_cluster_free_basic(volume, first[length], 1) == 0, "cannot free", "a cluster");
    }
    runs[count] = (runlist_element){.vcn = clusters, .lcn = LCN_ENOENT};
    free(lcns);
    return runs;
}

static void lay_in_pieces(ntfs_inode *node, const char *host_path, s64 pieces)
{
    static const char outside[4096];
    off_t bytes;
    int host = open_host(host_path, &bytes);
    s64 clusters = (bytes + volume->cluster_size - 1) / volume->cluster_size;
    need(pieces >= 1 && clusters >= pieces, "a piece is a cluster at least", host_path);
    ntfs_attr *data = open_data(node);
    /* Anything too big for the record: the library moves $DATA out and frees room as it must. */
    need(ntfs_attr_pwrite(data, 0, 4096, outside) == 4096 && ntfs_attr_map_whole_runlist(data) == 0 &&
             ntfs_cluster_free(volume, data, 0, -1) >= 0,
         "cannot move out", "$DATA");
    free(data->rl);
    data->rl = scattered(clusters, pieces);
    data->allocated_size = clusters * volume->cluster_size;
    data->data_size = data->initialized_size = node->data_size = bytes;
    node->allocated_size = data->allocated_size;
    NAttrSetFullyMapped(data);
    need(ntfs_attr_update_mapping_pairs(data, 0) == 0, "cannot store the run list of", host_path);
    set_sizes(node, bytes, bytes);
    NInoFileNameSetDirty(node);
    copy_range(data, host, 0, bytes);
    ntfs_attr_close(data);
    (void)close(host);
}

/* $DATA leaves the base record even where it would fit. */
static void move_data_away(ntfs_inode *node)
{
    ntfs_attr_search_ctx *context = ntfs_attr_get_search_ctx(node, NULL);
    need(context != NULL && ntfs_attr_lookup(AT_DATA, NULL, 0, CASE_SENSITIVE, 0, NULL, 0, context) == 0 &&
             ntfs_attr_record_move_away(context, 0) == 0,
         "cannot move away", "$DATA");
    ntfs_attr_put_search_ctx(context);
}

/* With `names`, so many names too that the attribute list itself lies outside the record. */
static void make_fragmented(const char *path, const char *host_path, s64 pieces, unsigned names)
{
    close_made(open_made(path, S_IFREG));
    for (unsigned i = 0; i < names; i++) {
        char *name;
        need(asprintf(&name, "%s, known by another name of one hundred letters and more so that few fit a record, %04u",
                      path, i * 7919u % 10000u) >= 0,
             "no memory for", path);
        link_file(path, name);
        free(name);
    }
    struct made made = open_made(path, 0);
    if (names > 0)
        move_data_away(made.node);
    lay_in_pieces(made.node, host_path, pieces);
    close_made(made);
}

/* ---- many files ---- */

/* The name of the i-th small file; what is in it is i in decimal and a line feed. */
static void small_name(char *out, size_t room, unsigned i)
{
    static const char *const form[] = {
        "F%07u.DAT",           "a longer name of the file %u.txt", "%u", "Größe %u ÄÖÜ.ini", "Файл %u.док", "文件%u",
        "x%u.\xF0\x9F\x92\xBE"};
    unsigned mixed = i * 2654435761u;
    (void)snprintf(out, room, form[(mixed >> 16) % (sizeof form / sizeof *form)], i);
}

static void make_small(ntfs_inode *parent, unsigned i)
{
    char name[256];
    char text[16];
    small_name(name, sizeof name, i);
    s64 bytes = snprintf(text, sizeof text, "%u\n", i);
    ntfs_inode *node = create_in(parent, name, S_IFREG);
    need(ntfs_attr_data_write(node, AT_UNNAMED, 0, text, (size_t)bytes, 0) == bytes &&
             ntfs_inode_close_in_dir(node, parent) == 0,
         "cannot write", name);
}

static void make_many(const char *path, unsigned count)
{
    struct made made = open_made(path, S_IFDIR);
    for (unsigned i = 0; i < count; i++)
        make_small(made.node, i);
    close_made(made);
}

static unsigned mft_runs(LCN *end)
{
    unsigned count = 0;
    for (const runlist_element *run = volume->mft_na->rl; run->length != 0; run++, count++)
        *end = run->lcn + run->length;
    return count;
}

/* Marks a cluster as taken; false if it is. */
static bool take(LCN lcn)
{
    u8 bits;
    need(ntfs_attr_pread(volume->lcnbmp_na, lcn / 8, 1, &bits) == 1, "cannot read", "$Bitmap");
    if ((bits >> lcn % 8 & 1) != 0)
        return false;
    need(ntfs_bitmap_set_run(volume->lcnbmp_na, lcn, 1) == 0, "cannot take", "a cluster");
    return true;
}

/* Each time $MFT has grown, the cluster behind its end is kept from it. */
static void fragment_mft(const char *path, unsigned pieces)
{
    LCN end = 0;
    LCN *kept = calloc(pieces + 1u, sizeof *kept);
    unsigned runs = mft_runs(&end);
    unsigned kept_count = 0;
    unsigned i = 0;
    struct made made = open_made(path, S_IFDIR);
    while (kept != NULL && runs < pieces) {
        s64 allocated = volume->mft_na->allocated_size;
        if (take(end))
            kept[kept_count++] = end;
        while (volume->mft_na->allocated_size == allocated)
            make_small(made.node, i++);
        runs = mft_runs(&end);
    }
    need(runs >= pieces, "cannot fragment", "$MFT");
    close_made(made);
    while (kept_count > 0)
        need(ntfs_bitmap_clear_run(volume->lcnbmp_na, kept[--kept_count], 1) == 0, "cannot free", "a cluster");
    free(kept);
}

/* ---- the script ---- */

static bool obey(char **word, unsigned words)
{
#define IS(name, count) (strcmp(word[0], name) == 0 && words == (count))
    if (IS("mkdir", 2))
        close_made(open_made(word[1], S_IFDIR));
    else if (IS("file", 3))
        make_file(word[1], word[2], 0, fill);
    else if (IS("compressed", 3))
        make_file(word[1], word[2], FILE_ATTR_COMPRESSED, fill);
    else if (IS("sparse", 3))
        make_file(word[1], word[2], 0, fill_islands);
    else if (IS("fragment", 4))
        make_fragmented(word[1], word[2], (s64)number(word[3]), 0);
    else if (IS("attrlist", 4))
        make_fragmented(word[1], word[2], (s64)number(word[3]), EXTRA_NAMES);
    else if (IS("stream", 4))
        make_stream(word[1], word[2], word[3]);
    else if (IS("valid", 3))
        set_valid_length(word[1], (s64)number(word[2]));
    else if (IS("link", 3))
        link_file(word[1], word[2]);
    else if (IS("dosname", 3))
        set_short_name(word[1], word[2]);
    else if (IS("delete", 2))
        delete_file(word[1]);
    else if (IS("many", 3))
        make_many(word[1], (unsigned)number(word[2]));
    else if (IS("frag-mft", 3))
        fragment_mft(word[1], (unsigned)number(word[2]));
    else
        return false;
    return true;
#undef IS
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    if (argc != 2 || ntfs_set_char_encoding("utf8") != 0) {
        (void)fprintf(stderr, "usage: ntfsmake IMAGE < SCRIPT\n");
        return 2;
    }
    volume = ntfs_mount(argv[1], 0);
    need(volume != NULL, "cannot mount", argv[1]);
    NVolSetCompression(volume);
    while (getline(&line, &room, stdin) >= 0) {
        char *word[WORDS_MAX + 1];
        unsigned words = 0;
        line[strcspn(line, "\n")] = '\0';
        line_number++;
        errno = EINVAL;
        for (char *rest = line; words <= WORDS_MAX && (word[words] = strsep(&rest, "\t")) != NULL;)
            words++;
        need(obey(word, words), "not a command", word[0]);
    }
    free(line);
    need(ntfs_umount(volume, FALSE) == 0, "cannot unmount", argv[1]);
    return 0;
}

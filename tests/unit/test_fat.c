/* SPDX-License-Identifier: MIT */
/* fs/fat: volumes made by mtools and mkfs.fat, fragmented files, and chains that lie. */
#include "faultdev.h"
#include "fixture.h"
#include "fs/fat.h"
#include "unit.h"

#define NAME "NTLDR      "

static struct memdev disk;
static struct faultdev fault;
static struct trail trail;
static struct fat fat;
static struct fat_file file;
static uint8_t buffer[300000];

static void use(uint32_t sectors)
{
    memdev_init(&disk, sectors, 0x80);
    faultdev_init(&fault, &disk.device);
    trail = (struct trail){0};
    fault.device.trail = &trail;
}

static enum status read_vector(const char *name)
{
    use(40);
    fx_vector(name, disk.bytes, 40 * SECTOR_BYTES);
    enum status status = fat_mount(&fault.device, 0, &fat);
    if (status == ST_OK)
        status = fat_open(&fat, NAME, &file);
    if (status == ST_OK)
        status = fat_read(&file, buffer, sizeof buffer);
    memdev_free(&disk);
    return status;
}

static void good_vector(void **state)
{
    (void)state;
    assert_int_equal(read_vector("fat-good.hex"), ST_OK);
    assert_int_equal(file.bytes, 1200);
    assert_int_equal(buffer[0], 2);
    assert_int_equal(buffer[512], 3);
    assert_int_equal(buffer[1024], 5);
}

static void damaged_chains(void **state)
{
    (void)state;
    assert_int_equal(read_vector("fat-chain-ends-early.hex"), ST_CORRUPT);
    assert_int_equal(trail.entry[0].site, SITE_FAT_CHAIN);
    assert_int_equal(read_vector("fat-chain-leaves-volume.hex"), ST_CORRUPT);
    assert_int_equal(read_vector("fat-free-cluster-in-chain.hex"), ST_CORRUPT);
    assert_int_equal(read_vector("fat-cluster-of-three.hex"), ST_CORRUPT);
    assert_int_equal(trail.entry[0].site, SITE_FAT_SHAPE);
}

static void a_loop_is_an_error_not_data(void **state)
{
    (void)state;
    assert_int_equal(read_vector("fat-looping-chain.hex"), ST_CORRUPT);
}

static void fill(uint8_t *bytes, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 512 + seed);
}

static void fragmented_and_whole_files(void **state)
{
    (void)state;
    static uint8_t content[20000];
    fill(content, sizeof content, 1);
    use(FLOPPY_SECTORS);
    fx_floppy(&disk);
    uint32_t first = fx_file(&disk, "WHOLE   BIN", content, sizeof content);
    fx_file_step(&disk, "PIECES  BIN", content, 15001, 3);
    uint64_t lba = 0;
    assert_int_equal(fat_mount(&fault.device, 0, &fat), ST_OK);
    assert_int_equal(fat.entry_bits, 12);
    assert_int_equal(fat_open(&fat, "PIECES  BIN", &file), ST_OK);
    assert_int_equal(fat_read(&file, buffer, sizeof buffer), ST_OK);
    assert_memory_equal(buffer, content, 15001);
    assert_int_equal(fat_locate(&file, &lba), ST_UNSUPPORTED);
    assert_int_equal(fat_open(&fat, "WHOLE   BIN", &file), ST_OK);
    assert_int_equal(fat_locate(&file, &lba), ST_OK);
    assert_int_equal(lba, first);
    fx_fat12_set(memdev_sector(&disk, 1), first - FLOPPY_DATA_LBA + 2 + 39, 30); /* goes on behind its end */
    assert_int_equal(fat_mount(&fault.device, 0, &fat), ST_OK);
    assert_int_equal(fat_locate(&file, &lba), ST_CORRUPT);
    fx_fat12_set(memdev_sector(&disk, 1), first - FLOPPY_DATA_LBA + 2 + 39, 0xFFF);
    assert_int_equal(fat_mount(&fault.device, 0, &fat), ST_OK);
    assert_int_equal(fat_read(&file, buffer, 20479), ST_NO_SPACE);
    assert_int_equal(fat_read(&file, buffer, 20480), ST_OK);
    assert_memory_equal(buffer, content, sizeof content);
    assert_int_equal(fat_open(&fat, "NOFILE  BIN", &file), ST_NOT_FOUND);
    memdev_free(&disk);
}

/* Its place must not be taken for one that may be written to. */
static void a_file_of_no_bytes_lies_nowhere(void **state)
{
    (void)state;
    uint64_t lba = 0;
    use(FLOPPY_SECTORS);
    fx_floppy(&disk);
    fx_file(&disk, "EMPTY   TXT", "", 0);
    fx_file(&disk, "NOTHING TXT", "", 0);
    memset(memdev_sector(&disk, FLOPPY_ROOT_LBA) + 32 + 26, 0, 2);
    assert_int_equal(fat_mount(&fault.device, 0, &fat), ST_OK);
    assert_int_equal(fat_open(&fat, "EMPTY   TXT", &file), ST_OK);
    assert_int_equal(fat_read(&file, buffer, 0), ST_OK);
    assert_int_not_equal(fat_locate(&file, &lba), ST_OK);
    assert_int_equal(fat_open(&fat, "NOTHING TXT", &file), ST_OK);
    assert_int_equal(fat_read(&file, buffer, 0), ST_OK);
    assert_int_not_equal(fat_locate(&file, &lba), ST_OK);
    memdev_free(&disk);
}

static void labels_directories_and_erased_files_are_no_files(void **state)
{
    (void)state;
    use(FLOPPY_SECTORS);
    fx_floppy(&disk);
    for (unsigned i = 0; i < 20; i++) /* past the first sector of the root directory */
        fx_file(&disk, "FILLER  BIN", "x", 1);
    uint8_t *root = memdev_sector(&disk, FLOPPY_ROOT_LBA);
    memcpy(root, NAME, 11);
    root[11] = 0x08;
    memcpy(root + 32, NAME, 11);
    root[32 + 11] = 0x10;
    root[64] = 0xE5;
    fx_file(&disk, NAME, "right", 5);
    assert_int_equal(fat_mount(&fault.device, 0, &fat), ST_OK);
    assert_int_equal(fat_open(&fat, NAME, &file), ST_OK);
    assert_int_equal(file.bytes, 5);
    assert_int_equal(fat_read(&file, buffer, sizeof buffer), ST_OK);
    assert_memory_equal(buffer, "right", 5);
    memdev_free(&disk);
}

static void every_read_error_comes_out(void **state)
{
    (void)state;
    static uint8_t content[3000];
    fill(content, sizeof content, 5);
    use(FLOPPY_SECTORS);
    fx_floppy(&disk);
    fx_file_step(&disk, NAME, content, sizeof content, 2);
    unsigned failures = 0;
    for (unsigned nth = 1;; nth++) {
        faultdev_init(&fault, &disk.device);
        faultdev_nth(&fault, nth, SPAN_ONCE, FAULT_ERROR);
        enum status status = fat_mount(&fault.device, 0, &fat);
        if (status == ST_OK)
            status = fat_open(&fat, NAME, &file);
        if (status == ST_OK)
            status = fat_read(&file, buffer, sizeof buffer);
        if (fault.faults == 0)
            break;
        assert_int_equal(status, ST_IO);
        failures++;
    }
    assert_int_equal(failures, 1 + 1 + 1 + 6); /* boot sector, directory, FAT, clusters */
    memdev_free(&disk);
}

/* Run a recipe that leaves an image in `path`, and load it. */
static void make_image(const char *recipe, const char *path)
{
    assert_int_equal(system(recipe), 0);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    (void)fseek(stream, 0, SEEK_END);
    long bytes = ftell(stream);
    rewind(stream);
    use((uint32_t)(bytes / (long)SECTOR_BYTES));
    assert_int_equal(fread(disk.bytes, SECTOR_BYTES, disk.sectors, stream), disk.sectors);
    (void)fclose(stream);
}

static void check_made_image(const char *recipe, unsigned entry_bits)
{
    static uint8_t content[100000];
    char path[] = "/tmp/test_fat_XXXXXX";
    int handle = mkstemp(path);
    assert_true(handle >= 0);
    FILE *unused = fdopen(handle, "r");
    (void)fclose(unused);
    char command[600];
    (void)snprintf(command, sizeof command, "IMAGE=%s; %s", path, recipe);
    make_image(command, path);
    (void)remove(path);
    size_t bytes = 0;
    for (unsigned i = 1; bytes < 90000; i++)
        bytes += (size_t)snprintf((char *)content + bytes, 16, "%u\n", i);
    assert_int_equal(fat_mount(&fault.device, 0, &fat), ST_OK);
    assert_int_equal(fat.entry_bits, entry_bits);
    assert_int_equal(fat_open(&fat, "NUMBERS TXT", &file), ST_OK);
    assert_int_equal(file.bytes, 90000);
    assert_int_equal(fat_read(&file, buffer, sizeof buffer), ST_OK);
    assert_memory_equal(buffer, content, 90000);
    memdev_free(&disk);
}

#define COPY "; seq 1 20000 | head -c 90000 | MTOOLS_SKIP_CHECK=1 mcopy -i $IMAGE - ::/NUMBERS.TXT"

static void volumes_nobody_here_made(void **state)
{
    (void)state;
    check_made_image("rm $IMAGE; mformat -C -i $IMAGE -f 1440 ::" COPY, 12);
    check_made_image("rm $IMAGE; mformat -C -i $IMAGE -f 720 ::" COPY, 12);
    check_made_image("rm $IMAGE; mformat -C -i $IMAGE -f 2880 ::" COPY, 12);
    check_made_image("rm $IMAGE; /sbin/mkfs.fat -C -F 16 $IMAGE 16384 >/dev/null" COPY, 16);
    check_made_image("rm $IMAGE; /sbin/mkfs.fat -C -F 16 -s 1 -f 1 -R 4 $IMAGE 8192 >/dev/null" COPY, 16);
    check_made_image("rm $IMAGE; /sbin/mkfs.fat -C -F 12 -s 8 $IMAGE 8192 >/dev/null" COPY, 12);
    check_made_image("rm $IMAGE; /sbin/mkfs.fat -C -F 32 -s 1 $IMAGE 40000 >/dev/null" COPY, 32);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(good_vector),
    cmocka_unit_test(damaged_chains),
    cmocka_unit_test(a_loop_is_an_error_not_data),
    cmocka_unit_test(fragmented_and_whole_files),
    cmocka_unit_test(a_file_of_no_bytes_lies_nowhere),
    cmocka_unit_test(labels_directories_and_erased_files_are_no_files),
    cmocka_unit_test(every_read_error_comes_out),
    cmocka_unit_test(volumes_nobody_here_made),
};

UNIT_MAIN(tests)

# SPDX-License-Identifier: MIT
# All targets; `make help` lists them. Everything is built below build/.

VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
NASM ?= nasm
PYTHON ?= python3
# No paths and no dates of the building machine get into what is built.
export LC_ALL := C
export SOURCE_DATE_EPOCH ?= 1793404800
export MKB_BUILD := $(BUILD)
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=.

MAKEFLAGS += -rR
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

CORE := base/status base/text base/unicode base/crc32 base/trail \
        disk/blockdev disk/retry disk/readahead disk/mbr disk/gpt disk/inventory \
        net/bootp fs/bpb fs/fat fs/fat_name fs/lznt1 fs/ntfs fs/ntfs_record fs/ntfs_data fs/ntfs_index fs/fs \
        nt/arcpath nt/bootini nt/hive nt/hive_list nt/ftdisk nt/pe nt/banner nt/install nt/system nt/start \
        mirror/config mirror/sample mirror/md mirror/decide mirror/facts mirror/evidence mirror/esp mirror/freshness mirror/pair \
        change/changeset change/edit change/journal change/apply change/registry change/break change/retire \
        change/bootpath change/promote \
        ui/menu ui/screen bootdisk plan dryrun repair offers loader
SHELL_BIOS := stage2_main bios_disk bios_con bios_a20 bios_handoff
SHELL_EFI := efi_main efi_disk efi_net efi_start efi_copy efi_console
HOST := main hostdisk hostset hostboot survey ntsurvey findings report sentence sitetext target programs mtools floppy diskimage isoimage netfolder medium media bootfiles gather systems signing build buildtell check breakcmd repairs repaircmd undo journalcmd \
        journalfile writing writecmd destination blockuse copying ntmenu lab lab_faults lab_qemu lab_run explain expand ntfile

WARNINGS := -std=c11 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
DEPENDS = -MMD -MP -MF $(@:.o=.d)

CC := gcc
HOST_CFLAGS := $(WARNINGS) -O2 -g $(REPRODUCIBLE) -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -Iloader -I$(BUILD)
HOST_LIBS := -lcjson -lmspack
# Each of these was kept because it made the packed loader smaller with gcc 12; what it reads from a floppy is what a
# person waits for.
SIZE_FLAGS := -Oz -fomit-frame-pointer -malign-data=abi -fno-align-functions -fno-align-loops -fno-align-jumps \
              -fno-align-labels -fno-tree-dominator-opts -fno-tree-vrp -fno-ivopts -fno-ipa-sra -fno-tree-loop-im \
              -fno-defer-pop -fno-ssa-phiopt -fno-optimize-sibling-calls -fno-tree-sra -fno-caller-saves \
              -fno-guess-branch-probability -fno-inline-small-functions -fno-tree-tail-merge -fno-tree-fre \
              -fno-if-conversion -fno-thread-jumps -fno-tree-switch-conversion -fno-delete-null-pointer-checks \
              -mstringop-strategy=libcall
BIOS_CFLAGS := $(WARNINGS) -m32 -march=i386 -mregparm=3 -mgeneral-regs-only -mpreferred-stack-boundary=2 \
               -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables \
               -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections -Wframe-larger-than=5000 \
               $(SIZE_FLAGS) $(REPRODUCIBLE) -Iloader -Istage2 -I$(BUILD)
TEST_CFLAGS := $(WARNINGS) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -D_FILE_OFFSET_BITS=64 \
               -D_GNU_SOURCE -Iloader -Itests/rig -Imkbootdisk -I$(BUILD)

include loader/efi/efi.mk
include tests/tests.mk

.PHONY: all help deps demo check check-all bench size format install uninstall clean
all: $(BUILD)/mkbootdisk $(BUILD)/fat12.bin $(BUILD)/mbr.bin $(BUILD)/STAGE2.BIN $(BUILD)/mkbootdisk.0 $(BUILD)/BOOTX64.EFI $(BUILD)/BOOTIA32.EFI ## the host tool and the loaders

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

deps: ## install what is missing (Debian packages)
	@.ci/deps

# boot/ and stage2/
$(BUILD)/%.bin: boot/%.asm
	@mkdir -p $(@D)
	$(NASM) -f bin -Werror -MD $(@:.bin=.d) -MP -o $@ $<

# As a C initialiser's text, for who writes it to disks.
$(BUILD)/mbr_code.inc: $(BUILD)/mbr.bin
	od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1, /g; s/ $$//' > $@

$(foreach shell,host bios efi-x64 efi-ia32 tests/core,$(BUILD)/$(shell)/change/promote.o) $(BUILD)/host/diskimage.o: $(BUILD)/mbr_code.inc

$(BUILD)/layout.inc: stage2/layout.h
	@mkdir -p $(@D)
	sed -n 's/^#define \([A-Z0-9_]*\) \([^ ]*\).*/%define \1 \2/p' $< > $@

$(BUILD)/bios/%.o: loader/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BIOS_CFLAGS) $(DEPENDS) -flto -c -o $@ $<

$(BUILD)/bios/%.o: stage2/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BIOS_CFLAGS) $(DEPENDS) -flto -c -o $@ $<

$(BUILD)/bios/memory.o: stage2/memory.c
	@mkdir -p $(@D)
	$(CC) $(BIOS_CFLAGS) $(DEPENDS) -fno-builtin -c -o $@ $<

$(BUILD)/bios/%.o: stage2/%.asm $(BUILD)/layout.inc
	@mkdir -p $(@D)
	$(NASM) -f elf32 -Werror -i$(BUILD)/ -istage2/ -MD $(@:.o=.d) -MP -o $@ $<

$(BUILD)/bios/int13_image.o: $(BUILD)/int13.bin

BIOS_OBJECTS := $(patsubst %,$(BUILD)/bios/%.o,thunk $(CORE) $(SHELL_BIOS) memory \
                int13_image)

$(BUILD)/pack: stage2/pack.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) -O2 $(REPRODUCIBLE) -o $@ $< -lucl

# stage2(folder, object): the BIOS loader, with what knows the medium it is started from.
define stage2
$(1)/stage2.elf: $$(BIOS_OBJECTS) $$(BUILD)/bios/$(2).o stage2/stage2.ld
	@mkdir -p $$(@D)
	$$(CC) $$(BIOS_CFLAGS) -flto -flto-partition=one -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none \
	    -Wl,--no-warn-rwx-segments -Wl,-T,stage2/stage2.ld -Wl,-Map,$(1)/stage2.map -o $$@ $$(filter %.o,$$^) -lgcc

$(1)/stage2.bin: $(1)/stage2.elf
	objcopy -O binary $$< $$@

$(1)/stage2.packed: $(1)/stage2.bin $$(BUILD)/pack
	$$(BUILD)/pack $$< $$@

$(1)/STAGE2.BIN: stage2/entry.asm stage2/unpack.asm $$(BUILD)/layout.inc $(1)/stage2.packed
	$$(NASM) -f bin -Werror -i$(1)/ -i$$(BUILD)/ -istage2/ -o $$@ $$<
endef

$(eval $(call stage2,$(BUILD),bios_floppy))
$(eval $(call stage2,$(BUILD)/net,bios_net))

# What a PXE ROM loads.
$(BUILD)/mkbootdisk.0: boot/pxe.asm $(BUILD)/layout.inc $(BUILD)/net/STAGE2.BIN
	$(NASM) -f bin -Werror -i$(BUILD)/net/ -i$(BUILD)/ -o $@ $<

# mkbootdisk/
$(BUILD)/host/%.o: loader/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(DEPENDS) -c -o $@ $<

$(BUILD)/host/%.o: mkbootdisk/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(DEPENDS) -c -o $@ $<

# The loaders travel inside the tool, so that one file is enough to build a boot disk.
PAYLOADS := fat12.bin STAGE2.BIN mkbootdisk.0 boot.ipxe BOOTX64.EFI BOOTIA32.EFI
$(BUILD)/boot.ipxe: images/boot.ipxe
	@mkdir -p $(@D)
	cp $< $@

$(BUILD)/host/payloads.o: $(PAYLOADS:%=$(BUILD)/%)
	@mkdir -p $(@D)
	cd $(BUILD) && ld -r -b binary -o host/payloads.o $(PAYLOADS)
	objcopy --rename-section .data=.rodata,alloc,load,readonly,data,contents --add-section .note.GNU-stack=/dev/null $@

HOST_OBJECTS := $(patsubst %,$(BUILD)/host/%.o,$(CORE) $(HOST) payloads)

$(BUILD)/mkbootdisk: $(HOST_OBJECTS)
	$(CC) -o $@ $(HOST_OBJECTS) $(HOST_LIBS)

# the rest
demo: ## two virtual disks, a boot floppy, and the primary taken away
	@.ci/deps --quiet
	@$(MAKE) --no-print-directory -j$$(nproc) all >/dev/null
	@images/demo

check: ## all tests; installs what is missing first
	@.ci/deps --quiet
	@$(MAKE) --no-print-directory --silent -j$$(nproc) all
	@$(PYTHON) -B tests/check/run.py

check-all: check ## check, the figures, and half a minute of fuzzing on every parser
	@$(MAKE) --no-print-directory bench fuzz

bench: all ## the figures of the README, measured against other boot loaders in the same run
	@$(PYTHON) -B tests/bench/bench.py $(BUILD)

size: all ## bytes of everything that ends up on a boot disk
	@$(PYTHON) tests/check/size.py $(BUILD)

format: ## clang-format on all C
	clang-format -i $$(git ls-files '*.c' '*.h')

install: all ## into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/mkbootdisk
	install -m 755 $(BUILD)/mkbootdisk $(DESTDIR)$(PREFIX)/bin/
	install -m 644 docs/mkbootdisk.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $(BUILD)/BOOTX64.EFI $(BUILD)/BOOTIA32.EFI $(DESTDIR)$(PREFIX)/share/mkbootdisk/

uninstall: ## undo install
	rm -f $(DESTDIR)$(PREFIX)/bin/mkbootdisk $(DESTDIR)$(PREFIX)/share/man/man1/mkbootdisk.1
	rm -rf $(DESTDIR)$(PREFIX)/share/mkbootdisk

clean: ## remove build/
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

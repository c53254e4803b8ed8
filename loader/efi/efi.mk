# SPDX-License-Identifier: MIT
# The UEFI loaders: the same core, compiled for x86-64 and for 32-bit EFI, with gnu-efi's start-up code and linker
# scripts. gnu-efi's library of conveniences (libefi) is not linked. Included by the top Makefile after its variables.

EFI_HEADERS ?= /usr/include/efi
EFI_LIBRARY_x64 ?= /usr/lib
EFI_LIBRARY_ia32 ?= /usr/lib32
EFI_ARCH_x64 := x86_64
EFI_ARCH_ia32 := ia32
EFI_FLAGS_x64 := -m64 -mno-red-zone -maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI
# Without -malign-double the 64-bit fields of the firmware's structs are read four bytes off.
EFI_FLAGS_ia32 := -m32 -mgeneral-regs-only -malign-double
EFI_CFLAGS := $(WARNINGS) -Os -ffreestanding -fpic -fvisibility=hidden -fshort-wchar \
              -fno-stack-protector -fno-stack-check -fcf-protection=none -fno-asynchronous-unwind-tables \
              -fno-unwind-tables -fno-tree-loop-distribute-patterns $(REPRODUCIBLE) -Iloader -I$(BUILD) \
              -isystem $(EFI_HEADERS)
EFI_LDFLAGS := -shared -nostdlib -Wl,-Bsymbolic -Wl,-z,nocombreloc -Wl,-z,noexecstack -Wl,--no-undefined \
               -Wl,--build-id=none
EFI_SECTIONS := $(addprefix -j ,.text .data .dynamic .dynsym .rel .rela .reloc)
EFI_PARTS := $(CORE) $(addprefix efi/,$(SHELL_EFI) efi_memory)

# efi_loader(x64|ia32): the rules for one of them. Link-time optimisation leaves out what the shell does not call, which
# the linker script cannot; the memory routines are built without builtins, or they would call themselves. objcopy writes
# no time stamp into the header, and the same sources give the same bytes in any directory.
define efi_loader
$$(BUILD)/efi-$(1)/%.o: loader/%.c Makefile loader/efi/efi.mk
	@mkdir -p $$(@D)
	$$(CC) $$(EFI_CFLAGS) $$(EFI_FLAGS_$(1)) -isystem $$(EFI_HEADERS)/$$(EFI_ARCH_$(1)) $$(DEPENDS) -flto -c -o $$@ $$<

$$(BUILD)/efi-$(1)/efi/efi_memory.o: loader/efi/efi_memory.c Makefile loader/efi/efi.mk
	@mkdir -p $$(@D)
	$$(CC) $$(EFI_CFLAGS) $$(EFI_FLAGS_$(1)) -isystem $$(EFI_HEADERS)/$$(EFI_ARCH_$(1)) $$(DEPENDS) -fno-builtin -c -o $$@ $$<

$$(BUILD)/efi-$(1)/loader.so: $$(EFI_PARTS:%=$$(BUILD)/efi-$(1)/%.o)
	$$(CC) $$(EFI_CFLAGS) $$(EFI_FLAGS_$(1)) -flto -flto-partition=one $$(EFI_LDFLAGS) \
	    -Wl,-T,$$(EFI_LIBRARY_$(1))/elf_$$(EFI_ARCH_$(1))_efi.lds -o $$@ \
	    $$(EFI_LIBRARY_$(1))/crt0-efi-$$(EFI_ARCH_$(1)).o $$^ -L$$(EFI_LIBRARY_$(1)) -lgnuefi -lgcc
endef

$(foreach arch,x64 ia32,$(eval $(call efi_loader,$(arch))))

$(BUILD)/BOOTX64.EFI: $(BUILD)/efi-x64/loader.so
	objcopy $(EFI_SECTIONS) --target efi-app-x86_64 --subsystem=10 --strip-all $< $@

$(BUILD)/BOOTIA32.EFI: $(BUILD)/efi-ia32/loader.so
	objcopy $(EFI_SECTIONS) --target efi-app-ia32 --subsystem=10 --strip-all $< $@

# SPDX-License-Identifier: MIT
# The UEFI loader: the same core, compiled for x86-64 EFI, with gnu-efi's start-up code and linker script. gnu-efi's
# library of conveniences (libefi) is not linked. Included by the top Makefile after its variables.

EFI_HEADERS ?= /usr/include/efi
EFI_LIBRARY ?= /usr/lib
EFI_CFLAGS := $(WARNINGS) -m64 -Os -ffreestanding -fpic -fvisibility=hidden -fshort-wchar -mno-red-zone \
              -fno-stack-protector -fno-stack-check -fcf-protection=none -fno-asynchronous-unwind-tables \
              -fno-unwind-tables -fno-tree-loop-distribute-patterns -maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI \
              $(REPRODUCIBLE) -Iloader -isystem $(EFI_HEADERS) -isystem $(EFI_HEADERS)/x86_64
EFI_LDFLAGS := -shared -nostdlib -Wl,-Bsymbolic -Wl,-z,nocombreloc -Wl,-z,noexecstack -Wl,--no-undefined \
               -Wl,--build-id=none -Wl,-T,$(EFI_LIBRARY)/elf_x86_64_efi.lds
EFI_SECTIONS := $(addprefix -j ,.text .data .dynamic .dynsym .rela .reloc)
EFI_OBJECTS := $(patsubst %,$(BUILD)/efi/%.o,$(CORE) \
               $(addprefix efi/,$(SHELL_EFI) efi_memory))

# Link-time optimisation leaves out what the shell does not call, which the linker script cannot.
$(BUILD)/efi/%.o: loader/%.c Makefile loader/efi/efi.mk
	@mkdir -p $(@D)
	$(CC) $(EFI_CFLAGS) $(DEPENDS) -flto -c -o $@ $<

$(BUILD)/efi/efi/efi_memory.o: loader/efi/efi_memory.c Makefile loader/efi/efi.mk
	@mkdir -p $(@D)
	$(CC) $(EFI_CFLAGS) $(DEPENDS) -fno-builtin -c -o $@ $<

$(BUILD)/BOOTX64.so: $(EFI_OBJECTS)
	$(CC) $(EFI_CFLAGS) -flto -flto-partition=one $(EFI_LDFLAGS) -o $@ $(EFI_LIBRARY)/crt0-efi-x86_64.o $(EFI_OBJECTS) \
	    -L$(EFI_LIBRARY) -lgnuefi

# objcopy writes no time stamp into the header, and the same sources give the same bytes in any directory.
$(BUILD)/BOOTX64.EFI: $(BUILD)/BOOTX64.so
	objcopy $(EFI_SECTIONS) --target efi-app-x86_64 --subsystem=10 --strip-all $< $@

# SPDX-License-Identifier: MIT
# The hosted tests: unit, sweep, diff, fuzz and the static checks. Included by the Makefile after its variables.

T := $(BUILD)/tests
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
SWEEP_TESTS := $(patsubst tests/sweep/%.c,%,$(wildcard tests/sweep/*.c))
FUZZ_TARGETS := mbr gpt md bootp fat ntfs hive ftdisk pe bootini config arcpath journal expand
FUZZ_SECONDS ?= 30
TEST_RIG := memdev faultdev fixture rigfw ntpair media powercut
# These programs look at volumes with Windows NT on them, which others' tools make.
NT_TESTS := $(addprefix unit/test_,evidence hints install system start dryrun break_nt registry bootpath promote promote_rules loader_nt loader_evidence auto_break) sweep/evidence sweep/crash_nt

# Kept, or every change would compile everything again.
.PRECIOUS: $(T)/%.o $(T)/libfuzz/%

.PHONY: check-unit check-sweep check-diff diff-programs check-fuzz-smoke check-static fuzz

# the core and the rig, once, with the sanitizers
$(T)/core/%.o: loader/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(DEPENDS) -c -o $@ $<

$(T)/%.o: tests/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(DEPENDS) -c -o $@ $<

$(T)/libcore.a: $(patsubst %,$(T)/core/%.o,$(CORE))
	@rm -f $@
	ar rcsD $@ $^

$(T)/librig.a: $(patsubst %,$(T)/rig/%.o,$(TEST_RIG))
	@rm -f $@
	ar rcsD $@ $^

# unit and sweep
$(T)/nt/made: tests/rig/ntdisks.py $(wildcard images/*.py)
	@mkdir -p $(@D)
	$(PYTHON) -B tests/rig/ntdisks.py $(@D)
	@touch $@

$(addprefix $(T)/,$(NT_TESTS)): | $(T)/nt/made

$(T)/unit/%: $(T)/unit/%.o $(T)/librig.a $(T)/libcore.a
	$(CC) $(TEST_CFLAGS) -o $@ $^ -lcmocka

$(T)/sweep/%: $(T)/sweep/%.o $(T)/librig.a $(T)/libcore.a
	$(CC) $(TEST_CFLAGS) -o $@ $^

check-unit: $(patsubst %,$(T)/unit/%,$(UNIT_TESTS)) ## one cmocka program per module of the core
	@$(PYTHON) tests/check/run_unit.py $^

check-sweep: $(patsubst %,$(T)/sweep/%,$(SWEEP_TESTS)) ## every read fails, the power goes at every write
	@set -e; for program in $^; do $$program; done

# against other people's tools
DIFF_PROGRAMS := $(addprefix $(T)/diff/,dump fsdump hivedump gptdump mddump ntfsmake)

$(T)/diff/%dump: $(T)/diff/%dump.o $(T)/libcore.a
	$(CC) $(TEST_CFLAGS) -o $@ $^

$(T)/diff/dump: $(T)/diff/dump.o $(T)/libcore.a
	$(CC) $(TEST_CFLAGS) -o $@ $^

# Not our code's: it fills NTFS volumes with the library of ntfs-3g.
$(T)/diff/ntfsmake: tests/diff/ntfsmake.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) -Wno-conversion -O1 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -o $@ $< -lntfs-3g

# For the bench: what the tool is made of, and no sanitizers.
$(T)/bench/fsread: tests/bench/fsread.c $(patsubst %,$(BUILD)/host/%.o,$(CORE))
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $^

diff-programs: $(DIFF_PROGRAMS) $(T)/sweep/crash_nt

check-diff: diff-programs ## our answers against those of sfdisk, sgdisk, mdadm, mtools, ntfs-3g and hivex
	@set -e; for test in tests/diff/test_*.py; do $(PYTHON) -B $$test; done

# fuzz
$(T)/fuzz/smoke_%: $(T)/fuzz/fuzz_%.o $(T)/fuzz/smoke.o $(T)/librig.a $(T)/libcore.a
	$(CC) $(TEST_CFLAGS) -o $@ $^

check-fuzz-smoke: $(patsubst %,$(T)/fuzz/smoke_%,$(FUZZ_TARGETS)) ## the fuzz targets over vectors and mutations
	@set -e; for program in $^; do $$program tests/vectors/*.hex tests/fuzz/corpus/*; done

$(T)/libfuzz/%: tests/fuzz/fuzz_%.c $(addprefix loader/,$(addsuffix .c,$(CORE))) | $(BUILD)/mbr_code.inc
	@mkdir -p $(@D)
	clang -std=c11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iloader -I$(BUILD) -o $@ $^

# The one target that is not of the core: the tool's own files, and the library that expands.
EXPAND_SOURCES := mkbootdisk/expand.c mkbootdisk/ntfile.c

$(T)/host/%.o: mkbootdisk/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(DEPENDS) -c -o $@ $<

$(T)/fuzz/smoke_expand: $(T)/fuzz/fuzz_expand.o $(T)/fuzz/smoke.o $(T)/librig.a $(T)/libcore.a \
                        $(EXPAND_SOURCES:mkbootdisk/%.c=$(T)/host/%.o)
	$(CC) $(TEST_CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lmspack

$(T)/libfuzz/expand: tests/fuzz/fuzz_expand.c $(EXPAND_SOURCES) loader/nt/pe.c loader/nt/banner.c
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iloader \
	    -Imkbootdisk -o $@ $^ -lmspack

$(T)/seeds: tests/check/seeds.py $(wildcard tests/vectors/*.hex tests/fuzz/corpus/*)
	$(PYTHON) tests/check/seeds.py $@ $(filter-out %.py,$^)
	@touch $@

# As long as the longest seed that matters: a fuzzer cuts what is longer.
FUZZ_BYTES := 65536
fuzz-ntfs: FUZZ_BYTES := 112640
fuzz-mbr: FUZZ_BYTES := 851968

fuzz-%: $(T)/libfuzz/% $(T)/seeds
	@$(PYTHON) -B tests/check/fuzz.py $< $(T)/found-$* $(T)/seeds --bytes $(FUZZ_BYTES) --seconds $(FUZZ_SECONDS) \
	    $(if $(filter-out 0,$(FUZZ_UNTIL_QUIET)),--until-quiet)

fuzz: ## libFuzzer on every parser of disk bytes, FUZZ_SECONDS each; with FUZZ_UNTIL_QUIET=1 until it finds no new edge
	@.ci/deps --fuzz
	@$(MAKE) --no-print-directory -j2 $(addprefix fuzz-,$(FUZZ_TARGETS))

# static
$(T)/core32/%.o: loader/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) $(BIOS_CFLAGS) $(DEPENDS) -c -o $@ $<

check-static: $(patsubst %,$(T)/core32/%.o,$(CORE)) ## layers of the core, undefined symbols, writable data
	@$(PYTHON) tests/check/layers.py loader
	@$(PYTHON) tests/check/symbols.py $^

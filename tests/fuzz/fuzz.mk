# A file is a target, and tests/fuzz/corpus/NAME holds its inputs: `make test`
# replays them, `make fuzz` looks for new ones.

FUZZ_SECONDS ?= 60
DEPS_FUZZ    := clang libclang-rt-14-dev afl++
FUZZ_BUILD   := build-fuzz
FUZZ_KEPT_BYTES := 4096
# One target for all formats: each gets its time, alone.
FUZZ_FORMATS := $(shell sed -n 's/^    {"\([a-z0-9-]*\)".*/\1/p' adapters/formats.c | grep -v '^csv$$')

FUZZ := event request log conf map csv policy format
# The codecs have a second engine.
FUZZ_AFL := event request

FUZZ_BELOW_event    := $(BELOW_proto)
FUZZ_BELOW_request  := $(BELOW_proto)
FUZZ_BELOW_log      := $(BELOW_store)
FUZZ_BELOW_conf     := $(BELOW_base)
FUZZ_BELOW_map      := $(BELOW_adapters)
FUZZ_BELOW_policy   := $(BELOW_store)
FUZZ_BELOW_csv      := $(BELOW_adapters)
FUZZ_BELOW_format   := $(BELOW_adapters)

REPLAYS  := $(FUZZ:%=$(BUILD)/tests/fuzz/%_replay)
FUZZERS  := $(FUZZ:%=$(BUILD)/tests/fuzz/%_fuzzer)
$(foreach f,$(FUZZ),$(eval $(BUILD)/tests/fuzz/$f_replay $(BUILD)/tests/fuzz/$f_fuzzer: \
    $(FUZZ_BELOW_$f)))

.PHONY: fuzz deps-fuzz corpus

test-programs: $(REPLAYS)

$(BUILD)/tests/fuzz/%_replay: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

# The engine brings main(); built by the compilers of `make fuzz` only.
$(BUILD)/tests/fuzz/%_fuzzer: $(BUILD)/tests/fuzz/%.o
	$(call say,link)
	$(Q)$(CXX) $(CFLAGS) -fsanitize=fuzzer -o $@ $< $(filter %.a,$^) $(LIBS)

deps-fuzz:
	$(call install_debs,$(DEPS_RUN) $(DEPS_FUZZ))

FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
               -fno-sanitize-recover=all
# Warnings are the everyday compiler's business.
FUZZ_MAKE   := $(MAKE) --no-print-directory SAN= WARN=

fuzz: deps-fuzz
	@+$(FUZZ_MAKE) BUILD=$(FUZZ_BUILD)/libfuzzer CC=clang CXX=clang++ \
	    CFLAGS='$(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link' \
	    $(FUZZ:%=$(FUZZ_BUILD)/libfuzzer/tests/fuzz/%_fuzzer)
	@+$(FUZZ_MAKE) BUILD=$(FUZZ_BUILD)/afl CC=afl-clang-fast CXX=afl-clang-fast++ \
	    CFLAGS='$(FUZZ_CFLAGS)' $(FUZZ_AFL:%=$(FUZZ_BUILD)/afl/tests/fuzz/%_fuzzer)
	@FUZZ_FORMATS="$(FUZZ_FORMATS)" tests/fuzz/campaign.sh $(FUZZ_BUILD) $(FUZZ_SECONDS) \
	    "$(FUZZ)" "$(FUZZ_AFL)"

# The corpus anew: the project's own data, what is there, and what campaigns
# learned, without what adds nothing.  What once showed a fault is named found-*,
# what was made to reach a place made-*, and both stay.
corpus: $(BUILD)/tests/python/touchline_pb2.py
	rm -rf $(FUZZ_BUILD)/seeds
	$(PYTHON) -B tests/fuzz/seeds.py $(BUILD) $(FUZZ_BUILD)/seeds
	@for t in $(FUZZ); do \
	    kept=tests/fuzz/corpus/$$t merged=$(FUZZ_BUILD)/merged/$$t grown=$(FUZZ_BUILD)/grown/$$t; \
	    rm -rf $$merged && mkdir -p $$kept $$merged $$grown || exit 1; \
	    $(FUZZ_BUILD)/libfuzzer/tests/fuzz/$${t}_fuzzer -merge=1 -use_counters=0 \
	        -max_len=$(FUZZ_KEPT_BYTES) $$merged $$kept $(FUZZ_BUILD)/seeds/$$t $$grown 2>&1 | tail -n 1; \
	    test -n "$$(ls $$merged)" || exit 1; \
	    find $$kept -type f ! -name 'found-*' -delete; \
	    cp $$merged/* $$kept/ || exit 1; \
	    find $(FUZZ_BUILD)/seeds/$$t -name 'made-*' -exec cp {} $$kept/ \;; \
	done

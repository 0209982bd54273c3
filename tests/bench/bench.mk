# The benchmark: `make bench` beside the peers, `make bench-growth` at four sizes.

# What only the comparison needs.
DEPS_BENCH := redis-server postgresql libhiredis-dev libpq-dev

BENCH_OPTIONS ?=
GROWTH        ?= $(BUILD)/bench-growth

PEERS     := $(BUILD)/tests/bench/peers
PEERS_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c))

$(BUILD)/tests/bench/%.o: CPPFLAGS += $(shell pkg-config --cflags libpq hiredis 2>/dev/null)

$(PEERS): $(PEERS_OBJ) $(BELOW_tools)
	$(call say,link)
	$(Q)$(CC) $(SANFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -lhiredis -lpq

.PHONY: bench bench-growth deps-bench

deps-bench:
	$(call install_debs,$(DEPS_RUN) $(DEPS_BENCH))

bench: deps-bench
	@+$(MAKE) --no-print-directory -j$$(nproc) all $(PEERS)
	$(BUILD)/touchline bench --peers $(BENCH_OPTIONS)

bench-growth: deps
	@+$(MAKE) --no-print-directory -j$$(nproc) all
	$(PYTHON) tests/bench/growth.py $(BUILD)/touchline $(GROWTH)

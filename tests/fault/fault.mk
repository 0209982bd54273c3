# The fault campaign: `make fault` runs it in full, `make test` a short version.

FAULT    := $(BUILD)/tests/fault
SHIM_SRC := tests/fault/shim.c tests/fault/undo.c

# Never sanitized: it is loaded into programs as they are installed.
$(FAULT)/shim.so: $(SHIM_SRC) tests/fault/undo.h
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) $(CPPFLAGS) -std=c11 $(CFLAGS) $(WARN) -fPIC -shared -pthread -o $@ $(SHIM_SRC)

# Brokers that break a promise on purpose: one whose log is never synced, one
# that takes what is admitted for what is on disk.
UNSYNCED := $(FAULT)/unsynced/log.o $(FAULT)/unsynced/never_synced.o
HASTY    := $(FAULT)/hasty/held.o $(FAULT)/hasty/ingress.o

$(FAULT)/unsynced/log.o: store/log.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Dfdatasync=never_synced -MMD -MP -c -o $@ $<
$(FAULT)/unsynced/never_synced.o: tests/fault/never_synced.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(HASTY): $(FAULT)/hasty/%.o: broker/%.c | $(BUILD)/proto/touchline.pb-c.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Dstore_head=store_admitted -MMD -MP -c -o $@ $<

$(FAULT)/touchlined-unsynced: $(UNSYNCED)
$(FAULT)/touchlined-hasty: $(HASTY)
$(FAULT)/touchlined-%: $(BROKER_MAIN) $(LIB_BROKER) $(LIB_STORE) $(LIB_PROTO) $(LIB_BASE)
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

test-programs: $(FAULT)/shim.so $(FAULT)/touchlined-unsynced $(FAULT)/touchlined-hasty

RUN_FAULT = @+$(MAKE) --no-print-directory -j$$(nproc) test-programs && \
            MAKEFLAGS= SAN=$(SAN) TOUCHLINE_FAULT=long $(PYTHON) -B tests/run.py \
                --build $(BUILD) --rounds $(if $(filter file,$(origin ROUNDS)),500,$(ROUNDS))

fault: deps-test
	@rm -f $(FAULT)/table
	$(RUN_FAULT) fault; ended=$$?; cat $(FAULT)/table; exit $$ended

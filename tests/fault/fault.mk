# The fault campaign: `make fault` runs it in full, `make test` a short version.

FAULT    := $(BUILD)/tests/fault
SHIM_SRC := tests/fault/shim.c tests/fault/undo.c

# Never sanitized: it is loaded into programs as they are installed.
$(FAULT)/shim.so: $(SHIM_SRC) tests/fault/undo.h
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) $(CPPFLAGS) -std=c11 $(CFLAGS) $(WARN) -fPIC -shared -pthread -o $@ $(SHIM_SRC)

# A broker that can be made to break a promise, in each of these functions.
CARELESS := card_read_closed crc32c fdatasync file_rename file_write frame_payload_ok \
            held_publish read scrub_look segment_batch_intact stream_take_open txn_env_fit \
            txn_env_open views_open zmq_send zmq_setsockopt

$(FAULT)/careless.o: tests/fault/careless.c | $(BUILD)/proto/touchline.pb-c.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<
$(FAULT)/touchlined-careless: $(FAULT)/careless.o $(BROKER_MAIN) $(LIB_BROKER) $(LIB_STORE) \
                              $(LIB_PROTO) $(LIB_BASE)
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) $(CARELESS:%=-Wl,--wrap=%) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

test-programs: $(FAULT)/shim.so $(FAULT)/touchlined-careless

RUN_FAULT = @+$(MAKE) --no-print-directory -j$$(nproc) test-programs && \
            MAKEFLAGS= SAN=$(SAN) TOUCHLINE_FAULT=long $(PYTHON) -B tests/run.py \
                --build $(BUILD) --rounds $(if $(filter file,$(origin ROUNDS)),500,$(ROUNDS))

fault: deps-test
	@rm -f $(FAULT)/table
	$(RUN_FAULT) fault; ended=$$?; cat $(FAULT)/table; exit $$ended

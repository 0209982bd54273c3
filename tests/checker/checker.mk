# Random histories against the second opinion, new ones each time (a slice that fails
# prints its smallest history, and the command that runs it again), the whole of the
# retailers' tables, and a thousand races for the last place: not for CI.  SEED=N
# runs the same histories again.

HISTORIES ?= 10000
SEED      ?=

.PHONY: check-long

check-long: deps-test
	@+$(MAKE) --no-print-directory -j$$(nproc) test-programs && \
	    $(PYTHON) -B tests/checker/campaign.py --build $(BUILD) --histories $(HISTORIES) \
	        $(SEED:%=--seed %) && \
	    TOUCHLINE_HISTORIES=$(HISTORIES) $(PYTHON) -B tests/run.py --build $(BUILD) system -k tables && \
	    TOUCHLINE_HISTORIES=$(HISTORIES) $(PYTHON) -B tests/run.py --build $(BUILD) system -k may_contact

# A broker whose fold can be made wrong, in each of these functions.
BROKEN := card_identifier_seen card_sold commitment_fold consent_settle household_fold \
          household_index link_apply offer_fold offer_join policy_counts_household

$(BUILD)/tests/checker/broken.o: tests/checker/broken.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<
$(BUILD)/tests/checker/touchlined-broken: $(BUILD)/tests/checker/broken.o $(BROKER_MAIN) \
                                          $(LIB_BROKER) $(LIB_STORE) $(LIB_PROTO) $(LIB_BASE)
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) $(BROKEN:%=-Wl,--wrap=%) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

test-programs: $(BUILD)/tests/checker/touchlined-broken

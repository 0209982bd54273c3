# Random histories against the second opinion, new ones each time, and a thousand
# races for the last place: not for CI.  SEED=N runs the same histories again.

HISTORIES ?= 10000
SEED      ?=

.PHONY: check-long

check-long: deps-test
	@+$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/tests/python/touchline_pb2.py && \
	    $(PYTHON) -B tests/checker/campaign.py --build $(BUILD) --histories $(HISTORIES) \
	        $(SEED:%=--seed %) && \
	    TOUCHLINE_HISTORIES=$(HISTORIES) $(PYTHON) -B tests/run.py --build $(BUILD) system -k may_contact

# Random histories against the second opinion, new ones each time, and a thousand
# races for the last place: not for CI.

HISTORIES ?= 10000

.PHONY: check-long

check-long: deps-test
	@+$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/tests/python/touchline_pb2.py && \
	    TOUCHLINE_HISTORIES=$(HISTORIES) $(PYTHON) -B tests/run.py --build $(BUILD) system -k checker && \
	    TOUCHLINE_HISTORIES=$(HISTORIES) $(PYTHON) -B tests/run.py --build $(BUILD) system -k may_contact

# Touchline.  `make demo` shows it work, `make test` proves it, `make help` lists the rest.

# -------------------------------------------------------------- settings
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
CXX     ?= c++
CFLAGS  ?= -O2 -g
SAN     ?=
PYTHON  ?= /usr/bin/python3
ROUNDS  ?= 20

VERSION := 0.1.0

# SAN=address,undefined builds beside, in a folder of its own.
comma := ,
BUILD := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

# What it is built from and runs with, and what only tests need.
DEPS_RUN  := gcc g++ make pkg-config libzmq3-dev libprotobuf-c-dev protobuf-c-compiler \
             libprotobuf-dev liblmdb-dev libuv1-dev libsodium-dev libjansson-dev libsimdjson-dev \
             libexpat1-dev libcsv-dev libphonenumber-dev libidn2-dev libinih-dev zlib1g-dev \
             libssl-dev libgmime-3.0-dev libmicrohttpd-dev libcurl4-openssl-dev tzdata
DEPS_TEST := libcmocka-dev python3 python3-zmq python3-protobuf python3-hypothesis \
             protobuf-compiler scdoc $(if $(shell command -v npm),,nodejs npm)

# ----------------------------------------------------------------- flags
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wformat=2 $(if $(CI),-Werror)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)

CPPFLAGS += -I. -I$(BUILD) -I$(BUILD)/proto -D_GNU_SOURCE -DTL_VERSION='"$(VERSION)"'
ALL_CFLAGS   = -std=c11 $(CFLAGS) $(WARN) $(SANFLAGS) -pthread -fPIC
# Generated code is compiled as a stranger.
STRANGER     = -std=c11 $(CFLAGS) $(SANFLAGS) -fPIC -w
ALL_CXXFLAGS = -std=c++17 $(CFLAGS) -Wall -Wextra $(if $(CI),-Werror) $(SANFLAGS) -pthread -fPIC

# A program starts with the libraries it uses, not with all of them.
LIBS := -Wl,--as-needed -lzmq -lprotobuf-c -llmdb -luv -lsodium -ljansson -lsimdjson -lexpat \
        -lcsv -lphonenumber -lidn2 -linih -lz -lcrypto -lgmime-3.0 -lgobject-2.0 \
        -lglib-2.0 -lmicrohttpd -lcurl -lm -pthread

# One line per file; V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),@:,@echo '  $1	$@')

# ------------------------------------------------------------- libraries
src = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))

BASE    := $(call src,base/*.c)
PB      := $(BUILD)/proto/touchline.pb-c.o $(BUILD)/proto/google/protobuf/timestamp.pb-c.o
PROTO   := $(call src,proto/*.c) $(PB)
STORE   := $(call src,store/*.c)
CLIENT  := $(call src,client/*.c)
BROKER  := $(call src,broker/*.c) $(patsubst %.cc,$(BUILD)/%.o,$(wildcard broker/*.cc))
# A decoder is a file of its channel's folder; the daemons around them are:
DAEMON  := $(patsubst %,$(BUILD)/adapters/%.o,adapter counts dial dropped follow forward gather http \
             ignored poll serve setup source spool spool_segment status tables)
CHANNELS := $(patsubst adapters/%/main.c,%,$(wildcard adapters/*/main.c))
CHANNEL_MAINS := $(CHANNELS:%=$(BUILD)/adapters/%/main.o)
FORMATS := $(filter-out $(DAEMON) $(CHANNEL_MAINS),$(call src,adapters/*.c adapters/*/*.c)) \
           $(BUILD)/adapters/parse.o
TOOLS   := $(call src,tools/*.c)

BROKER_MAIN := $(BUILD)/broker/main.o
TOOLS_MAIN  := $(BUILD)/tools/touchline.o

A := $(BUILD)/lib
LIB_BASE    := $(A)/libbase.a
LIB_PROTO   := $(A)/libproto.a
LIB_STORE   := $(A)/libstore.a
LIB_CLIENT  := $(A)/libclient.a
LIB_BROKER  := $(A)/libbroker.a
LIB_FORMATS := $(A)/libformats.a
LIB_ADAPTER := $(A)/libadapter.a
LIB_TOOLS   := $(A)/libtools.a

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps deps-test demo test check lint unit replay system fault bench install clean help \
        test-programs

ADAPTERS := $(CHANNELS:%=$(BUILD)/touchline-%)

all: $(BUILD)/touchlined $(BUILD)/touchline $(BUILD)/libtouchline.so $(ADAPTERS)

$(LIB_BASE): $(BASE)
$(LIB_PROTO): $(PROTO)
$(LIB_STORE): $(STORE)
$(LIB_CLIENT): $(CLIENT)
$(LIB_BROKER): $(filter-out $(BROKER_MAIN),$(BROKER))
$(LIB_FORMATS): $(FORMATS)
$(LIB_ADAPTER): $(filter $(call src,adapters/*.c),$(DAEMON))
$(LIB_TOOLS): $(filter-out $(TOOLS_MAIN),$(TOOLS))
$(A)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/adapters/email/mime.o: CPPFLAGS += $(shell pkg-config --cflags gmime-3.0)

# Headers of the wire exist before anything that includes them.
$(BUILD)/proto/touchline.pb-c.c $(BUILD)/proto/touchline.pb-c.h &: proto/touchline.proto
	@mkdir -p $(BUILD)/proto
	$(call say,proto)
	$(Q)protoc-c --c_out=$(BUILD)/proto -Iproto -I/usr/include proto/touchline.proto
	$(Q)protoc-c --c_out=$(BUILD)/proto -I/usr/include /usr/include/google/protobuf/timestamp.proto
$(BUILD)/proto/google/protobuf/timestamp.pb-c.c: $(BUILD)/proto/touchline.pb-c.h ;

$(BUILD)/proto/%.pb-c.o: $(BUILD)/proto/%.pb-c.c
	$(call say,cc)
	$(Q)$(CC) $(CPPFLAGS) $(STRANGER) -c -o $@ $<

$(BUILD)/%.o: %.c | $(BUILD)/proto/touchline.pb-c.h
	@mkdir -p $(@D)
	$(call say,cc)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/%.o: %.cc | $(BUILD)/proto/touchline.pb-c.h
	@mkdir -p $(@D)
	$(call say,c++)
	$(Q)$(CXX) $(CPPFLAGS) $(ALL_CXXFLAGS) -MMD -MP -c -o $@ $<

# -------------------------------------------------------------- programs
$(BUILD)/touchlined: $(BROKER_MAIN) $(LIB_BROKER) $(LIB_STORE) $(LIB_PROTO) $(LIB_BASE)
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/touchline: $(TOOLS_MAIN) $(LIB_TOOLS) $(LIB_FORMATS) $(LIB_CLIENT) $(LIB_STORE) \
                    $(LIB_PROTO) $(LIB_BASE)
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) -o $@ $^ $(LIBS)

$(ADAPTERS): $(BUILD)/touchline-%: $(BUILD)/adapters/%/main.o $(LIB_ADAPTER) $(LIB_FORMATS) \
                                   $(LIB_CLIENT) $(LIB_PROTO) $(LIB_BASE)
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) -o $@ $^ $(LIBS)

# Strangers see what begins with tl_ and nothing else.
$(BUILD)/libtouchline.so: $(CLIENT) $(PROTO) $(BASE) client/touchline.map
	$(call say,link)
	$(Q)$(CC) $(SANFLAGS) -shared -Wl,-soname,libtouchline.so.0 \
	    -Wl,--version-script=client/touchline.map -o $@ $(filter %.o,$^) $(LIBS)

# ------------------------------------------------------------------ deps
# $(call install_debs,PACKAGES): installs those that are missing, and says so.
define install_debs
@missing=$$(for p in $(1); do \
    dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; \
  done); \
  test -n "$$missing" || exit 0; \
  as=; test $$(id -u) = 0 || as=sudo; \
  if test -n "$$as" && ! command -v sudo >/dev/null; then \
    echo "These Debian packages are missing; as root: apt-get install" $$missing >&2; exit 1; \
  fi; \
  echo "Installing the Debian packages that are missing:" $$missing; \
  $$as apt-get -q update || echo "apt-get update failed; trying with the lists there are" >&2; \
  $$as env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends $$missing
endef

deps:
	$(call install_debs,$(DEPS_RUN))

deps-test:
	$(call install_debs,$(DEPS_RUN) $(DEPS_TEST))

# ----------------------------------------------------------------- tests
# A unit test links the layer its subject lives in, and what is below it.
BELOW_base     := $(LIB_BASE)
BELOW_proto    := $(LIB_PROTO) $(BELOW_base)
BELOW_store    := $(LIB_STORE) $(BELOW_proto)
BELOW_client   := $(LIB_CLIENT) $(BELOW_proto)
BELOW_broker   := $(LIB_BROKER) $(BELOW_store)
BELOW_adapters := $(LIB_ADAPTER) $(LIB_FORMATS) $(BELOW_client)
BELOW_tools    := $(LIB_TOOLS) $(LIB_FORMATS) $(LIB_CLIENT) $(BELOW_store)
LAYERS := base proto store client broker adapters tools

SUBJECTS := $(patsubst tests/unit/%_test.c,%,$(wildcard tests/unit/*_test.c))
UNIT     := $(SUBJECTS:%=$(BUILD)/tests/unit/%_test)
home = $(lastword adapters $(foreach l,$(LAYERS),$(if $(wildcard $l/$1.[ch] $l/*/$1.[ch]),$l)))
$(foreach s,$(SUBJECTS),$(eval $(BUILD)/tests/unit/$s_test: $(BELOW_$(call home,$s))))

$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o
	$(call say,link)
	$(Q)$(CXX) $(SANFLAGS) -o $@ $< $(filter %.a,$^) -lcmocka $(LIBS)

# This one decides when there is memory.
$(BUILD)/tests/unit/client_oom_test: LIBS += \
    $(foreach f,malloc calloc realloc strdup free,-Wl,--wrap=$f)

$(BUILD)/tests/python/touchline_pb2.py: proto/touchline.proto
	@mkdir -p $(@D)
	$(Q)protoc --python_out=$(@D) -Iproto -I/usr/include proto/touchline.proto

# npm writes this file last.  Without it the tests that need it say so and fail, the others run.
CLIENTS := $(BUILD)/clients/node_modules/.package-lock.json
$(CLIENTS): tests/clients/package.json tests/clients/package-lock.json
	@mkdir -p $(BUILD)/clients
	$(call say,npm)
	$(Q)cp $^ $(BUILD)/clients
	$(Q)cd $(BUILD)/clients && npm ci --omit=optional --ignore-scripts --prefer-offline --no-audit \
	    --no-fund --loglevel=error || \
	    echo 'npm could not fetch the real clients (tests/clients/package.json): it needs the' \
	        'npm registry, or a cache that has them (npm config set registry | cache)' >&2

test-programs: all $(UNIT) $(BUILD)/tests/python/touchline_pb2.py $(CLIENTS)

RUN_TESTS = @+$(MAKE) --no-print-directory -j$$(nproc) test-programs && \
            MAKEFLAGS= SAN=$(SAN) $(PYTHON) -B tests/run.py --build $(BUILD) --rounds $(ROUNDS)

test: deps-test
	$(RUN_TESTS) unit replay system fault lint

unit replay system lint: deps-test
	$(RUN_TESTS) $@

include tests/fault/fault.mk

include tests/fuzz/fuzz.mk

include tests/checker/checker.mk

# ------------------------------------------------------------------ demo
demo: deps
	@+$(MAKE) --no-print-directory -j$$(nproc) $(BUILD)/touchlined $(BUILD)/touchline $(ADAPTERS)
	@demo/demo.sh $(BUILD)

include tests/bench/bench.mk

# ---------------------------------------------------------------- checks
# Slow, and a matter of opinion in places: for a reviewer, not for CI.
check: all
	clang-tidy --quiet $(wildcard base/*.c proto/*.c store/*.c client/*.c broker/*.c \
	    adapters/*.c adapters/*/*.c tools/*.c) -- -std=c11 $(CPPFLAGS)

# --------------------------------------------------------------- install
# The header that is installed carries what it includes of proto/.
$(BUILD)/touchline.h: client/touchline.h proto/event.h proto/answer.h proto/code.h
	@mkdir -p $(@D)
	sed -E -e '/^#include "proto\/(event|answer|code)\.h"/{' -e 's/.*"(.*)".*/cat \1/e' -e '}' $< \
	    | sed -E '/^#include "proto\//d' > $@

$(BUILD)/touchline.pc: client/touchline.pc.in
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' $< > $@

MAN := $(patsubst %.scd,$(BUILD)/%,\
         $(wildcard tools/*.scd broker/*.scd adapters/*/*.scd client/*.scd))
$(BUILD)/%: %.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

install: all $(BUILD)/touchline.h $(BUILD)/touchline.pc $(MAN)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	    $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/touchline/maps \
	    $(DESTDIR)$(PREFIX)/share/touchline/samples
	install $(BUILD)/touchlined $(BUILD)/touchline $(ADAPTERS) $(DESTDIR)$(PREFIX)/bin
	install $(BUILD)/libtouchline.so $(DESTDIR)$(PREFIX)/lib/libtouchline.so.0
	ln -sf libtouchline.so.0 $(DESTDIR)$(PREFIX)/lib/libtouchline.so
	install -m 644 $(BUILD)/touchline.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(BUILD)/touchline.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 $(wildcard adapters/csv/maps/*.map) $(DESTDIR)$(PREFIX)/share/touchline/maps
	install -m 644 $(wildcard adapters/*/*.conf) broker/policy.conf broker/identifiers.conf \
	    $(DESTDIR)$(PREFIX)/share/touchline/samples
	for m in $(MAN); do d=$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}; \
	    install -d $$d && install -m 644 $$m $$d || exit 1; done

clean:
	rm -rf build build-*

help:
	@echo 'make demo      install what is missing, build, and show it work on real data'
	@echo 'make test      install what is missing, build, and run every test'
	@echo '               SAN=address,undefined or SAN=thread: the same on an instrumented build'
	@echo 'make unit | replay | system | fault | lint   one kind of test; fault takes ROUNDS=500'
	@echo 'make check-long   10,000 random histories (HISTORIES=, SEED=), whole tables, 1,000 races'
	@echo 'make fuzz      look for bytes that do harm; FUZZ_SECONDS=60 for each target'
	@echo 'make bench     measure this machine, beside Redis and PostgreSQL'
	@echo 'make bench-growth   the same at 0.1, 1, 5 and 20 million events: a table and a picture'
	@echo 'make check     clang-tidy over everything'
	@echo 'make install   programs, library, header, manual pages; PREFIX= and DESTDIR='
	@echo 'make deps      only install the Debian packages that are missing'
	@echo 'make clean     remove what was built'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# Touchline.  `make demo` shows it work, `make test` proves it, `make help` lists the rest.

# -------------------------------------------------------------- settings
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
CXX     ?= c++
CFLAGS  ?= -O2 -g
SAN     ?=
PYTHON  ?= /usr/bin/python3

VERSION := 0.1.0

# SAN=address,undefined builds beside, in a folder of its own.
comma := ,
BUILD := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

DEPS_RUN  := gcc g++ make pkg-config libzmq3-dev libprotobuf-c-dev protobuf-c-compiler \
             libprotobuf-dev liblmdb-dev libuv1-dev libsodium-dev libjansson-dev libexpat1-dev \
             libcsv-dev libphonenumber-dev libidn2-dev libinih-dev zlib1g-dev
DEPS_TEST := libcmocka-dev python3 python3-zmq python3-protobuf protobuf-compiler scdoc

# ----------------------------------------------------------------- flags
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wformat=2 $(if $(CI),-Werror)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)

CPPFLAGS += -I. -I$(BUILD) -I$(BUILD)/proto -D_GNU_SOURCE -DTL_VERSION='"$(VERSION)"'
ALL_CFLAGS   = -std=c11 $(CFLAGS) $(WARN) $(SANFLAGS) -pthread -fPIC
# Generated code is compiled as a stranger.
STRANGER     = -std=c11 $(CFLAGS) $(SANFLAGS) -fPIC -w
ALL_CXXFLAGS = -std=c++17 $(CFLAGS) -Wall -Wextra $(if $(CI),-Werror) $(SANFLAGS) -pthread -fPIC

LIBS := -lzmq -lprotobuf-c -llmdb -luv -lsodium -ljansson -lexpat -lcsv -lphonenumber -lidn2 \
        -linih -lz -lm -pthread

# ------------------------------------------------------------- libraries
src = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))

BASE    := $(call src,base/*.c)
PB      := $(BUILD)/proto/touchline.pb-c.o $(BUILD)/proto/google/protobuf/timestamp.pb-c.o
PROTO   := $(call src,proto/*.c) $(PB)
STORE   := $(call src,store/*.c)
CLIENT  := $(call src,client/*.c)
BROKER  := $(call src,broker/*.c) $(patsubst %.cc,$(BUILD)/%.o,$(wildcard broker/*.cc))
FORMATS := $(call src,adapters/formats.c adapters/*/*.c)
TOOLS   := $(call src,tools/*.c)

A := $(BUILD)/lib
LIB_BASE    := $(A)/libbase.a
LIB_PROTO   := $(A)/libproto.a
LIB_STORE   := $(A)/libstore.a
LIB_CLIENT  := $(A)/libclient.a
LIB_FORMATS := $(A)/libformats.a

.DELETE_ON_ERROR:
.PHONY: all deps deps-test demo test check lint unit system fault install clean help

all: $(BUILD)/touchlined $(BUILD)/touchline

$(LIB_BASE): $(BASE)
$(LIB_PROTO): $(PROTO)
$(LIB_STORE): $(STORE)
$(LIB_CLIENT): $(CLIENT)
$(LIB_FORMATS): $(FORMATS)
$(A)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

# Headers of the wire exist before anything that includes them.
$(BUILD)/proto/touchline.pb-c.c $(BUILD)/proto/touchline.pb-c.h &: proto/touchline.proto
	@mkdir -p $(BUILD)/proto
	protoc-c --c_out=$(BUILD)/proto -Iproto -I/usr/include proto/touchline.proto
	protoc-c --c_out=$(BUILD)/proto -I/usr/include /usr/include/google/protobuf/timestamp.proto
$(BUILD)/proto/google/protobuf/timestamp.pb-c.c: $(BUILD)/proto/touchline.pb-c.h ;

$(BUILD)/proto/%.pb-c.o: $(BUILD)/proto/%.pb-c.c
	$(CC) $(CPPFLAGS) $(STRANGER) -c -o $@ $<

$(BUILD)/%.o: %.c | $(BUILD)/proto/touchline.pb-c.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/%.o: %.cc | $(BUILD)/proto/touchline.pb-c.h
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(ALL_CXXFLAGS) -MMD -MP -c -o $@ $<

# -------------------------------------------------------------- programs
$(BUILD)/touchlined: $(BROKER) $(LIB_STORE) $(LIB_PROTO) $(LIB_BASE)
	$(CXX) $(SANFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/touchline: $(TOOLS) $(LIB_FORMATS) $(LIB_CLIENT) $(LIB_STORE) $(LIB_PROTO) $(LIB_BASE)
	$(CC) $(SANFLAGS) -o $@ $^ $(LIBS)

# ----------------------------------------------------------------- tests
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*_test.c))

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIB_FORMATS) $(LIB_CLIENT) $(LIB_STORE) $(LIB_PROTO) $(LIB_BASE)
	$(CC) $(SANFLAGS) -o $@ $^ -lcmocka $(LIBS)

clean:
	rm -rf build build-*

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

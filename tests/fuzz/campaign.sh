#!/bin/sh
# campaign.sh BUILD SECONDS "TARGETS" "TARGETS FOR AFL++"
#
# Runs one engine on one target after the other.  What they find is kept in
# BUILD/found, what they learn in BUILD/grown.  Fails when anything was found.
# The target `format` gets SECONDS for each of FUZZ_FORMATS, alone.
set -u

build=$1 seconds=$2 targets=$3 afl_targets=$4
corpus=tests/fuzz/corpus
failed=

# libfuzzer TARGET LOG CORPUS...
libfuzzer() {
    target=$1 log=$2 found=$build/found/$1
    shift 2
    mkdir -p "$found"
    "$build/libfuzzer/tests/fuzz/${target}_fuzzer" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -artifact_prefix="$found/" \
        "$@" >"$build/$log.log" 2>&1
}

# run NAME TARGET CORPUS...
run() {
    name=$1 target=$2
    shift 2
    echo "  libfuzzer  $name, $seconds s"
    libfuzzer "$target" "$name" "$@" || { failed="$failed $name"; tail -n 40 "$build/$name.log"; }
    sed -n 's/^stat::number_of_executed_units: */             runs: /p' "$build/$name.log"
}

# Of an input's first line, what follows its first byte is the format.
inputs_of() {
    for file in "$corpus"/format/*; do
        test "$(head -n 1 "$file" | tail -c +2 | tr -d '\0')" = "$1" && echo "$file"
    done
}

run_format() {
    own=$build/formats/$1 grown=$build/grown/format/$1
    rm -rf "$own"
    mkdir -p "$own" "$grown"
    inputs_of "$1" | xargs -r -d '\n' cp -t "$own"
    FUZZ_ONLY=$1 run "format-$1" format "$grown" "$own"
}

afl() {
    out=$build/afl-out/$1
    rm -rf "$out"
    mkdir -p "${out%/*}"
    # It refuses to run where crashes are given to a program; those only come later.
    AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 \
        ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=abort_on_error=1 \
        afl-fuzz -V "$seconds" -t 5000 -m none -i "$corpus/$1" -o "$out" \
        -- "$build/afl/tests/fuzz/$1_fuzzer" >"$build/$1-afl.log" 2>&1 || return 1
    test -z "$(find "$out" -path '*/crashes/id*' -o -path '*/hangs/id*')"
}

mkdir -p "$build"
for t in $targets; do
    mkdir -p "$build/grown/$t"
    case $t in
        format) for f in $FUZZ_FORMATS; do run_format "$f"; done ;;
        *) run "$t" "$t" "$build/grown/$t" "$corpus/$t" ;;
    esac
done
for t in $afl_targets; do
    echo "  afl++      $t, $seconds s"
    afl "$t" || { failed="$failed $t(afl++)"; tail -n 20 "$build/$t-afl.log"; }
    sed -n 's/^execs_done *: */             runs: /p' "$build/afl-out/$t/default/fuzzer_stats"
done
test -z "$failed" || { echo "found something:$failed; see $build/found, $build/afl-out"; exit 1; }
echo "nothing found"

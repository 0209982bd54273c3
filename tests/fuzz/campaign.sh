#!/bin/sh
# campaign.sh BUILD SECONDS "TARGETS" "TARGETS FOR AFL++"
#
# Runs one engine on one target after the other.  What they find is kept in
# BUILD/found, what they learn in BUILD/grown.  Fails when anything was found.
# The target `format` gets SECONDS for each of FUZZ_FORMATS.
set -u

build=$1 seconds=$2 targets=$3 afl_targets=$4
corpus=tests/fuzz/corpus
failed=

libfuzzer() {
    grown=$build/grown/$1 found=$build/found/$1
    mkdir -p "$grown" "$found"
    case $1 in format) limit=$((seconds * FUZZ_FORMATS)) ;; *) limit=$seconds ;; esac
    "$build/libfuzzer/tests/fuzz/$1_fuzzer" -max_total_time="$limit" -timeout=20 \
        -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -artifact_prefix="$found/" \
        "$grown" "$corpus/$1" >"$build/$1.log" 2>&1
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
    echo "  libfuzzer  $t, $seconds s"
    libfuzzer "$t" || { failed="$failed $t"; tail -n 40 "$build/$t.log"; }
    sed -n 's/^stat::number_of_executed_units: */             runs: /p' "$build/$t.log"
done
for t in $afl_targets; do
    echo "  afl++      $t, $seconds s"
    afl "$t" || { failed="$failed $t(afl++)"; tail -n 20 "$build/$t-afl.log"; }
    sed -n 's/^execs_done *: */             runs: /p' "$build/afl-out/$t/default/fuzzer_stats"
done
test -z "$failed" || { echo "found something:$failed; see $build/found, $build/afl-out"; exit 1; }
echo "nothing found"

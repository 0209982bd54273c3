#!/bin/sh
# The main job on real input: a year of a grocery chain's offers, coupons and
# receipts go in by the channels' own systems, and one household's context comes
# out.  `make demo` runs this; SPEED=86400 lets a day go by in a second.
set -eu
cd "$(dirname "$0")/.."

build=${1:-build}
home=demo-data
tables=demo/data
maps=adapters/csv/maps
customer=loyalty:464
touchline=$build/touchline

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

# The broker an earlier demo left running.
stop_earlier() {
    [ -f $home/broker.pid ] || return 0
    pid=$(cat $home/broker.pid)
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = touchlined ] || return 0
    echo "Stopping the broker of the demo before (process $pid)."
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

# Starts on $1; true when it answers.
start_on() {
    TOUCHLINE_BROKER=$1
    export TOUCHLINE_BROKER
    # A session of its own: it outlives the terminal's job.
    setsid "$build/touchlined" --data $home/broker --listen "$1" >>$home/broker.log 2>&1 </dev/null &
    broker=$!
    echo $broker >$home/broker.pid
    tries=0
    while kill -0 $broker 2>/dev/null && [ $tries -lt 100 ]; do
        "$touchline" stat >/dev/null 2>&1 && kill -0 $broker 2>/dev/null && return 0
        sleep 0.1
        tries=$((tries + 1))
    done
    kill $broker 2>/dev/null || true
    wait $broker 2>/dev/null || true
    return 1
}

start() {
    for at in ${TOUCHLINE_BROKER:-tcp://127.0.0.1:7700 tcp://127.0.0.1:7720 tcp://127.0.0.1:7730}; do
        start_on "$at" && return 0
    done
    echo "The broker did not start.  It said:" >&2
    cat $home/broker.log >&2
    exit 1
}

stop() {
    kill $broker
    wait $broker
    rm $home/broker.pid
}

# Starts touchline-$1, and sets $1 to where it is.
adapter() {
    "$build/touchline-$1" --data $home/$1 --broker "$TOUCHLINE_BROKER" --listen 127.0.0.1:0 \
        ${2:+--config "$2"} >>$home/$1.log 2>&1 </dev/null &
    adapters="$adapters $!"
    tries=0
    port=
    while [ -z "$port" ]; do
        if [ $tries -eq 100 ]; then
            echo "touchline-$1 did not start.  It said:" >&2
            cat $home/$1.log >&2
            exit 1
        fi
        sleep 0.1
        tries=$((tries + 1))
        port=$(sed -n 's/.* ready .* port=\([0-9]*\) .*/\1/p' $home/$1.log)
    done
    eval "$1=http://127.0.0.1:$port"
    echo "touchline-$1 listens on http://127.0.0.1:$port"
}

adapters=
stop_adapters() {
    for process in $adapters; do
        kill "$process" 2>/dev/null || true
        wait "$process" || true
    done
    adapters=
}
trap stop_adapters EXIT

# Where touchline-call finds the switch, which is played too.
switch() {
    case ${TOUCHLINE_BROKER##*:} in
    *[!0-9]*) ami=127.0.0.1:7738 ;;
    *) ami=127.0.0.1:$((${TOUCHLINE_BROKER##*:} + 38)) ;;
    esac
    echo played >$home/secret
    cat >$home/call.conf <<END
[asterisk-ami]
connect = $ami
username = touchline
secret_file = $home/secret
END
}

stop_earlier
rm -rf $home
mkdir $home

say "1. A broker and an adapter for each channel, on fresh data in $home"
start
echo "touchlined (process $broker) listens on $TOUCHLINE_BROKER"
switch
adapter email
adapter web
adapter pos
adapter call $home/call.conf

say "2. A year of a retailer: offers mailed, coupons redeemed, receipts"
table() {
    set -- "$touchline" ingest --dry-run --format csv \
        --map "$maps/completejourney-$1.map" "$tables/$2.csv.gz"
    printf '$ %s\n' "$*"
    "$@" 2>&1 >>$home/events.jsonl
}
table campaigns campaigns
table redemptions coupon_redemptions
table transactions transactions_sample
echo "... as the systems of its channels tell of it"
show "$touchline" play --email "$email" --web "$web" --pos "$pos" --call "$call" --ami "$ami" \
    --speed "${SPEED:-0}" $home/events.jsonl
stop_adapters

say "3. Household 464 is on the telephone: what an agent sees"
show "$touchline" context $customer

[ "$TOUCHLINE_BROKER" = tcp://127.0.0.1:7700 ] && set_broker= ||
    set_broker="TOUCHLINE_BROKER=$TOUCHLINE_BROKER "
try() { printf '  %-44s %s\n' "$1" "$set_broker$touchline $2"; }
say "4. To try next"
try "what happened, newest first" "timeline $customer --limit 12"
try "every offer with its outcomes" "offers $customer"
try "coupons as they come, from the last on (^C)" "watch --type 'coupon.*' --from last:5000"

if [ "${CI:-}" = true ] || [ ! -t 1 ]; then
    stop
    say "The broker was stopped.  To have it back: $build/touchlined --data $home/broker"
else
    say "The broker goes on running; stop it with: kill $broker"
fi

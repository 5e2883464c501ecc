#!/bin/sh
# A campaign with GNU parallel: on the cores of this machine, or of many with `parallel --sshlogin`.
#
#     docs/sim/parallel.sh mixed 0..100000 16
#
# TOWLINE is the program, REPORTS the folder for reports and for the plans of runs that fail.
set -eu
scenario=${1:-mixed}
seeds=${2:-0..100000}
parts=${3:-16}
export TOWLINE="${TOWLINE:-towline}" REPORTS="${REPORTS:-sim-reports}"
mkdir -p "$REPORTS"
rm -f "$REPORTS"/shard-*.json

# A part that found something ends with 1: the others go on, and the whole is judged below.
seq "$parts" | parallel \
    '"$TOWLINE"' sim explore "$scenario" --seeds "$seeds" --shard "{}/$parts" --jobs 1 \
    --json '"$REPORTS"/shard-{}.json' --failures '"$REPORTS"/failures' \
    '>' '"$REPORTS"/shard-{}.log' '2>&1' || echo "$? parts ended with a verdict: see $REPORTS/shard-*.log" >&2

exec "$TOWLINE" sim merge "$REPORTS"/shard-*.json --json "$REPORTS/report.json"

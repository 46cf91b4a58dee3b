#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every fuzzer for the given number of seconds. New inputs stay in build/fuzz/found, to be picked for the corpus;
# a crash leaves its input there too, and the run goes on with the next fuzzer.
set -eu

seconds=${1:-10}
build=build/fuzz
[ -e $build/build.ninja ] ||
	CC=clang meson setup $build -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false >$build.log
ninja -C $build --quiet
status=0
for seeds in tests/fuzz/corpus/*; do
	name=${seeds##*/}
	fuzzer=$build/tests/fuzz/fuzz-$name
	found=$build/found/$name
	mkdir -p "$found"
	if "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$found/crash-" "$found" "$seeds" >"$found.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found.log")
		echo "fuzz $name: ok, $runs runs in $seconds s"
	else
		echo "fuzz $name: FAILED, see $found.log"
		tail -20 "$found.log"
		status=1
	fi
done
exit $status

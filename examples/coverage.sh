#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs scenarios in a guest whose kernel was built for gcov, then prints the counts of each file for the host
# (docs/coverage.md): a line "== PATH", then the .gcda file in base64.
ppiov-agent run "$@" >&2
status=$?
cd /sys/kernel/debug/gcov || exit 3
find . -name '*.gcda' | while read -r file; do
	echo "== $file"
	/base64 "$file"
done
exit $status

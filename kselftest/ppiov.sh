#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the ppiov agent on the booted kernel. KTAP on standard output; exit status 0 passed, 1 failed, 4 nothing passed or failed.
# If the variables of the kernel's driver selftests (NETIF, LOCAL_V4, REMOTE_V4, REMOTE_TYPE, REMOTE_ARGS) are set in the environment, or in
# a file net.config in the folder of this script, the scenarios run on that interface.
here=$(dirname "$0")
agent=${PPIOV_AGENT:-$here/ppiov-agent}
if [ ! -x "$agent" ]; then
	echo "KTAP version 1"
	echo "1..0 # SKIP no ppiov-agent in the folder of $0; set PPIOV_AGENT"
	exit 4
fi
if [ -z "$NETIF" ] && [ -r "$here/net.config" ]; then
	set -a
	# shellcheck disable=SC1091 # the file is the tester's
	. "$here/net.config"
	set +a
fi
exec "$agent" run "$@"

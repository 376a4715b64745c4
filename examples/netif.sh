#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the scenarios on an interface that is described by the variables of the kernel's driver selftests. Here the interface is a netdevsim
# that this script makes; its peer is in the namespace "peer". With real hardware, only the export of the variables is needed.
set -e
bus=/sys/bus/netdevsim
ip netns add peer
echo 10 1 1 > $bus/new_device
local_if=$(ls $bus/devices/netdevsim10/net)
echo 11 1 1 > $bus/new_device
remote_if=$(ls $bus/devices/netdevsim11/net)
ip link set "$remote_if" netns peer
exec 3< /proc/self/ns/net 4< /run/netns/peer
local_index=$(cat /sys/class/net/"$local_if"/ifindex)
remote_index=$(ip netns exec peer ip -o link show "$remote_if" | cut -d: -f1)
echo "3:$local_index 4:$remote_index" > $bus/link_device
exec 3<&- 4<&-
ip addr add 198.51.100.1/24 dev "$local_if"
ip link set "$local_if" up
ip netns exec peer ip addr add 198.51.100.2/24 dev "$remote_if"
ip netns exec peer ip link set "$remote_if" up

export NETIF="$local_if" LOCAL_V4=198.51.100.1 REMOTE_V4=198.51.100.2 REMOTE_TYPE=netns REMOTE_ARGS=peer
exec ppiov-agent run "$@"

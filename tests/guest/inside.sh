#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Process 1 of the guest, on the host's files: makes it a usable machine, runs /run/guest/command, switches off.
# /run/guest is the one directory that outlives the guest.
[ $$ = 1 ] || exit 2
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
mkdir -p /dev/shm /dev/pts /dev/net
mount -t tmpfs shm /dev/shm
mount -t devpts devpts /dev/pts
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
ln -s /proc/self/fd /dev/fd
# There is no udev: what it would make or load is made and loaded here.
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
[ -e /dev/ppp ] || mknod /dev/ppp c 108 0
mkdir -p /lib/modules
rm -rf "/lib/modules/$(uname -r)"
ln -s /run/modules "/lib/modules/$(uname -r)"
modprobe -qa aesni_intel ghash_clmulni_intel tun veth esp4 xfrm_interface ppp_async
ip link set lo up
for p in /sys/class/virtio-ports/*; do
	[ "$(cat "$p/name")" = output ] && output=/dev/${p##*/}
done
: >/run/guest/started
setsid sh /run/guest/command </dev/null >"$output" 2>&1
status=$?
dmesg >/run/guest/dmesg
echo $status >/run/guest/status
sync
echo o >/proc/sysrq-trigger
sleep 60

#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Process 1 of the guest's initramfs: the host's files, read-only, below a scratch file system; inside.sh goes on there.
b=/bin/busybox
fail() {
	echo "init: $1"
	echo o >/proc/sysrq-trigger
	$b sleep 60
}
share() { # TAG DIRECTORY OPTIONS
	$b mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2" || fail "cannot mount $1"
}
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
while read -r module; do
	$b insmod "/modules/$module" || fail "cannot load $module"
done </modules/order
share host /host ro,cache=loose
$b mount -t tmpfs -o mode=755 scratch /scratch
$b mkdir /scratch/upper /scratch/work
$b mount -t overlay -o lowerdir=/host,upperdir=/scratch/upper,workdir=/scratch/work overlay /machine ||
	fail "cannot mount the overlay"
for d in proc sys dev; do
	$b mount --move "/$d" "/machine/$d"
done
$b mount -t tmpfs -o mode=755 run /machine/run
$b mkdir /machine/run/guest /machine/run/modules
share exchange /machine/run/guest rw,cache=none
share modules /machine/run/modules ro,cache=loose
exec $b switch_root /machine /bin/sh /run/guest/inside.sh

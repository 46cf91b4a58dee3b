#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs the Debian packages that building, testing and the demo need, and those named as arguments; does nothing when
# all are there.
set -eu

packages="gcc meson ninja-build pkg-config clang llvm clang-format clang-tidy pyflakes3 shellcheck libclang-rt-14-dev bpftool
libbpf-dev libuv1-dev libssl-dev libmnl-dev liblmdb-dev libconfuse-dev libjansson-dev libcmocka-dev uthash-dev libcap-ng-dev
python3 python3-pytest python3-pytest-timeout python3-pytest-xdist python3-scapy tshark tcpdump iproute2 iputils-ping iputils-arping ethtool procps
busybox isc-dhcp-client dhcpcd-base systemd isc-dhcp-server kea-dhcp4-server man-db nftables
hostapd wpasupplicant eapoltest freeradius freeradius-utils ppp
charon-systemd strongswan-swanctl strongswan-pki libcharon-extra-plugins libstrongswan-extra-plugins
libstrongswan-standard-plugins libcharon-extauth-plugins dpkg-dev bzip2 $*"

if ! command -v dpkg-query >/dev/null; then
	echo "setup: this is not Debian: install the equivalents of:" "$packages" >&2
	exit 1
fi
missing=
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p')
for p in $packages; do
	echo "$installed" | grep -qx "$p" || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

echo "setup: installing$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { echo "setup: root or sudo is needed to install packages" >&2; exit 1; }
	sudo=sudo
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Servers that packages bring along are for tests only: none of them may start.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod +x $policy
	made=$policy
fi
status=0
$sudo env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -q && apt-get install -qy --no-install-recommends $missing" \
	>"$log" 2>&1 || status=$?
[ -n "$made" ] && $sudo rm -f $made
[ $status = 0 ] || { tail -20 "$log" >&2; echo "setup: apt-get failed" >&2; exit 1; }

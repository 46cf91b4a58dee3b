#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetches the headers of the strongSwan that is installed, from the distribution's own source package, into a directory.
# There is no development package for charon's plugins. Prints the upstream version. Usage: charon_headers.sh DIRECTORY
set -eu
mkdir -p "$1"
directory=$(cd "$1" && pwd)
package=$(dpkg-query -W -f '${Version}' libstrongswan 2>/dev/null) ||
	{ echo "charon_headers: libstrongswan is not installed; run tools/setup.sh" >&2; exit 1; }
version=${package%%-*}
if [ -e "$directory/$version/src/libcharon/daemon.h" ]; then
	echo "$version"
	exit 0
fi
exec 3>&1 1>&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial"
# The machine's own package sources, asked for source packages; apt checks their signatures.
cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed 's/^Types:.*/Types: deb-src/' >"$work/parts/all.sources"
cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -n 's/^deb /deb-src /p' >"$work/parts/all.list"
options="-q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$work/parts -o Dir::State::lists=$work/lists
-o Dir::Cache=$work/cache -o APT::Sandbox::User=root"
mkdir -p "$work/cache/archives/partial"
# shellcheck disable=SC2086 # several options, no spaces inside of one
apt() { apt-get $options "$@"; }
apt update || echo "charon_headers: some package lists could not be fetched"
cd "$work"
# A security update changes patches, not the upstream headers: any package of this upstream version will do.
# shellcheck disable=SC2086
for p in "$package" $(apt-cache $options showsrc strongswan 2>/dev/null | sed -n "s/^Version: \($version-.*\)/\1/p"); do
	apt source --download-only --tar-only "strongswan=$p" && break
done
tar=$(find . -maxdepth 1 -name "strongswan_$version.orig.tar.*" ! -name '*.asc' | head -1)
[ -n "$tar" ] || { echo "charon_headers: no source package of strongSwan $version to be had"; exit 1; }
mkdir tree
tar xf "$tar" -C tree --strip-components=1 --wildcards '*/src/libstrongswan/*.h' '*/src/libcharon/*.h' '*/src/libipsec/*.h'
rm -rf "${directory:?}/$version"
mv tree "$directory/$version"
echo "$version" >&3

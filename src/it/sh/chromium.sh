#!/bin/sh
# chromium.sh FOLDER ARGUMENTS...: runs Chromium with the arguments. Where none is installed, Debian's is unpacked into FOLDER,
# once, with the libraries that it needs: apt-get does not need to be root for that, with lists and cache of its own.
set -eu
folder=$1
shift

for name in "${CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then
    exec "$name" "$@"
  fi
done

root=$folder/root
if [ ! -f "$folder/whole" ]; then
  command -v apt-get >/dev/null || {
    echo "Chromium was not found. Install it and put it on PATH, or name it in the variable CHROMIUM." >&2
    exit 1
  }
  rm -rf "$folder"
  mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$root"
  apt() {
    apt-get -q -y -o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User= "$@"
  }
  apt update
  apt -d --no-install-recommends install chromium fonts-liberation
  for package in "$folder"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
  done
  rm -rf "$folder/cache" "$folder/lists"
  touch "$folder/whole"
fi

libraries=$(find "$root/usr/lib" "$root/lib" -name '*.so*' -exec dirname {} \; 2>/dev/null | sort -u | tr '\n' ':')
mkdir -p "$root/etc/fonts"
cat >"$root/fonts.conf" <<END
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>$root/usr/share/fonts</dir><cachedir>$root/var/cache/fontconfig</cachedir></fontconfig>
END
export LD_LIBRARY_PATH="$libraries" FONTCONFIG_FILE="$root/fonts.conf"
exec "$root/usr/lib/chromium/chromium" "$@"

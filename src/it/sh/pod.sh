#!/bin/sh
# pod.sh ROOT VOLUMES ENTRYPOINT ARGUMENTS...: runs a program as a container of deploy/Dockerfile would: as user 10001, in a file system that may not be
# written to but for /store, /cache and /tmp. ROOT/opt is its /opt; VOLUMES/store, VOLUMES/cache and so on are its volumes; system and Java are this machine's. The
# environment is what the caller gives. It takes root, or unprivileged user namespaces, and util-linux.
set -eu
root=$(realpath "$1")
volumes=$(realpath "$2")
shift 2

if [ "${POD_STAGE:-}" != inside ]; then
  [ "$(id -u)" = 0 ] && unprivileged= || unprivileged=--map-root-user
  # shellcheck disable=SC2086 # none, or one
  POD_STAGE=inside exec unshare --mount $unprivileged -- "$0" "$root" "$volumes" "$@"
fi
unset POD_STAGE

mount --make-rprivate /
pod=$volumes/root
mkdir -p "$pod"
mount -t tmpfs pod "$pod"
for folder in /usr /bin /sbin /lib /lib32 /lib64 /libx32 /etc /root; do
  if [ -L "$folder" ]; then
    cp -P "$folder" "$pod$folder"
  elif [ -d "$folder" ] && [ "$folder" != /root ]; then
    mkdir "$pod$folder"
    mount --rbind "$folder" "$pod$folder"
    mount -o remount,bind,ro "$pod$folder"
  fi
done
java=$(realpath "${JAVA_HOME:-$(dirname "$(dirname "$(realpath "$(command -v java)")")")}")
mkdir "$pod/proc" "$pod/dev" "$pod/opt" "$pod/java"
mount --rbind /proc "$pod/proc"
mount --rbind /dev "$pod/dev"
mount --bind "$root/opt" "$pod/opt"
mount -o remount,bind,ro "$pod/opt"
mount --bind "$java" "$pod/java"
# Java asks the system where the user's home is.
printf 'root:x:0:0::/:/bin/sh\nretune:x:10001:10001::/cache:/bin/sh\n' >"$volumes/passwd"
mount --bind "$volumes/passwd" "$pod/etc/passwd"
for volume in store cache tmp; do
  mkdir -p "$volumes/$volume" "$pod/$volume"
  chown 10001:10001 "$volumes/$volume" 2>/dev/null || true
  mount --bind "$volumes/$volume" "$pod/$volume"
done
mount -o remount,ro "$pod"

user=10001:10001
chown 10001 "$volumes/passwd" 2>/dev/null || user=0:0
exec chroot --userspec="$user" "$pod" \
  /usr/bin/env -C /tmp JAVA_HOME=/java PATH=/java/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"

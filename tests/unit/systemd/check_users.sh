#!/bin/sh
# Makes the user and the folders in an empty tree: check_users.sh FOLDER-WITH-THE-FILES
set -eu
if [ "$(id -u)" -ne 0 ]; then
    echo 'skipped: only root can give folders to other users'
    exit 77
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir "$root/etc"
systemd-sysusers --root="$root" - <"$1/aggmedic.sysusers"
systemd-tmpfiles --create --root="$root" - <"$1/aggmedic.tmpfiles"

user=$(grep '^aggmedic:' "$root/etc/passwd")
uid=$(echo "$user" | cut -d: -f3)
gid=$(echo "$user" | cut -d: -f4)
[ "$uid" -ne 0 ]
[ "$(echo "$user" | cut -d: -f6,7)" = /var/lib/aggmedic:/usr/sbin/nologin ]
[ "$(stat -c '%u %g %a' "$root/etc/aggmedic")" = "0 $gid 750" ]
[ "$(stat -c '%u %g %a' "$root/var/lib/aggmedic")" = "$uid $gid 700" ]

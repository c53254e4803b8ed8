#!/bin/sh
# SPDX-License-Identifier: MIT
# The init of mdguest.py's guest. `make` on the kernel's command line: partitions four empty disks, mirrors the first
# with the second (metadata 1.0) and the third with the fourth (0.90), and fills the EFI system partitions from a fifth
# disk. Otherwise: says from which partition it was started, assembles what there is, says of what it consists, and writes
# a line to each array. Then it switches the machine off. What it says begins with "GUEST ".

say() {
    echo "GUEST $*"
}

fail() {
    say "failed: $*"
    exec poweroff -f
}

# One of them only fits a machine that EFI has started.
load_modules() {
    while read -r module; do
        insmod "$module"
    done < /modules/order
}

# DISK
partition() {
    sgdisk -n 1:2048:+40M -t 1:EF00 -n 2:0:+8M -t 2:FD00 "/dev/$1" || fail "sgdisk $1"
}

# ARRAY METADATA PARTITION PARTITION
create() {
    mdadm --create "/dev/$1" --run --level=1 --raid-devices=2 --metadata="$2" --homehost=any "/dev/$3" "/dev/$4" ||
        fail "mdadm --create $1"
}

# What is copied in the background is awaited, then the superblocks are written.
stop() {
    mdadm --wait "/dev/$1"
    mdadm --stop "/dev/$1" || fail "mdadm --stop $1"
}

# ARRAYS' NUMBER METADATA DISK DISK
make_pair() {
    partition "$3"
    partition "$4"
    create "md${1}1" "$2" "${3}1" "${4}1"
    create "md${1}2" "$2" "${3}2" "${4}2"
    mkfs.vfat -n ESP "/dev/md${1}1" || fail mkfs.vfat
    mke2fs "/dev/md${1}2" || fail mke2fs
    mount -t vfat "/dev/md${1}1" /mnt || fail "mount md${1}1"
    cp -R /source/. /mnt || fail cp
    umount /mnt
    stop "md${1}1"
    stop "md${1}2"
}

make() {
    mount -t vfat -o ro /dev/vde /source || fail "mount source"
    make_pair 1 1.0 vda vdb
    make_pair 9 0.90 vdc vdd
}

# ARRAY FILE-SYSTEM
use() {
    members=$(ls "/sys/block/$1/slaves" | tr '\n' ' ')
    say "array=$1 metadata=$(cat "/sys/block/$1/md/metadata_version") degraded=$(cat "/sys/block/$1/md/degraded")" \
        "members=${members% }"
    mount -t "$2" "/dev/$1" /mnt || fail "mount $1"
    date -u >> /mnt/story.txt
    umount /mnt
    stop "$1"
}

run() {
    # What systemd-boot was started from; four bytes of attributes stand before it.
    mount -t efivarfs none /sys/firmware/efi/efivars &&
        say "esp=$(tail -c +5 /sys/firmware/efi/efivars/LoaderDevicePartUUID-* | tr -d '\000')"
    echo 'DEVICE partitions' > /etc/mdadm.conf
    mdadm --examine --scan >> /etc/mdadm.conf
    mdadm --assemble --scan || fail "mdadm --assemble"
    for array in /sys/block/md*; do
        case ${array##*/} in
            *1) use "${array##*/}" vfat ;;
            *2) use "${array##*/}" ext2 ;;
        esac
    done
}

export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
exec < /dev/console > /dev/console 2>&1
echo  # behind what the firmware has left on the line
load_modules
if grep -qw make /proc/cmdline; then make; else run; fi
say 'done'
exec poweroff -f

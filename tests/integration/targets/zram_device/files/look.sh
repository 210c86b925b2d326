#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything of a host that zram_device may touch, without counters that move by themselves.
awk '{print $1, $2, $3, $5}' /proc/swaps
for device in /sys/block/zram*; do
    test -e "$device" || continue
    echo "$device $(cat "$device/disksize") $(cat "$device/comp_algorithm") limit $(awk '{print $4}' "$device/mm_stat")"
done
grep -c '^zram ' /proc/modules
grep '^/dev/zram' /proc/mounts
cat /sys/block/zram*/backing_dev 2>/dev/null
find /srv -printf '%p %M %u %g\n'
ls -R /var/lib/highwater 2>/dev/null
find /etc/systemd/system -name '*highwater*' -exec md5sum {} +
test -d /etc/systemd/system/swap.target.wants && echo "swap.target has wants"
exit 0

#!/bin/sh
# The host as a swapfile could have changed it: kernel, files, header, fstab, systemd, our record. No word of the module.
tail -n +2 /proc/swaps | awk '$1 != "/dev/zram0" {print "swap", $1, $2, $3, $5}'
for file in /hw /hw/* /hw/.[!.]* '/hw/a b'/*; do
    [ -e "$file" ] || [ -L "$file" ] || continue
    echo "file $file $(stat -c '%F %a %u:%g %s' "$file")"
done
[ -f /hw/swap ] && echo "header $(blkid -p -o value -s TYPE /hw/swap) label=$(blkid -p -o value -s LABEL /hw/swap)"
sed 's/^/fstab /' /etc/fstab
systemctl list-units --all --plain --no-legend --type swap 'hw-*' | awk '{print "unit", $1, $2, $3}'
find /var/lib/highwater/memory/swapfile -printf 'record %f\n' 2>/dev/null | sort
true

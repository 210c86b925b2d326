#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
#
# Turns a freshly bootstrapped Debian tree into a machine of the lab.
#
#   guest.sh early TREE             before the kernel is installed
#   guest.sh late TREE PUBLIC_KEY   when all packages are there
#
# mmdebstrap runs it as a hook, so it is root there even when the lab is not.

set -eu

stage=$1
tree=$2

# write PATH: standard input becomes that file in the tree
write() {
    mkdir -p "$tree$(dirname "$1")"
    cat > "$tree$1"
}

early() {
    # A small initramfs loads faster under software emulation than one with every driver.
    write /etc/initramfs-tools/conf.d/lab <<'END'
MODULES=list
RESUME=none
END
    printf '%s\n' virtio_pci virtio_blk ext4 | write /etc/initramfs-tools/modules
    # Neither translations nor manuals are read here, and the package manager is faster without.
    write /etc/apt/apt.conf.d/80lab <<'END'
Acquire::Languages "none";
Acquire::Retries "3";
APT::Install-Recommends "false";
END
}

common() {
    rm -f "$tree/etc/resolv.conf"
    echo 'nameserver 10.0.2.3' | write /etc/resolv.conf
    echo lab | write /etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 lab\n' | write /etc/hosts
    echo '/dev/vda / ext4 defaults,noatime 0 0' | write /etc/fstab
}

# QEMU's user network is always the same, so no DHCP exchange has to be waited for.
systemd_network() {
    write /etc/systemd/network/10-lab.network <<'END'
[Match]
Name=eth0

[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
IPv6AcceptRA=no
END
    chroot "$tree" systemctl --quiet enable systemd-networkd.service
    chroot "$tree" systemctl --quiet disable systemd-networkd-wait-online.service
}

openrc_network() {
    write /etc/network/interfaces <<'END'
auto lo eth0
iface lo inet loopback
iface eth0 inet static
    address 10.0.2.15/24
    gateway 10.0.2.2
END
}

people() {
    # Debian has a group called operator, but no such user.
    chroot "$tree" useradd --create-home --shell /bin/bash --gid operator operator
    for home in /root /home/operator; do
        printf '%s\n' "$1" | write "$home/.ssh/authorized_keys"
        chmod 700 "$tree$home/.ssh"
        chmod 600 "$tree$home/.ssh/authorized_keys"
    done
    chroot "$tree" chown -R operator:operator /home/operator
    echo 'operator ALL=(ALL:ALL) NOPASSWD: ALL' | write /etc/sudoers.d/operator
    chmod 440 "$tree/etc/sudoers.d/operator"
    write /etc/ssh/sshd_config.d/lab.conf <<'END'
UseDNS no
PasswordAuthentication no
MaxSessions 100
MaxStartups 100
END
}

# Nothing may start by itself in the middle of a test, nor slow a boot down.
systemd_quiet() {
    for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim man-db \
        xfs_scrub_all systemd-tmpfiles-clean; do
        ln -sf /dev/null "$tree/etc/systemd/system/$timer.timer"
    done
    for service in e2scrub_reap serial-getty@ttyS0 getty@tty1 systemd-pcrphase \
        systemd-pcrphase-sysinit modprobe@drm modprobe@efi_pstore modprobe@fuse; do
        ln -sf /dev/null "$tree/etc/systemd/system/$service.service"
    done
    write /etc/systemd/journald.conf.d/lab.conf <<'END'
[Journal]
Storage=volatile
RuntimeMaxUse=16M
ForwardToConsole=no
END
    # Debian stops a user's own service manager ten seconds after the last logout, and starts it at the next login:
    # a second or two of processor time between any two scenarios. Here it stays, and is in the snapshot.
    printf '[Login]\nUserStopDelaySec=infinity\n' | write /etc/systemd/logind.conf.d/lab.conf
    # With an identity already there, systemd does not take the boot for a first one.
    chroot "$tree" systemd-machine-id-setup > /dev/null 2>&1
}

openrc_quiet() {
    sed -i '/getty/d' "$tree/etc/inittab"
    # What services say at boot, as systemd's journal has it.
    echo 'rc_logger="YES"' >> "$tree/etc/rc.conf"
}

case $stage in
    early) early ;;
    late)
        init=systemd
        if test -e "$tree/sbin/openrc-run"; then init=openrc; fi
        common
        people "$3"
        ${init}_network
        ${init}_quiet
        ;;
    *)
        echo "guest.sh: '$stage' is no stage; early and late are" >&2
        exit 2
        ;;
esac

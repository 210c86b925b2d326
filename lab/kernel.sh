#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
#
# Compiles a kernel from the distribution's source, in a tree that has it and a compiler.
#
#   kernel.sh TREE CONFIG       leaves TREE/kernel/vmlinuz and TREE/kernel/release
#
# mmdebstrap runs it as a hook. CONFIG says what is wanted; all that it does not name is off. Symbols that the source
# does not know, or that lack something that they depend on, are an error: a kernel without them would test nothing.

set -eu

tree=$1
mkdir "$tree/kernel"
cp "$2" "$tree/kernel/wanted"

chroot "$tree" /bin/sh -eu <<'END'
cd /kernel
tar --extract --file /usr/src/linux-source-*.tar.xz --strip-components 1 --one-top-level=source
cd source
make --silent KCONFIG_ALLCONFIG=/kernel/wanted allnoconfig
lost=$(grep '^CONFIG_' /kernel/wanted | grep --invert-match --line-regexp --fixed-strings --file .config || true)
if [ -n "$lost" ]; then
    echo "the kernel's source does not take:" $lost >&2
    exit 1
fi
nice make --jobs="$(nproc)" bzImage
cp arch/x86/boot/bzImage /kernel/vmlinuz
make --silent kernelrelease > /kernel/release
rm -r /kernel/source
END

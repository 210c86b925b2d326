# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A folder that is a machine to memory_info: this one, as it would be after playbook site, and with a line in somebody
else's sysctl file that differs from the kernel. That is the most that the module has to look at.
"""

from __future__ import annotations

from pathlib import Path

FILES = {
    "etc/fstab": """\
UUID=9be4e4c5-5a51-4d9f-9f0a-0f6b8f4e6f01 / ext4 errors=remount-ro 0 1
/swapfile none swap sw,pri=10,nofail 0 0
""",
    "etc/os-release": 'ID=debian\nVERSION_ID="13"\n',
    "etc/sysctl.d/90-highwater.conf": "vm.page-cluster = {page-cluster}\nvm.swappiness = {swappiness}\n",
    "etc/sysctl.d/95-somebody.conf": "vm.vfs_cache_pressure = 1{vfs_cache_pressure}\n",
    "etc/udev/rules.d/70-somebody.rules": 'SUBSYSTEM=="net", ACTION=="add", NAME="lan0"\n',
    "usr/lib/systemd/systemd-sysctl": "",
    "usr/lib/sysctl.d/50-default.conf": "kernel.sysrq = 0x01b6\nnet.ipv4.conf.default.rp_filter = 2\n",
    "usr/lib/sysctl.d/50-pid-max.conf": "kernel.pid_max = 4194304\n",
    "usr/lib/tmpfiles.d/static-nodes.conf": "d /run/lock 0755 root root -\n",
    "usr/lib/udev/rules.d/60-block.rules": 'SUBSYSTEM=="block", OPTIONS+="watch"\n',
    "proc/swaps": """\
Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/zram0                              partition\t4194300\t\t0\t\t100
/swapfile                               file\t\t4194300\t\t0\t\t10
""",
    "sys/block/zram0/disksize": "4294967296\n",
    "sys/block/zram0/mm_stat": "4096 76 12288 0 12288 0 0 0 0\n",
    "sys/block/zram0/io_stat": "0 0 0 0\n",
    "sys/block/zram0/comp_algorithm": "lzo lz4 [zstd]\n",
}
SAID = "sysctl_file_differs"  # the finding by which it is told from a machine that differs in nothing
SETTINGS = ("page-cluster", "swappiness", "vfs_cache_pressure")


def lay(root: Path) -> None:
    """Make the folder. What is not written here is what this machine's kernel says."""
    live = {name: Path("/proc/sys/vm", name).read_text().strip() for name in SETTINGS}
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**live) if "{" in text else text)
    (root / "swapfile").touch()
    for top in ("proc", "sys"):
        for path in Path("/", top).iterdir():
            if not path.name.isdigit() and not (root / top / path.name).exists():
                (root / top / path.name).symlink_to(path)

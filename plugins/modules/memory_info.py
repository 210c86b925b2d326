#!/usr/bin/python
# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_info
short_description: The state of a machine's memory, and what is wrong with it
version_added: 0.1.0
description:
  - Tells in one call how a machine's memory is used, where its swap is, how much of free memory is in blocks of use, how
    often programs had to wait for memory, and what of all that calls for action.
  - Costs the host next to nothing. Nothing is changed.
author:
  - highwater.memory authors (@highwater)
extends_documentation_fragment:
  - highwater.memory.attributes
attributes:
  diff_mode:
    support: none
options:
  gather:
    description:
      - What is returned. V(default) is all but V(slab) and V(processes), which cost more and have to be asked for.
    type: list
    elements: str
    choices:
      - default
      - meminfo
      - swaps
      - zram
      - zswap
      - watermarks
      - fragmentation
      - vmstat
      - pressure
      - hugepages
      - slab
      - sockets
      - processes
      - oom
      - findings
    default: [default]
  sample:
    description:
      - For how many seconds the module watches, at most 3600, so that it can say rates. With 0 it looks once.
      - Findings that rest on rates need 5 or more.
      - With more than 10, lines on the terminal tell meanwhile how much of that time is left.
    type: float
    default: 0.0
  trace:
    description:
      - Whether direct reclaim, compaction and allocations that fragment memory are counted by process, for the time of
        O(sample), which has to be given.
      - Uses tracepoints of the kernel in an instance of tracefs of its own, which is taken away again.
    type: bool
    default: false
notes:
  - In a container, most of the numbers are those of the machine whose kernel it is.
  - With O(trace), where the kernel has no tracefs or does not let it be used, the module fails with C(reason) V(tracefs).
seealso:
  - module: highwater.memory.vm_sysctl
  - module: highwater.memory.zram_device
  - module: highwater.memory.swapfile
"""

EXAMPLES = r"""
- name: How is this machine doing
  highwater.memory.memory_info:
    sample: 10
  register: state

- name: Stop before the work begins where something is critical
  ansible.builtin.assert:
    that: state.memory.findings | selectattr('severity', 'eq', 'critical') | length == 0
    fail_msg: "{{ state.memory.findings | map(attribute='finding') | join('; ') }}"

- name: Nothing but free blocks by order, and who holds memory
  highwater.memory.memory_info:
    gather: [fragmentation, processes]

- name: Who has to wait for memory
  highwater.memory.memory_info:
    gather: [vmstat, pressure]
    sample: 30
    trace: true
"""

RETURN = r"""
memory:
  description:
    - One key for each subset that O(gather) asks for, and RV(memory.sample). Amounts are bytes, where nothing else is said.
    - A subset, or a key in one, is null where this kernel has no such thing.
  returned: success
  type: dict
  contains:
    meminfo:
      description: All of C(/proc/meminfo) by the kernel's names. C(HugePages_*) are counts of pages.
      type: dict
      sample: {"MemTotal": 4106395648, "MemFree": 223232000, "MemAvailable": 2917171200, "SwapTotal": 4294963200,
               "SwapFree": 4027576320}
    swaps:
      description: The swap that is on; empty where none is.
      type: list
      elements: dict
      sample:
        - {"path": "/dev/zram0", "type": "partition", "tier": "zram", "size": 2147479552, "used": 267386880,
           "priority": 100, "deleted": false}
        - {"path": "/swapfile", "type": "file", "tier": "disk", "size": 2147479552, "used": 0, "priority": 10,
           "deleted": false}
      contains:
        path:
          description: The device or file.
          type: str
        type:
          description: V(partition) for any device, V(file) for a file.
          type: str
        tier:
          description: V(zram) for compressed memory, V(disk) for everything else.
          type: str
        size:
          description: What it can hold.
          type: int
        used:
          description: What it holds.
          type: int
        priority:
          description: The higher is used first. The kernel counts down from -2 where none was asked for.
          type: int
        deleted:
          description: Whether the file has been removed meanwhile.
          type: bool
    zram:
      description: The compressed devices, used as swap or not; empty where there is none, null without the kernel's zram.
      type: list
      elements: dict
      sample:
        - {"name": "zram0", "device": "/dev/zram0", "size": 2147483648, "algorithm": "zstd", "priority": 100,
           "mem_limit": 0, "stats": {"orig_data_size": 265289728, "compr_data_size": 66322432,
           "mem_used_total": 69206016, "mem_limit": 0, "mem_used_max": 71303168, "same_pages": 1024,
           "pages_compacted": 0, "huge_pages": 12, "huge_pages_since": 40, "failed_reads": 0, "failed_writes": 0,
           "invalid_io": 0, "notify_free": 5120, "bd_count": 0, "bd_reads": 0, "bd_writes": 0, "ratio": 4.0}}
      contains:
        name:
          description: Its name.
          type: str
        device:
          description: Its path.
          type: str
        size:
          description: What it can hold, uncompressed; 0 while it is not set up.
          type: int
        algorithm:
          description: How it compresses.
          type: str
        priority:
          description: Its priority as swap; null where it is not on as swap.
          type: int
        mem_limit:
          description: The memory that it may take; 0 for no limit.
          type: int
        stats:
          description:
            - C(mm_stat), C(io_stat) and, where the kernel can write back, C(bd_stat), by the kernel's names.
            - C(ratio) is how many times smaller the data is compressed; null while there is none.
          type: dict
    zswap:
      description: The compressed cache in front of swap on disk.
      type: dict
      sample: {"enabled": false, "compressor": "lzo", "zpool": "zbud", "max_pool_percent": 20,
               "accept_threshold_percent": 90, "shrinker_enabled": null, "pool": 0, "stored": 0}
      contains:
        enabled:
          description: Whether it takes pages.
          type: bool
        compressor:
          description: How it compresses.
          type: str
        zpool:
          description: How it keeps what it has compressed.
          type: str
        max_pool_percent:
          description: How much of all memory it may take.
          type: int
        accept_threshold_percent:
          description: How full, of that, it may be to take pages again once it was full.
          type: int
        shrinker_enabled:
          description: Whether it writes pages to disk when memory is short.
          type: bool
        pool:
          description: The memory that it takes.
          type: int
        stored:
          description: What it holds, uncompressed.
          type: int
    watermarks:
      description:
        - The zones of memory, by node, with their watermarks. Below C(low) the kernel reclaims in the background, up to
          C(high); below C(min) programs that allocate have to reclaim for themselves.
      type: list
      elements: dict
      sample:
        - {"node": 0, "zone": "Normal", "free": 16351522816, "min": 67108864, "low": 83886080, "high": 100663296,
           "boost": 0, "managed": 22165454848, "present": 22548578304}
      contains:
        node:
          description: The NUMA node.
          type: int
        zone:
          description: The zone's name.
          type: str
        free:
          description: Its free memory.
          type: int
        min:
          description: The lowest watermark, without boost, like the next two.
          type: int
        low:
          description: The watermark at which reclaim in the background begins.
          type: int
        high:
          description: The watermark at which it ends.
          type: int
        boost:
          description: What all three are raised by for the moment, since kinds of pages were mixed.
          type: int
        managed:
          description: The memory that can be allocated from it; what shares are reckoned of.
          type: int
        present:
          description: The memory that it has.
          type: int
    fragmentation:
      description:
        - Free memory of each zone by order. A block of order n is 2^n pages in one piece.
        - Lists begin with order 0.
      type: list
      elements: dict
      sample:
        - {"node": 0, "zone": "Normal", "free_blocks": [6534, 5170, 4223, 2705, 3494, 7661, 3584, 1734, 675, 17, 2021],
           "unusable_index": [0.0, 0.002, 0.005, 0.011, 0.018, 0.036, 0.116, 0.191, 0.264, 0.32, 0.323],
           "fragmentation_index": [-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0]}
      contains:
        node:
          description: The NUMA node.
          type: int
        zone:
          description: The zone's name.
          type: str
        free_blocks:
          description: How many blocks are free.
          type: list
          elements: int
        unusable_index:
          description: The part of free memory, from 0 to 1, that lies in smaller blocks and so cannot serve this order.
          type: list
          elements: float
        fragmentation_index:
          description:
            - Why an allocation of this order would fail, towards 0 for want of memory, towards 1 because of fragmentation.
            - -1 where it would not fail.
          type: list
          elements: float
    vmstat:
      description: Counters of events. Those that count pages or blocks are no bytes.
      type: dict
      sample: {"since_boot": {"allocstall": 1310, "compact_stall": 12, "pswpin": 4711, "pswpout": 80811},
               "per_second": {"allocstall": 0.0, "compact_stall": 0.0, "pswpin": 0.4, "pswpout": 0.0}}
      contains:
        since_boot:
          description:
            - C(allocstall) (over all zones), C(compact_stall), C(compact_fail), C(compact_success),
              C(compact_daemon_wake), C(kswapd_low_wmark_hit_quickly), C(kswapd_high_wmark_hit_quickly), C(pageoutrun),
              C(pgscan_kswapd), C(pgscan_direct), C(pgsteal_kswapd), C(pgsteal_direct), C(pswpin), C(pswpout),
              C(workingset_refault_anon), C(workingset_refault_file), C(pgfault), C(pgmajfault), C(thp_fault_alloc),
              C(thp_fault_fallback), C(zswpin), C(zswpout) and C(oom_kill), as C(/proc/vmstat) has them.
          type: dict
        per_second:
          description: The same by second, during O(sample); null without.
          type: dict
    pressure:
      description:
        - For how long tasks waited for memory, and for disks, by C(/proc/pressure). Null where the kernel does not tell.
      type: dict
      sample: {"memory": {"some": {"avg10": 1.53, "avg60": 0.87, "avg300": 0.22, "total": 4711811, "sample": 2.04},
                          "full": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total": 81133, "sample": 0.0}},
               "io": {"some": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total": 133742, "sample": 0.0},
                      "full": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total": 120000, "sample": 0.0}}}
      contains:
        memory:
          description:
            - In C(some), the time in which at least one task waited, in C(full), that in which nothing else ran, with the
              keys C(avg10), C(avg60) and C(avg300) (percent of the last seconds), C(total) (microseconds since boot) and
              C(sample) (percent during O(sample), else null).
          type: dict
        io:
          description: The same for disks.
          type: dict
    hugepages:
      description: Pages larger than the usual ones.
      type: dict
      sample: {"transparent": {"enabled": "madvise", "defrag": "madvise", "shmem_enabled": "never", "size": 2097152,
                               "anonymous": 1781530624},
               "pools": [{"size": 2097152, "total": 0, "free": 0, "reserved": 0, "surplus": 0, "overcommit": 0}]}
      contains:
        transparent:
          description: How transparent huge pages are set, the size of one, and the anonymous memory in them.
          type: dict
        pools:
          description: By size of a page, the pages that are set aside, those of them that are free or promised, and those
            beyond.
          type: list
          elements: dict
    slab:
      description: The ten largest of the kernel's own caches. Has to be asked for.
      type: list
      elements: dict
      sample:
        - {"name": "ext4_inode_cache", "size": 311427072, "objects": 283201, "object_size": 1096}
      contains:
        name:
          description: The cache.
          type: str
        size:
          description: The memory that it takes.
          type: int
        objects:
          description: The objects in it that are used.
          type: int
        object_size:
          description: The size of one.
          type: int
    sockets:
      description: Memory in the buffers of sockets.
      type: dict
      sample: {"tcp": 323584, "udp": 4096, "fragments": 0, "tcp_mem": {"low": 1179242496, "pressure": 1572323328,
               "high": 2358484992}, "used": 339, "tcp_in_use": 12, "tcp_orphans": 0}
      contains:
        tcp:
          description: In buffers of TCP.
          type: int
        udp:
          description: In buffers of UDP.
          type: int
        fragments:
          description: In packets that are not complete yet.
          type: int
        tcp_mem:
          description: What C(net.ipv4.tcp_mem) allows. Above C(pressure) the kernel makes buffers smaller.
          type: dict
        used:
          description: How many sockets there are.
          type: int
        tcp_in_use:
          description: How many of TCP.
          type: int
        tcp_orphans:
          description: How many of TCP no process holds any more.
          type: int
    processes:
      description: The ten processes with most memory, and those with most swap. Has to be asked for.
      type: dict
      sample: {"by_rss": [{"pid": 811, "command": "postgres", "rss": 536870912, "swap": 0}],
               "by_swap": [{"pid": 702, "command": "java", "rss": 104857600, "swap": 268435456}]}
      contains:
        by_rss:
          description: By memory in RAM, with C(pid), C(command), C(rss) and C(swap).
          type: list
          elements: dict
        by_swap:
          description: By memory in swap, those that have any.
          type: list
          elements: dict
    oom:
      description: What the kernel killed for want of memory, in the whole machine or in a control group.
      type: dict
      sample: {"kills": 2, "sample": 0}
      contains:
        kills:
          description: How many processes since boot.
          type: int
        sample:
          description: How many during O(sample); null without.
          type: int
    findings:
      description: What calls for action, the most severe first; empty where nothing does.
      type: list
      elements: dict
      sample:
        - {"name": "allocation_stalls", "severity": "warning", "subject": "reclaim",
           "finding": "programs had to wait for memory to be reclaimed",
           "evidence": "direct reclaim stalled 1240 allocations in 5 s (248 a second)",
           "advice": "raise vm.watermark_scale_factor, so that reclaim in the background begins earlier",
           "source": "Documentation/admin-guide/sysctl/vm.rst, watermark_scale_factor"}
      contains:
        name:
          description:
            - The rule that speaks, one of V(swap_nearly_full), V(zram_full), V(no_swap), V(disk_swap_first),
              V(zram_full_before_disk), V(swappiness_at_odds), V(oomd_near), V(zswap_and_zram),
              V(zram_compresses_badly), V(zram_refuses_writes), V(zram_too_large), V(allocation_stalls),
              V(kswapd_sleeps_too_early), V(high_orders_used_up), V(huge_pages_used_up), V(node_full),
              V(dirty_pages_high), V(major_faults), V(slab_large), V(socket_buffers_large), V(oom_kills_now),
              V(oom_kills), V(strict_overcommit), V(sysctl_file_differs), V(fstab_swap_off), V(fstab_swap_priority) and
              V(swap_not_at_boot).
          type: str
        severity:
          description: V(critical), V(warning) or V(info).
          type: str
        subject:
          description: What it is about, such as V(swap), V(zram), or a file.
          type: str
        finding:
          description: What is wrong, in plain words.
          type: str
        evidence:
          description: The figures that say so.
          type: str
        advice:
          description: What to do about it.
          type: str
        source:
          description: Where the rule comes from.
          type: str
    sample:
      description: For how many seconds the module watched; null where it looked once.
      type: float
      sample: 5.001
    trace:
      description: With O(trace), what the kernel's tracepoints counted during O(sample).
      type: dict
      sample: {"events": {"direct_reclaim": 1240, "compaction": 3, "fragmenting": 17},
               "processes": [{"pid": 702, "command": "java", "direct_reclaim": 1201, "direct_reclaim_seconds": 0.713,
                              "compaction": 3, "fragmenting": 11}],
               "lost": 0}
      contains:
        events:
          description:
            - How many events of each kind there were. C(direct_reclaim) and C(compaction) count how often one began,
              C(fragmenting) the allocations that took a block of another kind of pages and split a pageblock between kinds.
          type: dict
        processes:
          description:
            - The same by process with all its threads, for the twenty with most events, with C(pid), C(command) and
              C(direct_reclaim_seconds), the time that it spent in direct reclaim, that of its threads added up.
            - Where a thread has ended and the kernel no longer tells whose it was, it stands for itself.
          type: list
          elements: dict
        lost:
          description: How many events the kernel had no room for; the counts are that much too low.
          type: int
reason:
  description:
    - A fixed word for why it failed, such as V(tracefs) (O(trace) cannot be had here), V(memory) (the kernel had none for
      the buffers of O(trace)), V(not_root) or V(stopped) (somebody ended it).
  returned: failure
  type: str
  sample: tracefs
"""

from ansible_collections.highwater.memory.plugins.module_utils.core.runner import answer
from ansible_collections.highwater.memory.plugins.module_utils.memory.answer import memory_info
from ansible_collections.highwater.memory.plugins.module_utils.memory.arguments import MEMORY_INFO_OPTIONS


def main() -> None:
    answer(memory_info, MEMORY_INFO_OPTIONS, alone=False)


if __name__ == "__main__":
    main()

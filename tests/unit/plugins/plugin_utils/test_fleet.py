# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What assess and report make of hosts. It would take a figure of the wrong host or zone, a host that is lost, or
words of a host that get out of their place, for these to fail."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.highwater.memory.plugins.filter.assess_actions import assess_actions
from ansible_collections.highwater.memory.plugins.filter.assess_table import assess_table
from ansible_collections.highwater.memory.plugins.plugin_utils import fleet, page, words
from ansible_collections.highwater.memory.plugins.plugin_utils.grouping import groups

MIB = 2**20
WIDE = 188  # columns, as in a terminal of 200
GONE = {"unreachable": True, "changed": False, "msg": "Task failed: Failed to connect to the host via ssh:\n  no route"}


def finding(severity, name="no_swap", **words):
    told = {"subject": "swap", "finding": "no swap is on", "evidence": "SwapTotal is 0", "advice": "role zram"}
    return dict(told, severity=severity, name=name, source="x", **words)


def look(available=500, findings=(), **memory):
    """A host with 1,000 MiB of RAM, of which so many are available."""
    told = {
        "meminfo": {"MemTotal": 1000 * MIB, "MemAvailable": available * MIB, "Dirty": MIB},
        "swaps": [],
        "zram": None,
        "watermarks": [
            {"node": 0, "zone": "DMA", "free": 9, "min": 1, "low": 2, "high": 3, "boost": 0, "managed": 4 * MIB},
            {"node": 0, "zone": "Normal", "free": 9, "min": 1, "low": 2, "high": 3, "boost": 0, "managed": 900 * MIB},
        ],
        "fragmentation": [
            {"node": 0, "zone": "DMA", "free_blocks": [1] + [0] * 10, "unusable_index": [0.0] + [1.0] * 10},
            {"node": 0, "zone": "Normal", "free_blocks": [2] * 11, "unusable_index": [x / 20 for x in range(11)]},
        ],
        "vmstat": {"since_boot": {"allocstall": 12, "oom_kill": 0}, "per_second": None},
        "pressure": None,
        "findings": list(findings),
    }
    return {"changed": False, "memory": dict(told, **memory)}


def drawn(hosts):
    return page.page(page.data(hosts, "today"), "x.json")


def area(path, size, used, priority):
    tier = "zram" if "zram" in path else "disk"
    return {"path": path, "type": "x", "tier": tier, "size": size * MIB, "used": used * MIB, "priority": priority}


def test_the_hosts_in_trouble_come_first_and_those_not_seen_last():
    seen = fleet.rows(
        {
            "gone": GONE,
            "calm": look(900),
            "low": look(100),
            "warned": look(900, [finding("warning")]),
            "twice": look(900, [finding("info"), finding("critical"), finding("critical", "other")]),
            "once": look(10, [finding("critical")]),
        }
    )
    assert [row.host for row in seen] == ["twice", "once", "warned", "low", "calm", "gone"]
    assert [one["severity"] for one in seen[0].findings] == ["critical", "critical", "info"]
    assert [row.worst for row in seen] == ["critical", "critical", "warning", "", "", fleet.NOT_SEEN]
    assert seen[-1].missing == "unreachable: Failed to connect to the host via ssh: no route"


def test_tiers_ratio_and_the_zone_that_counts():
    row = fleet.row(
        "web1",
        look(
            swaps=[area("/swapfile", 400, 8, 10), area("/dev/zram0", 200, 90, 100), area("/dev/zram1", 100, 60, 99)],
            zram=[{"stats": {"orig_data_size": 90, "compr_data_size": 30}}] * 2
            + [{"stats": {"orig_data_size": 0, "compr_data_size": 0}}],
        ),
    )
    assert row.zram == (300 * MIB, 150 * MIB)
    assert row.disk == (400 * MIB, 8 * MIB)
    assert row.ratio == 3.0
    assert row.zone == "node 0, zone Normal"  # DMA is worse, and next to nothing
    assert row.usable[3] == 0.85


def test_what_a_kernel_does_not_say_is_not_made_up():
    bare = {"meminfo": {"MemTotal": 8, "MemAvailable": 4}, "fragmentation": None, "watermarks": None, "zram": None}
    row = fleet.row("x", {"memory": dict(bare, swaps=[], vmstat=None, pressure=None)})
    assert (row.zram, row.disk, row.ratio, row.stalls, row.stall_rate, row.usable) == (None, None, None, None, None, [])
    assert assess_table({"x": {"memory": bare}}, WIDE)[2].split() == ["x", "8", "B", "4", "B", "50.0", "%"]
    assert assess_table({"x": {"memory": bare}}, 100)[2].split() == ["x", "8", "B", "50", "%"]
    assert "<span" in drawn({"x": {"memory": bare}})


def test_the_table():
    lines = assess_table(
        {
            "web1": look(90, [finding("critical")], swaps=[area("/dev/zram0", 200, 90, 100)]),
            "web2": look(800, vmstat={"since_boot": {"allocstall": 3}, "per_second": {"allocstall": 2.25}}),
            "gone": GONE,
        },
        WIDE,
    )
    assert re.split(" {2,}", lines[2]) == (
        ["web1", "1000 MiB", "90 MiB", "9.0 %", "90 MiB", "200 MiB", "12", "85 %", "55 %", "1 critical"]
    )
    assert re.split(" {2,}", lines[3]) == ["web2", "1000 MiB", "800 MiB", "80.0 %", "3", "2.2", "85 %", "55 %"]
    assert lines[4].split() == ["gone", "not", "seen"]
    told = lines[lines.index("CRITICAL: no swap is on") :]
    assert told[1:3] == ["    web1  swap: SwapTotal is 0", "    → role zram"]
    assert "    gone  unreachable: Failed to connect to the host via ssh: no route" in told
    assert told[-1] == "nothing was found on 1 of 3 hosts"


FLEET = {
    "web1": look(
        90,
        [finding("critical")],
        swaps=[area("/dev/zram0", 200, 90, 100), area("/swapfile", 400, 3, 1)],
        zram=[{"stats": {"orig_data_size": 90, "compr_data_size": 30}}],
    ),
    "database22.example.net": look(
        801, [finding("info"), finding("warning", "other")], vmstat={"since_boot": {"allocstall": 64634074}}
    ),
    "web2": look(800, vmstat={"since_boot": {"allocstall": 3}, "per_second": {"allocstall": 2.25}}),
    "gone": GONE,
}


def test_a_table_for_a_terminal_that_is_not_wide():
    """What there is no room for is told in percent; all that a host says is still in its line."""
    assert assess_table(FLEET, 113)[:6] == [
        "host                        RAM  available  zram  ratio   disk  stalls  order 3  order 9  findings",
        "──────────────────────  ───────  ─────────  ────  ─────  ─────  ──────  ───────  ───────  ─────────────────",
        "web1                    1.0 GiB      9.0 %  45 %    3.0  0.8 %      12     85 %     55 %  1 critical",
        "database22.example.net  1.0 GiB       80 %                         65M     85 %     55 %  1 warning, 1 info",
        "web2                    1.0 GiB       80 %                       2.2/s     85 %     55 %",
        "gone                                                                                      not seen",
    ]


def test_a_table_for_a_terminal_of_80_columns():
    """Fails where the terminal would have to break a line, and where a figure is not below its heading."""
    lines = assess_table(FLEET, 68)
    assert lines[:9] == [
        "      RAM  available  zram  ratio   disk  stalls  order 3  order 9",
        "  ───────  ─────────  ────  ─────  ─────  ──────  ───────  ───────",
        "web1: 1 critical",
        "  1.0 GiB      9.0 %  45 %    3.0  0.8 %      12     85 %     55 %",
        "database22.example.net: 1 warning, 1 info",
        "  1.0 GiB       80 %                         65M     85 %     55 %",
        "web2",
        "  1.0 GiB       80 %                       2.2/s     85 %     55 %",
        "gone: not seen",
    ]
    told = lines[lines.index("WARNING: no swap is on") :]
    assert told[1:4] == ["    database22.example.net", "        swap: SwapTotal is 0", "    → role zram"]
    assert "    gone  unreachable: Failed to connect to the host via ssh: no" in told


@pytest.mark.parametrize("width", [68, 69, 90, 113, 150, 188])
def test_no_line_is_wider_than_the_terminal(width):
    """Fails where a word is lost, too."""
    long = "a sentence of many words that says what is wrong with /a/path-that/is-rather-long-but-whole and why " * 3
    hosts = dict(FLEET, talks=look(findings=[finding("warning", "wordy", evidence=long, advice=long, finding=long)]))
    hosts["fails"] = {"failed": True, "msg": long}
    lines = assess_table(hosts, width) + assess_actions({"a": [{"actions": [long]}], "b": [hosts["fails"]]}, {}, width)
    assert [line for line in lines if len(line) > width] == []
    assert " ".join(" ".join(lines).split()).count(" ".join(long.split())) >= 5


def test_findings_that_differ_in_words_are_told_under_the_name_of_the_rule():
    seen = fleet.rows(
        {
            "a": look(findings=[finding("info", "zram_full", finding="/dev/zram0 is full")]),
            "b": look(findings=[finding("info", "zram_full", finding="/dev/zram7 is full", advice="another")]),
            "c": look(findings=[finding("warning")]),
            "d": look(findings=[finding("info")]),
        }
    )
    warned, full, none = groups(seen)
    assert (warned.severity, warned.title, warned.advice) == ("warning", "no swap is on", "role zram")
    assert (full.severity, full.title, full.advice) == ("info", "zram full", "")
    assert full.found[1] == ("b", "/dev/zram7 is full: SwapTotal is 0 → another")
    assert none.found == [("d", "swap: SwapTotal is 0")]


def test_a_host_that_has_a_finding_twice_is_one_host():
    """Of two zones, say. Fails where the page counts findings and calls them hosts."""
    twice = [finding("warning", subject="node %d" % node) for node in (0, 1)]
    (group,) = groups(fleet.rows({"a": look(findings=twice), "b": look(findings=twice[:1])}))
    assert (group.hosts, len(group.found)) == (2, 3)
    html = drawn({"a": look(findings=twice)})
    assert '<span class="many">1 <small>host</small></span>' in html


def test_the_ratio_of_the_fleet_is_of_all_that_it_keeps():
    """Fails where a host that keeps next to nothing counts as much as one that keeps a lot."""

    def keeping(original, compressed):
        return look(
            swaps=[area("/dev/zram0", 9, 9, 100)],
            zram=[
                {
                    "name": "zram0",
                    "algorithm": "zstd",
                    "stats": {
                        "orig_data_size": original,
                        "compr_data_size": compressed,
                        "mem_used_total": compressed,
                    },
                }
            ],
        )

    html = drawn({"a": keeping(900, 900), "b": keeping(100, 10), "c": look()})
    assert "<span>1.1 to 1</span>" in html


def test_pressure_is_told_some_before_all():
    """As ansible gives it back, sorted by name."""
    share = {"avg10": 1.5, "avg60": 0.5, "avg300": 0.1, "total": 7, "sample": None}
    html = drawn({"a": look(pressure={"memory": {"full": dict(share, avg10=0.5), "some": share}})})
    told = json.loads(html.partition('id="data">')[2].partition("</script>")[0])["hosts"][0]["pressure"]
    assert told == [["some tasks wait", 1.5, 0.5, 0.1], ["all tasks wait", 0.5, 0.5, 0.1]]


def test_what_site_would_do():
    skipped = {"supported": False, "reason": "container", "msg": "this is a container"}
    wanting = {
        "supported": False,
        "reason": "kernel_module_missing",
        "os_id": "ubuntu",
        "kernel": "6.8.0",
        "msg": "none",
    }
    packages = {"ubuntu": "modules-extra-{kernel}"}
    results = {
        "a": {"actions": ["swap on /x (it is off)"], "changed": True},
        "gone": {"skipped": True},
        "b": {"actions": ["swap on /x (it is off)"], "changed": True},
        "calm": {"actions": [], "swapfile": [{"changed": False}]},
        "bad": {"failed": True, "actions": [], "msg": "size: 7 has no unit"},
        "inside": {"actions": [], "vm_sysctl": [skipped]},
        "cloud": {"actions": [], "zram_device": [wanting, wanting]},
        "strict": dict(wanting, failed=True, actions=[]),
    }
    several = {host: [result, {"skipped": True}, {}] for host, result in results.items()}
    several["twice"] = [{"actions": ["one"]}, {"actions": ["two"]}, dict(skipped, actions=[])]
    assert assess_actions(several, packages, 68) == [
        "2 hosts: a, b",
        "  site would",
        "     1. swap on /x (it is off)",
        "",
        "gone",
        "  not known: it could not be looked at",
        "",
        "calm",
        "  site would change nothing: all is as wanted",
        "",
        "bad",
        "  site would stop with: size: 7 has no unit",
        "",
        "inside",
        "  site would",
        "     1. leave out: this is a container",
        "",
        "2 hosts: cloud, strict",
        "  site would",
        "     1. install modules-extra-6.8.0, and go on role by role",
        "",
        "twice",
        "  site would",
        "     1. one",
        "     2. two",
        "     3. leave out: this is a container",
    ]


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u2028\"'"


def test_words_of_a_host_cannot_get_out_of_their_place():
    words = dict.fromkeys(("subject", "finding", "evidence", "advice", "name"), HOSTILE)
    hosts = {HOSTILE: look(findings=[dict(finding("critical"), **words)]), "gone": dict(GONE, msg=HOSTILE)}
    html = drawn(hosts)
    assert html.count("<script") == html.count("</script>") == 2
    assert "<img" not in html
    assert "\u2028" not in html.partition('id="data"')[2].partition("</script>")[0]
    known = json.loads(html.partition('id="data">')[2].partition("</script>")[0])
    assert known["hosts"][0]["name"] == HOSTILE
    assert known["groups"] == [[[0, "%s: %s" % (HOSTILE, HOSTILE)]]]


def test_the_page_needs_nothing_else():
    html = drawn({"web1": look(), "gone": GONE})
    assert re.findall(r"""<(?!a\s)[^>]*\b(?:src|href)\s*=\s*["'](?!data:)[^"']*""", html) == []
    assert re.findall(r"<a\s[^>]*>", html) == ['<a href="x.json">'], "the one that a reader may follow"
    assert not re.search(r"https?://|@import|url\(", html)


def test_the_data_as_json():
    told = json.loads(page.data({"web1": look(), "gone": GONE}, "today"))
    assert told["made"] == "today"
    assert told["hosts"]["web1"]["memory"] == look()["memory"]
    assert told["hosts"]["gone"] == {"missing": "unreachable: Failed to connect to the host via ssh: no route"}


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KiB"),
        (1023 * 1024, "1.0 MiB"),
        (9.9 * MIB, "9.9 MiB"),
        (23.5 * 2**30, "24 GiB"),
    ],
)
def test_sizes_at_a_glance(count, said):
    assert words.size(count) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0"), (999, "999"), (1000, "1k"), (64634074, "65M"), (999_999, "1M"), (8e15, "8000T")]
)
def test_counts_at_a_glance(count, said):
    assert words.short(count) == said


@pytest.mark.parametrize(
    ("part", "said"),
    [(None, words.NONE), (0.0, "0 %"), (0.004, "0.4 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (1.0, "100 %")],
)
def test_percent_at_a_glance(part, said):
    assert words.percent(part) == said


@pytest.mark.parametrize(("part", "level"), [(0, 0), (0.001, 1), (0.25, 1), (0.3, 2), (0.96, 5), (1, 5)])
def test_colours_of_the_heat_map(part, level):
    assert page.level(part) == level


def test_no_hosts_at_all():
    assert "0 hosts" in drawn({})
    assert assess_table({})[-1] == "nothing was found on 0 of 0 hosts"

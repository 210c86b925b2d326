# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where a role does not understand a list that is given as a text, as by -e, as Ansible's own argument spec
understands it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment

ROLES = Path(__file__).resolve().parents[3] / "roles"


def rendered(file, name, **variables):
    environment = NativeEnvironment()
    environment.filters["extract"] = lambda key, container: container[key]  # as Ansible's
    template = yaml.safe_load((ROLES / file).read_text(encoding="utf-8"))[name]
    return list(environment.from_string(template).render(variables))


@pytest.mark.parametrize(
    ("given", "chosen"), [(["server", "zram"], [1, 2]), ("server", [1]), ("server,zram", [1, 2]), ([], [])]
)
def test_which_profiles_are_chosen(given, chosen):
    variables = {"vm_tuning_known_profiles": {"server": 1, "zram": 2}, "vm_tuning_profiles": given}
    assert rendered("vm_tuning/vars/main/main.yml", "vm_tuning__chosen", **variables) == chosen


@pytest.mark.parametrize(
    ("given", "put_away"),
    [(["/swap.img"], ["/swap.img"]), ("/swap.img", ["/swap.img"]), ("/swap.img,/var/swap", ["/swap.img", "/var/swap"])],
)
def test_what_is_put_away(given, put_away):
    assert rendered("swapfile/vars/main.yml", "swapfile__disable", swapfile_disable=given) == put_away

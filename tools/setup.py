# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs what the checkout's own work needs: `setup.py packages` from the distribution, `setup.py tools` into .venv/.

Both do nothing, at once, where all is there.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from paths import ANSIBLE_TEST_HOME, CORES, NEWEST_PYTHON, OLDEST_PYTHON, PYTHONS, ROOT, UV, VENVS

PACKAGES = [
    "debian-archive-keyring",
    "e2fsprogs",
    "git",
    "mmdebstrap",
    "openssh-client",
    "pigz",
    "python3-venv",
    "qemu-system-x86",
    "qemu-utils",
    "shellcheck",
]
if os.geteuid() != 0:
    PACKAGES += ["uidmap"]  # the lab builds its images in a user namespace then

CONTROLLER_PACKAGES = ["git", "openssh-client", "python3-venv"]

OS_RELEASE = Path("/etc/os-release")
if OS_RELEASE.is_file() and re.search(r"^ID=debian$", OS_RELEASE.read_text(), re.MULTILINE):
    PACKAGES += ["chromium-headless-shell"]  # Ubuntu's are snaps: tests/browser/chrome.py says what else will do

# What each virtual environment runs on. 3.12 is the oldest that core 2.21 takes, and molecule/container for 2.18.
INTERPRETERS = {"core-2.18": ">=3.12,<3.14", "core-2.21": ">=3.12", "tools": ">=3.12", "bench": ">=3.12"}


def say(text: str) -> None:
    print(text, flush=True)


def run(argv: list[str], attempts: int = 1) -> None:
    """Runs a command. What goes over the network gets more than one attempt."""
    for attempt in range(1, attempts + 1):
        code = subprocess.run(argv, cwd=ROOT, env=search_path()).returncode
        if code == 0:
            return
        if attempt < attempts:
            say(f"{argv[0]} ended with {code}; again in {5 * attempt} s")
            time.sleep(5 * attempt)
    sys.exit(f"`{' '.join(argv)}` ended with {code}: see above")


def search_path() -> dict[str, str]:
    """The environment for uv: interpreters that pyenv installed are found whether or not they are switched on."""
    pyenv = sorted(glob.glob(str(Path.home() / ".pyenv/versions/*/bin")), reverse=True)
    return {**os.environ, "PATH": os.pathsep.join([*pyenv, *os.get_exec_path()])}


def missing_packages(names: list[str]) -> list[str]:
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]
    answer = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    installed = {name for name, status in map(str.split, answer.splitlines()) if status == "installed"}
    return [name for name in names if name not in installed]


def packages() -> None:
    if not shutil.which("dpkg-query"):
        sys.exit(f"no dpkg-query here, so this is neither Debian nor Ubuntu: install {' '.join(PACKAGES)} by hand")
    install_packages(PACKAGES)


def install_packages(names: list[str]) -> None:
    missing = missing_packages(names)
    if not missing:
        return
    as_root = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            sys.exit(f"{' '.join(missing)} are missing, and there is no sudo: as root, `apt-get install` them")
        say(f"sudo may ask for your password now, to install {' '.join(missing)}; nothing else here uses it")
        as_root = ["sudo"]
    say(f"installing {' '.join(missing)}")
    run([*as_root, "apt-get", "update", "-q"], attempts=4)
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    patient = ["-o", "DPkg::Lock::Timeout=600"]  # a fresh machine may be busy with updates of its own
    run([*as_root, *quiet, "apt-get", "install", "-qy", *patient, "--no-install-recommends", *missing], attempts=3)


def tools() -> None:
    if " " in str(ROOT):
        sys.exit(f"the path {str(ROOT)!r} has a blank in it, which ansible-test cannot take: move the checkout")
    with_stamp("uv", install_uv)
    for name in ("core-2.18", "core-2.21", "tools"):
        with_stamp(name, install_venv)
    for version in (OLDEST_PYTHON, NEWEST_PYTHON):
        link_interpreter(version)
    offer_pip()


def controller() -> None:
    """What applying playbooks from a checkout needs, on any Linux: no lab. Elsewhere than on Debian and Ubuntu, what is
    missing of the distribution's says so itself.
    """
    if shutil.which("dpkg-query"):
        install_packages(CONTROLLER_PACKAGES)
    with_stamp("uv", install_uv)
    with_stamp("core-2.21", install_venv)


def bench() -> None:
    """Apart from the tools: a few hundred MiB of collections that only the benchmark needs."""
    with_stamp("bench", install_venv)


def with_stamp(name: str, install: Callable[[str, str], None]) -> None:
    """Installs a virtual environment unless it is there, made from the same requirements at the same place."""
    requirements = ROOT / "requirements" / f"{name}.txt"
    stamp = VENVS / name / "made-from"
    digest = hashlib.sha256(requirements.read_bytes() + str(VENVS).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    say(f"making .venv/{name} from requirements/{name}.txt")
    install(name, str(requirements))
    stamp.write_text(digest)


def install_uv(name: str, requirements: str) -> None:
    run([sys.executable, "-m", "venv", "--clear", str(VENVS / name)])
    pip = [str(VENVS / name / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--requirement", requirements], attempts=4)


def install_venv(name: str, requirements: str) -> None:
    run([str(UV), "venv", "--quiet", "--clear", "--python", INTERPRETERS[name], str(VENVS / name)], attempts=3)
    pip = [str(UV), "pip", "install", "--quiet", "--python", str(VENVS / name)]
    run([*pip, "--requirement", requirements], attempts=4)


def link_interpreter(version: str) -> None:
    """Puts pythonX.Y where ansible-test finds it, on the machine's own or, where it has none, uv's."""
    link = PYTHONS / f"python{version}"
    if link.exists():
        return
    found = find_interpreter(version)
    if not found:
        say(f"no Python {version} here: uv fetches one")
        run([str(UV), "python", "install", version], attempts=3)
        found = find_interpreter(version)
    PYTHONS.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(Path(found).resolve(strict=True))


def find_interpreter(version: str) -> str:
    argv = [str(UV), "python", "find", "--no-project", "--system", version]
    return subprocess.run(argv, env=search_path(), capture_output=True, text=True).stdout.strip()


def offer_pip() -> None:
    """Gives ansible-test the script it would download to install pip: Python brings a pip of its own."""
    cache = ANSIBLE_TEST_HOME / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for core in CORES:
        package = next((VENVS / f"core-{core}").glob("lib/*/site-packages/ansible_test"))
        versions = re.findall(r"\bpip='([\d.]+)'", (package / "_internal/python_requirements.py").read_text())
        for version in versions:
            script = cache / f"get_pip_{version.replace('.', '_')}.py"
            script.write_text("import ensurepip\nensurepip.bootstrap(upgrade=True)\n")


def lock() -> None:
    """Pins all that requirements/*.in ask for, at the newest versions that there are."""
    for name, python in INTERPRETERS.items():
        version = re.findall(r"[\d.]+", python)[0]
        options = ["--quiet", "--upgrade", "--no-header", "--no-annotate", "--python-version", version]
        files = [f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt"]
        run([str(UV), "pip", "compile", *options, *files], attempts=3)


if __name__ == "__main__":
    {"packages": packages, "tools": tools, "controller": controller, "bench": bench, "lock": lock}[sys.argv[1]]()

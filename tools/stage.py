# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays the collection out below `ansible_collections/highwater/memory`, and prints where.

stage.py tree      a copy of the checkout, for ansible-test (which refuses symbolic links)
stage.py link      a link to the checkout, for mypy and for pytest on a single file
stage.py artefact  what users get: built, then installed, for molecule, the demo and the benchmark
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from paths import ARTEFACT, CACHE, COLLECTION, LINK, NEWEST_CORE, ROOT, TREE, environment

# Programs that never go to users and are no part of a collection: ruff, mypy and their own tests look after them.
NOT_COLLECTION = (".ci", "bench", "demo", "lab", "tools", "tests/lab", "tests/browser", "tests/playbooks")


def checkout_files() -> list[Path]:
    """The files of the checkout, committed or not, but for what git is told to ignore."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    files = (Path(name) for name in names if name)
    left_out = tuple(f"{name}/" for name in NOT_COLLECTION)
    return sorted(file for file in files if not str(file).startswith(left_out) and os.path.lexists(ROOT / file))


def tree() -> Path:
    target = TREE / COLLECTION
    files = checkout_files()
    if not (target / ".git").exists():
        # Without one, ansible-test would ask the checkout's own git, which ignores all below .cache/.
        subprocess.run(["git", "init", "--quiet", str(target)], check=True)
    for file in files:
        copy_if_changed(ROOT / file, target / file)
    remove_others(target, set(files))
    return target


def copy_if_changed(source: Path, target: Path) -> None:
    new = source.lstat()
    if os.path.lexists(target):
        old = target.lstat()
        if (old.st_mtime_ns, old.st_size, old.st_mode) == (new.st_mtime_ns, new.st_size, new.st_mode):
            return
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def remove_others(target: Path, keep: set[Path]) -> None:
    """Removes what the checkout no longer has; ansible-test's own output stays, for it makes the next run fast."""
    for folder, folders, names in os.walk(target, topdown=True):
        here = Path(folder).relative_to(target)
        folders[:] = [name for name in folders if str(here / name) not in (".git", "tests/output")]
        for name in names:
            if here / name not in keep:
                (target / here / name).unlink()
        if not names and not folders and not os.listdir(folder):
            os.rmdir(folder)


def link() -> Path:
    target = LINK / COLLECTION
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink():
        target.symlink_to(ROOT)
    return target


def artefact() -> Path:
    """Builds and installs the collection, unless the one that is installed was built from the same files."""
    source = tree()
    digest = hashlib.sha256()
    for file in checkout_files():
        digest.update(f"{file}\0{(source / file).stat().st_mode}\0".encode() + (source / file).read_bytes())
    stamp = CACHE / "collections-made-from"
    if not (stamp.is_file() and stamp.read_text() == digest.hexdigest() and (ARTEFACT / COLLECTION).is_dir()):
        install(source)
        stamp.write_text(digest.hexdigest())
    return ARTEFACT


def install(source: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        galaxy("build", str(source), "--output-path", folder)
        built = next(Path(folder).glob("*.tar.gz"))
        galaxy("install", str(built), "--collections-path", f"{folder}/new", "--offline", "--no-deps")
        # Swapped as a whole, so that whoever reads the old one sees no half of the new one.
        if ARTEFACT.exists():
            ARTEFACT.rename(f"{folder}/old")
        Path(f"{folder}/new").rename(ARTEFACT)


def galaxy(*arguments: str) -> None:
    env = {**environment(f"core-{NEWEST_CORE}"), "ANSIBLE_COLLECTIONS_PATH": str(CACHE / "none")}
    argv = ["ansible-galaxy", "collection", *arguments]
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(argv)}` ended with {done.returncode}:\n{done.stdout}")


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print({"tree": tree, "link": link, "artefact": artefact}[wanted]())

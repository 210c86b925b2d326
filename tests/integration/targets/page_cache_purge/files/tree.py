# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree with all that a purge may meet, and a look at what is cached of it, without any code of the collection.

tree.py make FOLDER    the tree; outside of it FOLDER.outside, which links in it lead to
tree.py hold FOLDER    maps and locks two files, and until it is ended appends to a log, makes and removes files
tree.py look FOLDER    JSON: cached bytes by name (those of the churn left out), and "outside"
tree.py cached FILE    how much of it is cached, in bytes
tree.py sums FOLDER    what is in the files that nobody changes
"""

import ctypes
import hashlib
import json
import mmap
import os
import socket
import sys
import time

SIZE = 1 << 20
CLEAN = (b"clean", b"deep/er/clean", b"mapped", b"locked", b"caf\xe9\xff", b"new\nline")
DIRTY = (b"dirty", b"deep/dirty")


def make(folder):
    os.makedirs(folder + b"/deep/er")
    for name in CLEAN + DIRTY:
        write(folder + b"/" + name, SIZE)
    write(folder + b".outside", SIZE)
    os.sync()
    for name in DIRTY:
        write(folder + b"/" + name, SIZE)
    with open(folder + b"/sparse", "wb") as file:
        file.truncate(1 << 28)
        file.seek(1 << 27)
        file.write(os.urandom(4096))
    os.symlink(folder + b".outside", folder + b"/link")
    os.symlink(b"/", folder + b"/deep/root")
    os.mkfifo(folder + b"/fifo")
    os.mknod(folder + b"/device", 0o600 | 0o060000, os.makedev(7, 250))
    listener = socket.socket(socket.AF_UNIX)
    os.chdir(folder)
    listener.bind("socket")


def write(path, size):
    with open(path, "wb") as file:
        file.write(os.urandom(size))


def hold(folder):
    mapped = mapping(folder + b"/mapped")
    assert mapped[0] is not None
    locked = mapping(folder + b"/locked")
    start = ctypes.c_char.from_buffer(locked)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mlock(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(SIZE)) == 0
    with open(folder + b"/growing", "ab") as log:
        for number in range(10**9):
            name = folder + b"/deep/churn%d" % (number % 50)
            if os.path.exists(name):
                os.unlink(name)
            else:
                write(name, 8192)
            log.write(b"line\n" * 100)
            log.flush()
            time.sleep(0.002)


def mapping(path):
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED)


def look(folder):
    found = {"outside": cached(folder + b".outside")}
    for name in CLEAN + DIRTY + (b"sparse",):
        found[name.decode("latin-1")] = cached(folder + b"/" + name)
    return found


def cached(path):
    """Bytes, by mincore(2)."""
    size = os.stat(path).st_size
    with open(path, "rb") as file:
        held = mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    vector = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
    start = ctypes.c_char.from_buffer(held)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), vector) == 0
    return bytes(vector).count(1) * mmap.PAGESIZE


def sums(folder):
    found = {}
    for name in CLEAN + DIRTY:
        with open(folder + b"/" + name, "rb") as file:
            found[name.decode("latin-1")] = hashlib.sha256(file.read()).hexdigest()
    return found


if __name__ == "__main__":
    done = {"make": make, "hold": hold, "look": look, "cached": cached, "sums": sums}[sys.argv[1]](
        os.fsencode(sys.argv[2])
    )
    print(json.dumps(done))

"""Become the program that a record describes: `python -I -S launch.py RECORD.json`, run by supervisord.

So supervisord's INI never holds a user's words: it expands `%`, cuts at ` ;` and takes a newline for a new option.
Standard library only, and as little of it as can be: this is the start-up time of every instance.
"""

import json
import os
import signal
import sys
import time


def end_leftovers(folder: str) -> None:
    """Ask nginx workers whose master was killed to finish: they hold the port that the new master wants."""
    if not os.path.isdir("/proc/self"):
        return
    found = False
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(name) != os.getpid() and os.readlink(f"/proc/{name}/cwd") == folder:
                os.kill(int(name), signal.SIGQUIT)
                found = True
        except OSError:
            continue
    if found:
        time.sleep(0.05)  # they close their listening sockets at once, and go on with what is in flight


def renew(folder: str) -> None:
    """An empty folder, whatever an earlier life of the instance left in it."""
    import shutil  # 5 ms, for those who ask for a folder

    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700, exist_ok=True)


def main(path: str) -> None:
    """Never returns: the record's `file` runs in its folder with its argv and exactly its environment."""
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    if record["sweep"]:
        end_leftovers(record["cwd"])
    for stale in record["unlink"]:
        if os.path.lexists(stale):
            os.unlink(stale)
    if record.get("state"):
        renew(record["state"])
    os.chdir(record["cwd"])
    os.execve(record["file"], record["argv"], record["env"])


if __name__ == "__main__":
    main(sys.argv[1])

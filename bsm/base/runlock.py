"""One run of the graph per directory at a time, also after a run was killed.

Snakemake marks a directory as locked by files, which a killed run leaves behind: the next one stops and asks for
``--unlock``. A lock held by the operating system dies with its process, so it tells a live run from a dead one.
"""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path
from typing import IO


def hold_directory(state: Path) -> IO[str] | None:
    """Hold ``state`` (the folder ``.snakemake``) for the life of the process; keep what is returned.

    Lock files of a run that is gone are removed, with a line on standard error. None, and nothing is removed, where
    another process holds the folder or the file system knows no locks: Snakemake's own lock then decides.
    """
    state.mkdir(parents=True, exist_ok=True)
    handle = open(state / "run.lock", "w")  # noqa: SIM115 - held beyond this function
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    stale = sorted(state.glob("locks/*.lock"))
    for path in stale:
        path.unlink(missing_ok=True)
    if stale:
        print("The last run in this directory was killed; it is taken up where it stopped.", file=sys.stderr)
    return handle

"""Politeness towards publishers: requests a second and transfers at once, held across the processes of one machine.

Snakemake starts one process per part, so a limit inside a process would be no limit. Both limits are advisory file
locks below the temporary directory; the kernel drops them when a process dies. A cluster of machines needs a
Snakemake resource besides.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bsm.base.config.sources import Server

_POLL_SECONDS = 0.2


class ServerLimits:
    """Limits of one server; ``file:`` addresses have none."""

    def __init__(
        self, server: Server, sleep: Callable[[float], object] = time.sleep, folder: Path | None = None
    ) -> None:
        self._server, self._sleep = server, sleep
        self._is_remote = not server.address.startswith("file:")
        base = folder or Path(tempfile.gettempdir()) / f"bsm-limits-{os.getuid()}"
        self._folder = base / urlsplit(server.address).netloc.replace(":", "_")

    @contextlib.contextmanager
    def transfer(self) -> Iterator[None]:
        """Hold one of the server's ``max_parallel`` slots, and wait for the next permitted request time."""
        if not self._is_remote:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        handle = self._slot()
        try:
            self._wait_for_turn()
            yield
        finally:
            os.close(handle)

    def _slot(self) -> int:
        while True:
            for index in range(self._server.max_parallel):
                handle = os.open(self._folder / f"slot{index}", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return handle
                except BlockingIOError:
                    os.close(handle)
            time.sleep(_POLL_SECONDS)

    def _wait_for_turn(self) -> None:
        handle = os.open(self._folder / "next_request", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            text = os.pread(handle, 64, 0).decode()
            now = time.time()
            gap = 1.0 / self._server.max_per_second
            turn = max(now, min(float(text or 0), now + 60.0))  # a clock that was set back must not stop us for long
            os.pwrite(handle, f"{turn + gap:<32.6f}".encode(), 0)
        finally:
            os.close(handle)
        if turn > now:
            self._sleep(turn - now)

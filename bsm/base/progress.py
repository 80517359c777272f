"""One progress line with rate and time left: updated in place on a terminal, sparse lines in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

_TERMINAL_SECONDS = 0.2
_LOG_SECONDS = 30.0


class Progress:
    """Counts work done; use as a context and call ``advance``."""

    def __init__(
        self, label: str, total: int | None = None, unit: str = "records", stream: TextIO | None = None
    ) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._started = self._shown = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show("stopped" if kind else "done")
        if self._terminal:
            self._stream.write("\n")
        self._stream.flush()

    def advance(self, n: int = 1) -> None:
        self.done += n
        now = time.monotonic()
        if now - self._shown >= (_TERMINAL_SECONDS if self._terminal else _LOG_SECONDS):
            self._shown = now
            self._show("")

    def _show(self, state: str) -> None:
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = self.done / seconds
        text = f"{self.label}: {self.done:,}"
        if self.total:
            text += f" of {self.total:,}"
        text += f" {self.unit}, {rate:,.0f}/s"
        if not state and self.total and rate > 0:
            text += f", {_duration((self.total - self.done) / rate)} left"
        text += f", {state} in {_duration(seconds)}" if state else ""
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{seconds:.1f} s"

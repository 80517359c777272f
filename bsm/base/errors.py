"""Errors a person reads: what, where, the value found, and the way out."""

from __future__ import annotations


class BsmError(Exception):
    """An error caused by input, config or environment; printed without a traceback, exit code 1.

    Every message names what is wrong, where, the offending value, and what to do about it.
    """

    def __init__(self, what: str, *, where: str = "", value: object = None, way_out: str = "") -> None:
        self.what, self.where, self.value, self.way_out = what, where, value, way_out
        super().__init__(self._message())

    def _message(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.value is not None:
            text += f" (found {_short(self.value)})"
        return f"{text}. {self.way_out}" if self.way_out else text


class InputError(BsmError):
    """A file or record cannot be used as given."""


class ConfigError(BsmError):
    """One or more config values are wrong; the message lists all of them."""


class DownloadError(BsmError):
    """A remote file could not be fetched or does not match what its publisher states."""


def _short(value: object, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"

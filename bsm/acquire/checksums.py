"""The publishers' lists of checksums."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

from bsm.base.errors import InputError

_MD5 = re.compile(r"^[0-9a-f]{32}$")


def parse_md5_list(text: str, where: str) -> dict[str, str]:
    """``<md5>  ./<name>`` lines (md5checksums.txt) -> name to md5; files in sub-folders keep their path."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        checksum, _, name = line.strip().partition(" ")
        if not _MD5.match(checksum.lower()) or not name.strip():
            raise InputError("not a line of '<md5>  <name>'", where=f"{where}:{number}", value=line,
                             way_out="The list is damaged; fetch it again")  # fmt: skip
        found[name.strip().removeprefix("*").removeprefix("./")] = checksum.lower()
    return found


def parse_installed(text: str, where: str) -> dict[str, str]:
    """``<checksum>\\t<name>`` lines (release<N>.files.installed) -> name to md5, empty for the CRC of old releases."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split()
        if len(fields) != 2:
            raise InputError("not a line of '<checksum> <name>'", where=f"{where}:{number}", value=line,
                             way_out="The catalogue is damaged; fetch it again")  # fmt: skip
        found[fields[1]] = fields[0].lower() if _MD5.match(fields[0].lower()) else ""
    return found


class MetalinkFile(NamedTuple):
    """One file of a metalink: size in bytes and md5."""

    n_bytes: int | None
    md5: str


def parse_metalink(text: str, where: str) -> tuple[str, dict[str, MetalinkFile]]:
    """A RELEASE.metalink (Metalink 3 XML, any namespace) -> (version, file name to size and md5)."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise InputError(f"not a metalink: {error}", where=where, way_out="Fetch it again") from error
    version = next((e.text or "" for e in root if _local(e) == "version"), "").strip()
    files = {}
    for element in root.iter():
        if _local(element) == "file" and element.get("name"):
            size = next((e.text for e in element.iter() if _local(e) == "size"), None)
            md5 = next((e.text or "" for e in element.iter() if _local(e) == "hash" and e.get("type") == "md5"), "")
            files[str(element.get("name"))] = MetalinkFile(int(size) if size else None, md5.strip().lower())
    return version, files


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]

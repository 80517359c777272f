"""RefSeq release: the current number, the catalogue of its files and their md5 (NCBI release notes)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bsm.acquire.checksums import parse_installed
from bsm.acquire.fetch import Fetcher
from bsm.acquire.part import Part, Wanted
from bsm.acquire.registry import path_of
from bsm.base.config.sources import RefseqRelease
from bsm.base.errors import DownloadError
from bsm.base.randomness import unit_interval

_FILE_NAME = re.compile(r"^(?P<division>[a-z_]+)\.(?P<numbers>\d+(?:\.\d+)*)\.(?P<type>\w+)\.(?P<format>fna|faa)\.gz$")


@dataclass(frozen=True)
class ReleaseFile:
    """One FASTA file of a release; ``type`` is genomic, rna or protein."""

    name: str
    type: str
    md5: str
    path: str

    def wanted(self, role: str) -> Wanted:
        return Wanted(self.path, self.name, role, md5=self.md5)


def release_number(fetcher: Fetcher, asked: int | None, pinned: int | None) -> int:
    """The release to read. NCBI keeps only the current one, so any other that is asked for or locked is an error."""
    path = path_of("release_number")
    text = fetcher.read_text("ncbi", path).strip()
    if not text.isdigit():
        raise DownloadError("not a release number", where=fetcher.url("ncbi", path), value=text[:40],
                            way_out="Try again later")  # fmt: skip
    wanted = asked or pinned
    if wanted is not None and wanted != int(text):
        raise DownloadError(
            f"RefSeq release {wanted} is gone; the server now has release {text}", where=fetcher.url("ncbi", path),
            way_out="Take the current one (release: null, --update-lock), or use a mirror that kept it",
        )  # fmt: skip
    return int(text)


def release_files(fetcher: Fetcher, release: int, divisions: Iterable[str], types: Iterable[str]) -> list[ReleaseFile]:
    """FASTA files of these divisions and types, in natural order of their numbers."""
    wanted_divisions, wanted_types = list(divisions), set(types)
    path = path_of("release_catalogue", release=release)
    catalogue = parse_installed(fetcher.read_text("ncbi", path), fetcher.url("ncbi", path))
    found: list[tuple[tuple[int, str, list[int]], ReleaseFile]] = []
    for name, md5 in catalogue.items():
        match = _FILE_NAME.match(name)
        if match and match["division"] in wanted_divisions and match["type"] in wanted_types:
            order = (wanted_divisions.index(match["division"]), match["type"], [*map(int, match["numbers"].split("."))])
            where = path_of("release_file", division=match["division"], name=name)
            found.append((order, ReleaseFile(name, match["type"], md5, where)))
    seen = {file.name.split(".")[0] for _, file in found}
    if missing := [division for division in wanted_divisions if division not in seen]:
        raise DownloadError(f"no FASTA files of division(s) {', '.join(missing)}", where=fetcher.url("ncbi", path),
                            way_out="Check the names of the folders below refseq/release/")  # fmt: skip
    return [file for _, file in sorted(found, key=lambda entry: entry[0])]


def acquire_refseq_release(part: Part, source: RefseqRelease) -> None:
    """The genomic and rna FASTA files of the configured divisions.

    With ``max_tokens`` only as many files are fetched, in seeded order of their names, as have that many compressed
    bytes together: about 3.5 letters each, so the sample stage still has a choice.
    """
    release = release_number(part.fetcher, source.release, part.lock.resolved.get("release"))
    files = release_files(part.fetcher, release, source.divisions, source.types)
    if source.max_tokens is not None:
        files = _enough(part.fetcher, source, files)
    part.fetch("ncbi", [file.wanted("nucleotide_fasta") for file in files], f"release {release}")
    part.finish({"release": release, "n_files": len(files)})


def _enough(fetcher: Fetcher, source: RefseqRelease, files: list[ReleaseFile]) -> list[ReleaseFile]:
    chosen: set[str] = set()
    n_bytes = 0
    for file in sorted(files, key=lambda f: unit_interval("release_file", source.name, f.name)):
        if n_bytes >= (source.max_tokens or 0):
            break
        n_bytes += fetcher.size("ncbi", file.path) or 0
        chosen.add(file.name)
    return [file for file in files if file.name in chosen]

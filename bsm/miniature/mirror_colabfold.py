"""Mirror of the ColabFold environmental database: an MMseqs2 database in a tar archive (SOURCES 4).

An MMseqs2 database is a data file of entries that each end in a zero byte, an index (key, offset, length
with the zero byte) and a four-byte type; headers are a second database with the same keys (MMseqs2 user guide).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bsm.base.files import write_gzip
from bsm.base.randomness import generator
from bsm.miniature.families import draw_protein
from bsm.miniature.model import PlantedRecord, World

DATABASE = "colabfold_envdb_202108"
_AMINO_ACIDS, _GENERIC = 0, 12
"""MMseqs2 database types."""


def write_colabfold(world: World, planted: Sequence[PlantedRecord], out: Path) -> None:
    """Write the archive below ``out``; its members have no time and no owner."""
    entries = [*environmental_proteins(world)]
    entries += [(record.name, record.letters) for record in planted if record.corpus == "colabfold"]
    name = f"{DATABASE}_db"
    members = {
        **_database(f"{name}_seq", [letters for _, letters in entries], _AMINO_ACIDS),
        **_database(f"{name}_h", [header for header, _ in entries], _GENERIC),
    }
    write_gzip(out / "colabfold" / f"{DATABASE}.db.tar.gz", _tar(members))


def environmental_proteins(world: World) -> Iterator[tuple[str, str]]:
    """(name, letters): members of the families, each with equal chance."""
    rng = generator(world.settings.seed, "colabfold")
    for i in range(world.settings.world.n_colabfold):
        family = world.families[int(rng.integers(len(world.families)))]
        yield f"envdb{i:07d}", draw_protein(family, rng)


def _database(name: str, texts: Sequence[str], kind: int) -> dict[str, bytes]:
    """Files of one MMseqs2 database; keys count from 0."""
    data, index = bytearray(), []
    for key, text in enumerate(texts):
        entry = f"{text}\n\0".encode()
        index.append(f"{key}\t{len(data)}\t{len(entry)}\n")
        data += entry
    return {name: bytes(data), f"{name}.index": "".join(index).encode(), f"{name}.dbtype": kind.to_bytes(4, "little")}


def _tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(members.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()

"""Mirror of ftp.uniprot.org: Swiss-Prot FASTA with RELEASE.metalink and reldate.txt (SOURCES 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bsm.base.files import file_hash, write_text
from bsm.base.randomness import generator
from bsm.miniature.families import draw_protein
from bsm.miniature.mirror_gene import refseq_species
from bsm.miniature.mirror_genomes import Record, write_fasta
from bsm.miniature.model import PlantedRecord, World

RELEASE = "2024_04"
_FOLDER = "pub/databases/uniprot/current_release/knowledgebase/complete"
_FASTA = "uniprot_sprot.fasta.gz"
_WIDTH = 60
IDENTICAL_SHARE = 0.15
"""Share of entries that are proteins of the annotated genomes."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def write_uniprot(world: World, planted: Sequence[PlantedRecord], out: Path) -> None:
    """Write the Swiss-Prot mirror below ``out``."""
    folder = out / "uniprot" / _FOLDER
    records = [*entries(world), *_planted(planted)]
    write_fasta(folder / _FASTA, records, _WIDTH)
    date = "24-Jul-2024"
    write_text(
        folder / "reldate.txt",
        f"UniProt Knowledgebase Release {RELEASE} consists of:\nUniProtKB/Swiss-Prot Release {RELEASE} of {date}\n",
    )
    write_text(folder / "RELEASE.metalink", _metalink(folder / _FASTA))


def accession(index: int) -> str:
    """The ``index``-th accession of the form Q9XXX0 ([OPQ][0-9][A-Z0-9]{3}[0-9], UniProt manual)."""
    block, last = divmod(index, 10)
    return f"Q9{_base36(block, 3)}{last}"


def _base36(number: int, width: int) -> str:
    """``number`` in capital letters and digits, with leading zeros."""
    text = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text


def entries(world: World) -> Iterator[Record]:
    """Members of the families, each with equal chance, and proteins of the annotated genomes."""
    rng = generator(world.settings.seed, "uniprot")
    genomic = [
        (species, gene)
        for species in refseq_species(world)
        for gene in species.genes
        if gene.transcripts[0].protein and not gene.special
    ]
    for i in range(world.settings.world.n_uniprot):
        if genomic and rng.random() < IDENTICAL_SHARE:
            species, gene = genomic[int(rng.integers(len(genomic)))]
            letters, symbol, product = gene.transcripts[0].protein, gene.symbol, gene.product
            name, taxid = species.settings.name, species.settings.taxid
        else:
            family = world.families[int(rng.integers(len(world.families)))]
            letters, symbol, product = draw_protein(family, rng), family.name[:4].upper(), f"{family.name} homolog"
            name, taxid = "Miniatura sp.", world.species[0].settings.taxid + 5000
        yield _header(i, symbol, name, taxid, product, letters)


def _header(index: int, symbol: str, name: str, taxid: int, product: str, letters: str) -> Record:
    genus, epithet = name.upper().split()[:2]
    identifier, mnemonic = accession(index), symbol[0] + _base36(index, 4)
    title = f"{product} OS={name} OX={taxid} GN={symbol} PE={1 + index % 4} SV=1"
    return f"sp|{identifier}|{mnemonic}_{genus[:3]}{epithet[:2]}", title, letters


def _planted(planted: Sequence[PlantedRecord]) -> Iterator[Record]:
    for record in planted:
        if record.corpus == "uniprot":
            name = record.name if "|" in record.name else f"sp|{record.name}|{record.name}_MINSP"
            yield name, "Uncharacterized protein OS=Miniatura sp. OX=9005001 PE=4 SV=1", record.letters


def _metalink(path: Path) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic">\n'
        f"  <version>{RELEASE}</version>\n"
        "  <files>\n"
        f'    <file name="{path.name}">\n'
        f"      <size>{path.stat().st_size}</size>\n"
        f'      <verification>\n        <hash type="md5">{file_hash(path, "md5")}</hash>\n      </verification>\n'
        "      <resources>\n"
        f'        <url location="us" preference="100">https://ftp.uniprot.org/{_FOLDER}/{path.name}</url>\n'
        "      </resources>\n"
        "    </file>\n"
        "  </files>\n"
        "</metalink>\n"
    )

"""Helpers of the pair tests: files -> rows of GENES and the report."""

from __future__ import annotations

from pathlib import Path

from bsm.base.config.data import PairSettings
from bsm.base.tables import GENES, read_table
from bsm.pair.genome import GenomeFiles, write_genes
from bsm.pair.report import PairsReport


def genes_of(out: Path, *, settings: PairSettings | None = None, **files: Path) -> tuple[list[dict], PairsReport]:
    """Run the stage on files given by role; its rows and report."""
    report = PairsReport("test", "all", "test")
    given = GenomeFiles(**{role: path if role == "assembly_report" else (path,) for role, path in files.items()})
    write_genes(given, out / "genes.parquet", settings or PairSettings(), report)
    return read_table(out / "genes.parquet", GENES).to_pylist(), report


def cut(dna: str, blocks: list[int]) -> str:
    """Letters of flattened blocks."""
    return "".join(dna[a:b] for a, b in zip(blocks[::2], blocks[1::2], strict=True))


def assert_blocks_fit(row: dict) -> None:
    """exons spell the RNA, coding spells the codons of the protein."""
    if row["exons"] is not None:
        assert cut(row["dna"], row["exons"]) == row["rna"], row["gene_id"]
    if row["coding"] is not None:
        coding = cut(row["dna"], row["coding"])
        assert -(-len(coding) // 3) == len(row["protein"]), row["gene_id"]
        assert row["cds"].startswith(coding), row["gene_id"]

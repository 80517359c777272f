"""Published proteins and transcripts of real NCBI records against what `bsm pair` reads from the annotation.

    python benchmarks/pair_correctness.py FOLDER

FOLDER holds the real records (its README names them): flat files with /translation, assemblies with protein.faa, single
records, GenHub's extractions. Prints one line per set, and every CDS that is not letter by letter the published one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bsm.base.config.data import PairSettings
from bsm.base.fasta import read_fasta
from bsm.base.tables import GENES, read_table
from bsm.pair.genome import GenomeFiles, write_genes
from bsm.pair.report import PairsReport

NOT_COMPARED = ("no_published", "no_published_internal_stop")
_ASSEMBLIES = {
    "hiv1_GCF_000864765.1": ("GCF_000864765.1_ViralProj15476_genomic.fna", "genomic.gff", "protein.faa"),
    "monkeypox_GCF_014621545.1": ("GCF_014621545.1_ASM1462154v1_genomic.fna", "genomic.gff", "protein.faa"),
    "saureus_GCF_000013425.1": (
        "GCF_000013425.1_ASM1342v1_genomic.fna.gz", "genomic.gff.gz", "protein.faa.gz",
    ),
}  # fmt: skip


def sets_of(folder: Path, scratch: Path) -> list[tuple[str, GenomeFiles]]:
    """Every set with a published protein, by name."""
    found = []
    for name, files in _ASSEMBLIES.items():
        fasta, gff, protein = (folder / name / file for file in files)
        found.append((name, GenomeFiles(fasta=(fasta,), gff=(gff,), protein=(protein,))))
    flat = [folder / "hiv1_GCF_000864765.1/genomic.gbff", folder / "monkeypox_GCF_014621545.1/genomic.gbff.gz"]
    flat += sorted(path for path in (folder / "flatfiles").iterdir() if ".gb" in path.name)
    found += [(str(path.relative_to(folder)), GenomeFiles(genbank=(path,))) for path in flat]
    records = folder / "refseq_gff3_fasta_pairs"
    proteins = scratch / "NP.faa"
    proteins.write_text("".join(path.read_text().rstrip() + "\n" for path in sorted(records.glob("NP_*.fasta"))))
    for gff in sorted(records.glob("N[CGM]_*.gff3")):
        files = GenomeFiles(fasta=(gff.with_suffix(".fasta"),), gff=(gff,), protein=(proteins,))
        found.append((f"{gff.stem} (GFF3)", files))
    return found


def compare(name: str, files: GenomeFiles, scratch: Path) -> tuple[int, int]:
    """Print one set's line; (CDS with a published protein, equal ones)."""
    report = PairsReport("", "", "")
    write_genes(files, scratch / "genes.parquet", PairSettings(on_damaged="skip"), report)
    rows = read_table(scratch / "genes.parquet", GENES).to_pylist()
    kinds = {kind: n for kind, n in report.of("cds").items() if kind not in NOT_COMPARED}
    unreadable = [row for row in rows if row["protein_id"] and row["reason"] in UNREADABLE]
    n_equal = kinds.get("equal", 0)
    n_published = sum(kinds.values()) + len(unreadable)
    if n_published:
        print(f"{name:42} {n_published:6,} {n_equal:6,} {n_equal / n_published:8.2%}")
    names = {kind: examples.split() for _, _, _, what, kind, _, examples in report.rows() if what == "cds"}
    for kind in kinds:
        for protein in names[kind] if kind != "equal" else ():
            row = next((r for r in rows if r["protein_id"] == protein), None)
            print(f"    {protein}: {kind}; {row['status'] if row else ''}, {row['reason'] if row else ''}")
    for row in unreadable:
        print(f"    {row['protein_id']}: {row['reason']}; rejected")
    return n_published, n_equal


UNREADABLE = ("other_accession", "alternatives", "beyond_sequence")
"""CDS whose letters do not stand in the record: they cannot be read from it alone."""


def compare_genhub(folder: Path, scratch: Path) -> None:
    """Spliced transcripts and CDS of Arabidopsis against GenHub's extraction."""
    root = folder / "arabidopsis_chr1_338kb"
    files = GenomeFiles(fasta=(root / "Atha.gdna.fa",), gff=(root / "Atha.gff3",))
    write_genes(files, scratch / "genes.parquet", PairSettings(), PairsReport("", "", ""))
    rows = {row["transcript_id"]: row for row in read_table(scratch / "genes.parquet", GENES).to_pylist()}
    for column, file in (("rna", "atha-all-mrnas.fa"), ("cds", "atha-cds.fa")):
        expected = {r.name: r.sequence.lower() for r in read_fasta(root / "genhub_expected" / file)}
        n_equal = sum(name in rows and rows[name][column] == letters for name, letters in expected.items())
        print(
            f"arabidopsis {column} = GenHub's {file:24} {len(expected):6,} {n_equal:6,} {n_equal / len(expected):8.2%}"
        )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    print(f"{'set':42} {'CDS':>6} {'equal':>6} {'share':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        results = [compare(name, files, Path(scratch)) for name, files in sets_of(folder, Path(scratch))]
        n_published, n_equal = (sum(column) for column in zip(*results, strict=True))
        print(f"{'all':42} {n_published:6,} {n_equal:6,} {n_equal / n_published:8.2%}")
        compare_genhub(folder, Path(scratch))


if __name__ == "__main__":
    main()

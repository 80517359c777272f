"""Reading, translating and pairing: ours, the peer, the physical limit, in one run and on the same files.

    python benchmarks/bench_pair.py [--repeats 5] [--contig-nt 20_000_000] [--folder DIR]
    python benchmarks/bench_pair.py --memory        peak memory on a synthetic chromosome of 300 Mbp

All contestants run once per round, one thread each; the table gives medians, their ratio, and the spread of ours
((largest - smallest) / median). Files are synthetic (see synthetic_assembly.py) and in the page cache.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import CompoundLocation, SeqFeature, SimpleLocation
from isal import igzip
from race import Contestants, round_robin
from synthetic_assembly import make_assembly, make_flat_file

from bsm.base.alphabet import Modality
from bsm.base.codes import codon_table, translate
from bsm.base.config.data import PairSettings
from bsm.base.fasta import read_fasta
from bsm.base.fasta_scan import scan_fasta
from bsm.base.genbank import read_genbank
from bsm.base.gff3_scan import GffScanner, scan_gff3_by_sequence
from bsm.pair import kernels, link
from bsm.pair.contigs import read_contigs
from bsm.pair.extract import Extractor
from bsm.pair.genome import GenomeFiles, rows_by_kernels, write_genes
from bsm.pair.ordinary import OrdinaryGenes, depth_of
from bsm.pair.report import PairsReport
from bsm.pair.store import SequenceStore

TAGS = (*link.ODD_TAGS, *link.RANGE_TAGS)


def race(
    title: str, amount: float, unit: str, contestants: Contestants, repeats: int, shares: dict[str, float]
) -> None:
    """Run round-robin and print one line: ours, peer, limit. ``shares``: part of the work that a contestant does."""
    seconds = round_robin(contestants, repeats, shares)
    rate = {name: amount / statistics.median(times) for name, times in seconds.items()}
    spread = (max(seconds["ours"]) - min(seconds["ours"])) / statistics.median(seconds["ours"])
    rates = f"{rate['ours']:10,.0f} {rate['peer']:10,.0f} {rate['limit']:12,.0f} {unit:5}"
    ratios = f"{rate['ours'] / rate['peer']:7.1f}x {rate['ours'] / rate['limit']:8.3f}"
    print(f"{title:34} {rates} {ratios} {repeats:3} {spread:5.0%}", flush=True)


def decompress(path: Path) -> int:
    """Bytes of a gzip file, read into one buffer: the limit of every reader."""
    buffer, n_bytes = bytearray(1 << 20), 0
    with igzip.open(path, "rb") as handle:
        while n_read := handle.readinto(buffer):
            n_bytes += n_read
    return n_bytes


def biopython_count(path: Path, form: str) -> int:
    with gzip.open(path, "rt") as handle:
        return sum(1 for _ in SeqIO.parse(handle, form))


def genbank_as_pair(path: Path) -> int:
    """Letters of every record; place and qualifiers of source, gene and CDS (other features are only located)."""
    n_read = 0
    for record in read_genbank(path):
        for feature in record.features:
            if feature.kind in ("source", "gene", "CDS"):
                n_read += len(feature.location.spans) + len(feature.qualifiers)
    return n_read


def polars_gff3(path: Path) -> int:
    """Five columns and ID and Parent of every row."""
    frame = pl.scan_csv(path, separator="\t", has_header=False, comment_prefix="#", quote_char=None,
                        new_columns=list("abcdefghi"))  # fmt: skip
    names = [pl.col("i").str.extract(f"{tag}=([^;]+)").alias(tag) for tag in ("ID", "Parent")]
    return frame.select("a", "c", "d", "e", "g", *names).collect().height


def read_benchmarks(folder: Path, repeats: int) -> None:
    for name, nucleotides in (("genomic.fna.gz", True), ("protein.faa.gz", False)):
        path = folder / name
        peer = lambda path=path: biopython_count(path, "fasta")  # noqa: E731
        limit = lambda path=path: decompress(path)  # noqa: E731
        scan = lambda path=path, n=nucleotides: sum(len(b.begins) for b in scan_fasta(path, n))  # noqa: E731
        records = lambda path=path: sum(1 for _ in read_fasta(path))  # noqa: E731
        size = decompress(path) / 1e6
        race(f"FASTA {name}, letters", size, "MB/s", {"ours": scan, "peer": peer, "limit": limit}, repeats, {})
        race(f"FASTA {name}, records", size, "MB/s", {"ours": records, "peer": peer, "limit": limit}, repeats, {})
    gff = folder / "genomic.gff.gz"
    ours = lambda: sum(t.n_rows for t in scan_gff3_by_sequence(gff, depth_of, TAGS))  # noqa: E731
    one_pass = lambda: sum(len(run[2]) for run in GffScanner(gff, depth_of, TAGS, None).runs())  # noqa: E731
    others: Contestants = {"peer": lambda: polars_gff3(gff), "limit": lambda: decompress(gff)}
    size = decompress(gff) / 1e6
    race("GFF3, rows with ID and Parent", size, "MB/s", {"ours": one_pass, **others}, repeats, {})
    race("GFF3, by sequence (two passes)", size, "MB/s", {"ours": ours, **others}, repeats, {})
    flat = folder / "rna.gbff.gz"
    race("GenBank, what pair reads", decompress(flat) / 1e6, "MB/s", {
        "ours": lambda: genbank_as_pair(flat),
        "peer": lambda: biopython_count(flat, "genbank"), "limit": lambda: decompress(flat),
    }, repeats, {})  # fmt: skip


class Parsed:
    """One contig with its annotation: what the pairing kernels start from."""

    def __init__(self, folder: Path) -> None:
        self.contig = next(read_contigs(folder / "genomic.fna.gz", True))
        self.table = next(scan_gff3_by_sequence(folder / "genomic.gff.gz", depth_of, TAGS))
        extractor = Extractor(PairSettings(), PairsReport("", "", ""), "")
        self.genes = OrdinaryGenes(self.table, self.contig, extractor)
        rows, units, parts = self.table.rows, self.genes.units, self.genes.parts
        self.n = len(units)
        sizes = np.empty((self.n, 4), dtype=np.int64)
        kernels.measure(rows, units, parts, sizes)
        at = np.zeros((self.n + 1, 4), dtype=np.int32)
        np.cumsum(sizes, axis=0, out=at[1:])
        self.outputs = [np.empty(int(size), dtype=np.uint8) for size in at[-1]]
        letters = np.frombuffer(self.contig.letters, dtype=np.uint8)
        table = np.frombuffer(codon_table(1), dtype=np.uint8)[None]
        starts, codes = np.zeros((1, 125), dtype=np.bool_), np.zeros(self.n, dtype=np.int64)
        residues = np.zeros(self.n, dtype=np.int64)
        self.gather = lambda: kernels.gather(
            letters, rows, units, parts, table, starts, codes, at, *self.outputs, residues
        )
        self.at = at

    def biopython(self, n: int) -> None:
        """The same letters of the first n transcripts by SeqFeature.extract and Seq.translate."""
        record = Seq(self.contig.letters.decode())
        rows, parts = self.table.rows, self.genes.parts
        for unit in self.genes.units[:n]:
            gene = rows[unit[link.UNIT_GENE]]
            strand = int(gene[kernels.STRAND])
            SeqFeature(SimpleLocation(int(gene[kernels.START]), int(gene[kernels.END]), strand)).extract(record)
            for first, end in (
                (link.UNIT_EXONS, link.UNIT_EXONS_END),
                (link.UNIT_CODING, link.UNIT_CODING_END),
            ):
                spans = [SimpleLocation(int(a), int(b), strand) for a, b, _ in parts[unit[first] : unit[end]]][::strand]
                letters = SeqFeature(CompoundLocation(spans) if len(spans) > 1 else spans[0]).extract(record)
            letters.translate()


def pair_benchmarks(folder: Path, repeats: int) -> None:
    parsed = Parsed(folder)
    parsed.gather()
    sources = [output.copy() for output in parsed.outputs]
    copy = lambda: [np.copyto(a, b) for a, b in zip(parsed.outputs, sources, strict=True)]  # noqa: E731
    n = min(500, parsed.n)
    race("pairing kernel", parsed.n, "tx/s", {
        "ours": parsed.gather, "peer": lambda: parsed.biopython(n), "limit": copy,
    }, repeats, {"peer": n / parsed.n})  # fmt: skip
    race("pairing, Arrow table with names", parsed.n, "tx/s", {
        "ours": lambda: list(parsed.genes.rows()), "peer": lambda: parsed.biopython(n), "limit": copy,
    }, repeats, {"peer": n / parsed.n})  # fmt: skip
    cds, places = parsed.outputs[2], parsed.at[:, 2].tolist()
    codons, out = np.frombuffer(codon_table(1), dtype=np.uint8), np.empty(cds.size // 3, dtype=np.uint8)
    texts = [cds[a:b].tobytes().decode() for a, b in pairwise(places)][:2000]
    share = sum(map(len, texts)) / cds.size
    other = cds.copy()
    contestants: Contestants = {
        "ours": lambda: kernels.translate_into(cds, 0, cds.size // 3, codons, out, 0),
        "peer": lambda: [Seq(text).translate() for text in texts], "limit": lambda: np.copyto(other, cds),
    }  # fmt: skip
    race("translation, compiled", cds.size / 1e6, "MB/s", contestants, repeats, {"peer": share})
    contestants["ours"] = lambda: [translate(text) for text in texts]
    race("translation, one CDS at a time", cds.size / 1e6, "MB/s", contestants, repeats, {"peer": share, "ours": share})


def end_to_end(folder: Path, repeats: int) -> None:
    fasta, gff, proteins = (folder / name for name in ("genomic.fna.gz", "genomic.gff.gz", "protein.faa.gz"))
    files = GenomeFiles(fasta=(fasta,), gff=(gff,), protein=(proteins,))

    def ours() -> int:
        with SequenceStore([proteins], Modality.PROTEIN) as store:
            extractor = Extractor(PairSettings(), PairsReport("", "", ""), "", None, store)
            found = rows_by_kernels(fasta, gff, frozenset(), extractor, None)
            return sum(1 if isinstance(item, dict) else item.num_rows for item in found)

    def to_parquet() -> None:
        write_genes(files, folder / "genes.parquet", PairSettings(), PairsReport("", "", ""))

    n = ours()
    limit = lambda: [decompress(path) for path in (fasta, gff, proteins)]  # noqa: E731
    kernel_only = Parsed(folder)
    n_kernel = min(500, kernel_only.n)
    for run, what, out in ((ours, "rows", None), (to_parquet, "Parquet", folder / "peer.parquet")):
        whole = lambda out=out: biopython_pairs(fasta, gff, proteins, out)  # noqa: E731
        race(f"end to end to {what}", n, "tx/s", {"ours": run, "peer": whole, "limit": limit}, repeats, {})
        kernel = lambda: kernel_only.biopython(n_kernel)  # noqa: E731
        race(f"end to end to {what}; peer: kernel", n, "tx/s", {"ours": run, "peer": kernel, "limit": limit}, repeats,
             {"peer": n_kernel / n})  # fmt: skip


def biopython_pairs(fasta: Path, gff: Path, proteins: Path, out: Path | None = None) -> int:
    """The same pairs as a careful script with Biopython makes them: parse, extract, translate, compare."""
    with gzip.open(fasta, "rt") as handle:
        contigs = {record.id: record.seq for record in SeqIO.parse(handle, "fasta")}
    with gzip.open(proteins, "rt") as handle:
        published = {record.id: str(record.seq) for record in SeqIO.parse(handle, "fasta")}
    genes: dict[str, SimpleLocation] = {}
    parts: dict[tuple[str, str], list[SimpleLocation]] = {}
    transcripts: dict[str, tuple[str, str]] = {}
    names: dict[str, str] = {}
    with gzip.open(gff, "rt") as handle:
        for line in handle:
            if line.startswith("#"):
                continue
            contig, _, kind, start, end, _, strand, _, text = line.rstrip("\n").split("\t")
            attributes = dict(item.split("=", 1) for item in text.split(";"))
            place = SimpleLocation(int(start) - 1, int(end), 1 if strand == "+" else -1)
            if kind == "gene":
                genes[attributes["ID"]] = place
            elif kind == "mRNA":
                transcripts[attributes["ID"]] = (attributes["Parent"], contig)
            elif kind in ("exon", "CDS"):
                parts.setdefault((attributes["Parent"], kind), []).append(place)
                if kind == "CDS":
                    names[attributes["Parent"]] = attributes["protein_id"]
    rows = []
    for name, (gene, contig) in transcripts.items():
        found = [SeqFeature(genes[gene]).extract(contigs[contig])]
        for kind in ("exon", "CDS"):
            spans = parts[name, kind]
            found.append(SeqFeature(CompoundLocation(spans) if len(spans) > 1 else spans[0]).extract(contigs[contig]))
        protein = str(found[-1].translate(to_stop=True))
        dna, rna, cds = map(str, found)
        texts = {"dna": dna, "rna": rna, "cds": cds, "protein": protein}
        rows.append({"gene": gene, "transcript": name, **texts, "ok": protein == published[names[name]]})
    if out is not None:
        pq.write_table(pa.Table.from_pylist(rows), out, compression="zstd", compression_level=1)
    return len(rows)


def memory(folder: Path) -> None:
    """Peak memory of `bsm pair` on one chromosome of 300 Mbp, in a process of its own."""
    make_assembly(folder, n_contigs=1, contig_nt=300_000_000, genes_per_contig=5000)
    arguments = [
        "--fasta",
        "genomic.fna.gz",
        "--gff",
        "genomic.gff.gz",
        "--protein",
        "protein.faa.gz",
        "--out",
        "g.parquet",
    ]
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _MEASURED, "pair", *arguments], cwd=folder, check=True,
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    seconds, peak = time.perf_counter() - started, int(done.stdout) / 1024
    print(f"300 Mbp chromosome, 5,000 genes: peak {peak:,.0f} MiB in {seconds:.1f} s (letters alone: 286 MiB)")


_MEASURED = """
import re, sys
from pathlib import Path
from bsm.cli import main
main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
"""Runs `bsm` and prints its own peak in KiB; ru_maxrss would count what the parent had in memory when it forked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--contig-nt", type=lambda text: int(text.replace("_", "")), default=20_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--memory", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        if args.memory:
            memory(folder)
            return
        make_assembly(folder, n_contigs=2, contig_nt=args.contig_nt, genes_per_contig=args.contig_nt // 5500)
        make_flat_file(folder / "rna.gbff.gz", 3000)
        print(
            f"{'work':34} {'ours':>10} {'peer':>10} {'limit':>12} {'':5} {'ratio':>8} {'of limit':>8} {'n':>3} spread"
        )
        read_benchmarks(folder, args.repeats)
        pair_benchmarks(folder, args.repeats)
        end_to_end(folder, args.repeats)


if __name__ == "__main__":
    main()

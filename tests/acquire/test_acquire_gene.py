"""NCBI Gene: the choice of genes, the subset of the table, and the records taken from release files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random

import pytest
from Bio import SeqIO
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bsm.acquire.gene_table import choose_genes
from bsm.base.config.sources import NcbiGene
from bsm.base.errors import InputError
from bsm.base.filelist import files_of, read_file_list
from bsm.base.gene2accession import COLUMNS
from bsm.base.randomness import stable_hash64
from bsm.cli import main


def row(taxid, gene, rna="-", protein="-", genomic="-", start="-", end="-", strand="+"):
    values = {
        "tax_id": taxid, "GeneID": gene, "status": "VALIDATED", "RNA_nucleotide_accession.version": rna,
        "protein_accession.version": protein, "genomic_nucleotide_accession.version": genomic,
        "start_position_on_the_genomic_accession": start, "end_position_on_the_genomic_accession": end,
        "orientation": strand, "Symbol": f"g{gene}",
    }  # fmt: skip
    return "\t".join(str(values.get(column, "-")) for column in COLUMNS) + "\n"


def letters(n, seed):
    return "".join(random.Random(seed).choices("ACGT", k=n))


CHROMOSOME, RNA_1, RNA_2 = letters(500, 1), letters(60, 2), letters(70, 3)
ROWS = [
    row(7, 1, "NM_1.1", "NP_1.1", "NC_1.1", 10, 99),
    row(7, 1, "BC0001.1", "AAA001.1", "-"),
    row(7, 2, "NM_2.1", "NP_2.1", "NC_1.1", 200, 499, "-"),
    row(7, 3, "NM_3.1", "NP_9.1", "NC_1.1", 450, 500),
    row(8, 4, "-", "NP_1.1", "NC_8.1", 0, 9, "?"),
]
RELEASE = {
    "fungi.1.1.genomic.fna.gz": f">NC_1.1 chromosome\n{CHROMOSOME}\n>NC_2.1\nACGT\n",
    "fungi.1.rna.fna.gz": f">NM_1.1 first\n{RNA_1}\n>NM_7.1\nACGT\n",
    "fungi.2.rna.fna.gz": f">NM_2.1\n{RNA_2}\n>NM_1.1 again\nAAAA\n",
    "fungi.1.protein.faa.gz": ">NP_1.1\nMAAA\n>NP_2.1\nMCCC\n",
}


@pytest.fixture
def acquire(mirror, tmp_path, monkeypatch, tools):
    monkeypatch.chdir(tmp_path)
    mirror.release(RELEASE)
    table = "#" + "\t".join(COLUMNS) + "\n" + "".join(ROWS)
    mirror.write("ncbi/gene/DATA/gene2accession.gz", tools.zipped(table))

    def acquire(out="raw", **changes):
        source = {"name": "gene", "kind": "ncbi_gene", "divisions": ["fungi"], **changes}
        folder = tmp_path / out
        arguments = ["--source", json.dumps(source), "--servers", mirror.servers, "--settings", "{}"]
        return main(["acquire", *arguments, "--out", str(folder)]), folder

    return acquire


def records(path):
    return {r.id: str(r.seq) for r in SeqIO.parse(io.StringIO(gzip.decompress(path.read_bytes()).decode()), "fasta")}


def unresolved(folder):
    with open(folder / "unresolved.csv", newline="") as handle:
        return {(r["kind"], r["accession"], r["reason"]) for r in csv.DictReader(handle)}


def test_records_and_slices_of_the_chosen_genes_are_extracted(acquire):
    code, folder = acquire(taxids=[7])
    assert code == 0
    assert (folder / "gene2accession.tsv").read_text().splitlines() == [
        "#" + "\t".join(COLUMNS), *(r.rstrip("\n") for r in ROWS[:4]),
    ]  # fmt: skip
    assert records(folder / "genomic.fna.gz") == {
        "NC_1.1:10-100": CHROMOSOME[10:100], "NC_1.1:200-500": CHROMOSOME[200:500],
    }  # fmt: skip
    assert records(folder / "rna.fna.gz") == {"NM_1.1": RNA_1, "NM_2.1": RNA_2}
    assert records(folder / "protein.faa.gz") == {"NP_1.1": "MAAA", "NP_2.1": "MCCC"}
    roles = ["genomic_fasta", "rna_fasta", "protein_fasta", "gene2accession", "unresolved", "archive"]
    assert all(len(files_of(folder, role)) == 1 for role in roles)
    assert not (folder / ".work").exists()


def test_what_cannot_be_had_is_listed_with_its_reason(acquire):
    _, folder = acquire()
    assert unresolved(folder) == {
        ("rna", "BC0001.1", "insdc_not_in_release"), ("protein", "AAA001.1", "insdc_not_in_release"),
        ("rna", "NM_3.1", "not_in_release"), ("protein", "NP_9.1", "not_in_release"),
        ("genomic", "NC_8.1", "not_in_release"), ("genomic", "NC_1.1", "beyond_sequence_end"),
    }  # fmt: skip


def test_two_runs_give_the_same_bytes(acquire):
    first, second = acquire("one")[1], acquire("two")[1]
    names = sorted(p.name for p in first.iterdir())
    assert names == sorted(p.name for p in second.iterdir())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_a_stopped_run_goes_on_after_the_files_already_read(acquire, mirror, capsys):
    broken = mirror.root / "ncbi/refseq/release/fungi/fungi.2.rna.fna.gz"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-3])
    code, folder = acquire(taxids=[7])
    assert code == 1 and "not the right file" in capsys.readouterr().err
    assert not (folder / "files.csv").exists()
    broken.write_bytes(whole)
    (mirror.root / "ncbi/refseq/release/fungi/fungi.1.1.genomic.fna.gz").unlink()  # read already
    assert acquire(taxids=[7])[0] == 0
    assert set(records(folder / "genomic.fna.gz")) == {"NC_1.1:10-100", "NC_1.1:200-500"}
    assert unresolved(folder) >= {("genomic", "NC_1.1", "beyond_sequence_end")}
    assert len(read_file_list(folder)) == 6


def test_extracts_of_another_choice_are_not_taken_up(acquire, mirror):
    broken = mirror.root / "ncbi/refseq/release/fungi/fungi.2.rna.fna.gz"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-3])
    assert acquire(taxids=[7])[0] == 1
    broken.write_bytes(whole)
    code, folder = acquire(taxids=[8])
    assert code == 0
    assert records(folder / "protein.faa.gz") == {"NP_1.1": "MAAA"}
    assert not (folder / "rna.fna.gz").exists() and not (folder / "genomic.fna.gz").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#Format: tax_id GeneID\n", "not the 16 columns"),
        ("#" + "\t".join(COLUMNS) + "\n" + ROWS[0] + "7\t2\n", r"row of 2 fields instead of 16"),
        ("#" + "\t".join(COLUMNS) + "\n" + row("x", 1), "tax_id or GeneID is no number"),
        ("#" + "\t".join(COLUMNS) + "\n", "no gene of the wanted species"),
    ],
)
def test_a_damaged_table_is_refused(acquire, mirror, tools, capsys, text, message):
    mirror.write("ncbi/gene/DATA/gene2accession.gz", tools.zipped(text))
    code, folder = acquire()
    assert code == 1 and message in capsys.readouterr().err
    assert not (folder / "files.csv").exists()


genes = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(0, 50)), min_size=1, max_size=60)


def rank(source: str, taxid: int, gene: int) -> int:
    """The hash of the sample, in plain integers: SplitMix64's finaliser over the seed, tax_id and GeneID."""
    value = stable_hash64("gene", source)
    for number in (taxid, gene):
        value = ((value ^ number) + 0x9E3779B97F4A7C15) % 2**64
        value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) % 2**64
        value = ((value ^ value >> 27) * 0x94D049BB133111EB) % 2**64
        value ^= value >> 31
    return value


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(genes, st.none() | st.integers(1, 4), st.none() | st.integers(1, 200), st.none() | st.just([1, 3]))
def test_the_choice_equals_sorting_all_genes(tmp_path, offers, cap, max_tokens, taxids):
    source = NcbiGene(
        name="g", kind="ncbi_gene", divisions=["x"], max_genes_per_species=cap, max_tokens=max_tokens, taxids=taxids
    )
    spans: dict[tuple[int, int], int] = {}
    for taxid, gene, span in offers:
        spans[taxid, gene] = max(span, spans.get((taxid, gene), 0))
    expected, n_letters, n_of_species = set(), 0, dict.fromkeys((1, 2, 3), 0)
    for key in sorted(spans, key=lambda key: rank("g", *key)):
        if taxids and key[0] not in taxids:
            continue
        n_of_species[key[0]] += 1
        if cap and n_of_species[key[0]] > cap:
            continue
        if max_tokens and n_letters >= max_tokens:
            break
        expected.add(key)
        n_letters += spans[key]
    table = tmp_path / "table"
    rows = [row(t, g, genomic="NC_1.1", start=0, end=span - 1) if span else row(t, g) for t, g, span in offers]
    table.write_text("#" + "\t".join(COLUMNS) + "\n" + "".join(rows))
    if expected:
        assert {tuple(map(int, key)) for key in choose_genes(table, source)} == expected
    else:
        with pytest.raises(InputError, match="no gene of the wanted species"):
            choose_genes(table, source)

"""Real sequences: leaks that are known to be there, found by another route first."""

from __future__ import annotations

from Bio import SeqIO

from bsm.base import tables
from bsm.base.alphabet import Modality, normalise_nucleotides
from bsm.base.config.data import CleanSettings
from bsm.base.fasta import read_fasta
from bsm.clean.byhand import search_fasta
from bsm.clean.items import Query
from bsm.clean.leaks import LeakSearch, Piece


def by_hand(items, corpus, tmp_path):
    out = tmp_path / "hits.parquet"
    search_fasta(items, corpus, out, "auto", "auto", CleanSettings())
    return tables.read_table(out, tables.HITS).to_pylist()


def test_sequences_shared_by_two_splits_of_a_benchmark_are_all_listed(shared_data, tmp_path):
    """The nRC set in two publishers' splits: hundreds of validation sequences of one are training data of the other."""
    folder = shared_data("benchmarks/ncRNAFam")
    items = folder / "nRC_13classes_rossi_split/val.fasta"
    corpus = folder / "nRC_13classes/dataset_nRC_train.fasta.gz"
    letters = {r.name: normalise_nucleotides(r.sequence)[0] for r in read_fasta(items)}
    train = {normalise_nucleotides(r.sequence)[0] for r in read_fasta(corpus)}
    shared = {name for name, s in letters.items() if s in train}
    assert len(shared) > 600
    hits = by_hand(items, corpus, tmp_path)
    assert shared <= {h["item_id"] for h in hits if h["removed"] and h["coverage"] == 1.0}


def test_every_annotated_protein_is_found_in_the_genome_that_codes_for_it(shared_data, tmp_path):
    folder = shared_data("ncbi/saureus_GCF_000013425.1")
    genome = next(folder.glob("GCF*_genomic.fna.gz"))
    proteins = {r.name: len(r.sequence) for r in read_fasta(folder / "protein.faa.gz")}
    hits = [h for h in by_hand(folder / "protein.faa.gz", genome, tmp_path) if h["removed"]]
    assert {h["item_id"] for h in hits} == set(proteins)
    assert {(h["strand"], h["frame"]) for h in hits} == {(s, f) for s in (1, -1) for f in range(3)}


def test_real_proteins_are_not_found_in_a_foreign_genome(shared_data, tmp_path):
    genome = shared_data("ncbi/sarscov2_GCF_009858895.2") / "sars_cov2_ref.fasta"
    items = shared_data("ncbi/saureus_GCF_000013425.1") / "protein.faa.gz"
    assert by_hand(items, genome, tmp_path) == []


def test_all_proteins_of_the_human_mitochondrion_are_found_without_its_genetic_code(shared_data):
    """NC_012920 is read with code 2: ATA is M, TGA is W, AGA and AGG stop."""
    record = SeqIO.read(shared_data("ncbi/flatfiles") / "NC_012920.1.gbff", "genbank")
    proteins = [f.qualifiers["translation"][0] for f in record.features if f.type == "CDS"]
    assert len(proteins) == 13
    search = LeakSearch([Query(Modality.PROTEIN, p) for p in proteins], CleanSettings())
    hits = search.find([Piece(Modality.DNA, str(record.seq).lower(), None)])
    assert {h.query for h in hits if h.meets} == set(range(13))

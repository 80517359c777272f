"""truth/pairs.parquet and truth/leaks.parquet: the exact answers, read by tests and the report only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bsm.base.config.common import slug
from bsm.base.tables import write_table
from bsm.miniature.mirror_gene import is_located, refseq_species
from bsm.miniature.model import Gene, PlantedRecord, Species, Transcript, World

REFSEQ_PAIRS, GENE_PAIRS = "refseq_pairs", "gene_pairs"
"""Names of the two sources of pairs in config.yaml."""

TRUE_PAIRS = pa.schema(
    [
        pa.field("source", pa.string()),  # refseq_pairs | gene_pairs
        pa.field("part", pa.string()),  # species, or "all"
        pa.field("gene_id", pa.string()),  # GeneID; locus tag where GenBank alone has the assembly
        pa.field("transcript_id", pa.string()),
        pa.field("protein_id", pa.string()),
        pa.field("dna", pa.string()),  # gene 5'->3', introns kept; parts of a trans-spliced gene joined
        pa.field("rna", pa.string()),  # null where the annotation has no transcript
        pa.field("cds", pa.string()),  # in frame 0, stop included where annotated
        pa.field("protein", pa.string()),
        pa.field("expected", pa.string()),  # kept | rejected
        pa.field("special", pa.string()),  # planted peculiarity, or empty
    ]
)

TRUE_WEB = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("start", pa.int64()),  # characters of the text, 0-based half-open
        pa.field("end", pa.int64()),
        pa.field("modality", pa.string()),
        pa.field("sequence", pa.string()),
        pa.field("kind", pa.string()),  # sequence | look_alike
        pa.field("layout", pa.string()),
    ]
)

TRUE_LEAKS = pa.schema(
    [
        pa.field("task", pa.string()),
        pa.field("dataset", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("role", pa.string()),
        pa.field("kind", pa.string()),  # exact | mutated | reverse_complement | [spliced_]protein_in_dna | gene_product
        pa.field("genetic_code", pa.int16()),  # of a hidden protein, else null
        pa.field("identity", pa.float64()),
        pa.field("corpus", pa.string()),
        pa.field("record_name", pa.string()),
        pa.field("start", pa.int64()),  # on the record's letters, 0-based half-open
        pa.field("end", pa.int64()),
        pa.field("strand", pa.int8()),
        pa.field("modality", pa.string()),  # of the letters
        pa.field("letters", pa.string()),  # record[start:end]: the copy as it stands there
    ]
)

TRUE_MUTATIONS = pa.schema(
    [
        pa.field("dataset", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("split", pa.string()),
        pa.field("kind", pa.string()),  # substitution | insertion | deletion | protein
        pa.field("dose", pa.float64()),  # share of the residues changed
        pa.field("n_changed", pa.int32()),
        pa.field("n_coding", pa.int32()),  # of these inside codons
        pa.field("gene", pa.string()),
    ]
)


def write_truth(
    world: World,
    planted: Sequence[PlantedRecord],
    web_rows: Sequence[dict[str, Any]],
    mutations: Sequence[dict[str, Any]],
    out: Path,
) -> None:
    """Write the tables of ``truth/`` below ``out``."""
    write_table(out / "truth" / "pairs.parquet", true_pairs(world), TRUE_PAIRS)
    write_table(out / "truth" / "web.parquet", web_rows, TRUE_WEB)
    write_table(out / "truth" / "leaks.parquet", map(_leak, planted), TRUE_LEAKS)
    write_table(out / "truth" / "mutations.parquet", mutations, TRUE_MUTATIONS)


def true_pairs(world: World) -> Iterator[dict[str, Any]]:
    """Every annotated transcript of the assemblies, then every triple that RefSeq rows of gene2accession name."""
    for species in world.species:
        for gene in species.genes:
            gene_id = gene.locus_tag if species.is_genbank else str(gene.gene_id)
            for transcript in gene.transcripts:
                is_kept = gene.biotype != "pseudogene"
                yield _pair(REFSEQ_PAIRS, slug(species.settings.name), gene_id, gene, transcript, is_kept)
    for species in refseq_species(world):
        for gene in species.genes:
            for transcript in gene.transcripts:
                yield _pair(
                    GENE_PAIRS, "all", str(gene.gene_id), gene, transcript, _has_related(species, gene, transcript)
                )


def _has_related(species: Species, gene: Gene, transcript: Transcript) -> bool:
    """Whether gene2accession names the gene's place and at least one product."""
    return is_located(species, gene) and bool(transcript.transcript_id or transcript.protein_id)


def _pair(
    source: str, part: str, gene_id: str, gene: Gene, transcript: Transcript, is_kept: bool
) -> dict[str, Any]:  # fmt: skip
    return {
        "source": source, "part": part, "gene_id": gene_id,
        "transcript_id": transcript.transcript_id, "protein_id": transcript.protein_id,
        "dna": gene.dna, "rna": transcript.rna or None, "cds": transcript.cds or None,
        "protein": transcript.protein or None,
        "expected": "kept" if is_kept else "rejected", "special": gene.special,
    }  # fmt: skip


def _leak(record: PlantedRecord) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in TRUE_LEAKS.names if name != "record_name"}
    return {**row, "record_name": record.name, "letters": record.copy, "modality": str(record.modality)}

"""Sources of training data and benchmark entries: what to fetch, from where, how much of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, model_validator

from bsm.base.benchmarks import TASKS
from bsm.base.config.common import Name, Settings, Share, Text, slug

Group = Literal["single", "refseq", "gene", "web"]
"""The data groups whose ratio a mix sets (10:2:1 of single, refseq and gene in round 2)."""


class Server(Settings):
    """Base address of a publisher; the miniature's are folders (``file:`` and a path)."""

    name: Name
    address: Annotated[str, Field(pattern=r"^(https?://|file:).+")]
    """https://..., or file:PATH with a path relative to the working directory."""
    max_per_second: Annotated[float, Field(gt=0)] = 3.0
    """Requests a second at most."""
    max_parallel: PositiveInt = 2
    """Transfers at the same time."""


class _Source(Settings):
    name: Name
    max_tokens: PositiveInt | None = None
    """Letters to keep, sampled by seeded hash; null keeps all."""

    @property
    def parts(self) -> list[str]:
        """Names of the parts that are fetched and read as separate jobs."""
        return ["all"]


class RefseqRelease(_Source):
    """Single-modal nucleotides: FASTA files of a RefSeq release."""

    kind: Literal["refseq_release"]
    group: Literal["single"] = "single"
    licence: str = "NCBI: no restriction on use"
    release: PositiveInt | None = None
    """RefSeq release number; null takes the current one and writes it to the lock file."""
    divisions: Annotated[list[str], Field(min_length=1)]
    """Folders of the release: fungi, vertebrate_mammalian, ..."""
    types: Annotated[list[Literal["genomic", "rna"]], Field(min_length=1)] = ["genomic", "rna"]


class Uniprot(_Source):
    """Single-modal proteins: UniProt FASTA files."""

    kind: Literal["uniprot"]
    group: Literal["single"] = "single"
    licence: str = "CC BY 4.0"
    release: str | None = None
    """Release such as 2024_05; null takes current_release."""
    datasets: Annotated[list[Literal["swissprot", "trembl", "uniref50"]], Field(min_length=1)]


class Colabfold(_Source):
    """Single-modal proteins: the ColabFold environmental database as FASTA."""

    kind: Literal["colabfold"]
    group: Literal["single"] = "single"
    licence: str = "see the ColabFold project page"
    database: str = "colabfold_envdb_202108"


def _has_slug(name: str) -> str:
    if not slug(name):
        raise ValueError("a scientific name has letters")
    return name


class Species(Settings):
    """One entry of Table 3. ``accession`` overrides the resolution; ``taxid`` matches species_taxid."""

    name: Annotated[str, AfterValidator(_has_slug)]
    """Scientific name of a species, or of a higher rank (then the annotated reference genome is taken)."""
    taxid: PositiveInt | None = None
    accession: Annotated[str, Field(pattern=r"^GC[AF]_\d{9}\.\d+$")] | None = None

    @property
    def part(self) -> str:
        return slug(self.name)


class RefseqGenomes(_Source):
    """Pairs from annotated genome assemblies (RefSeq, else GenBank), one part per species."""

    kind: Literal["refseq_genomes"]
    group: Literal["refseq"] = "refseq"
    licence: str = "NCBI: no restriction on use"
    frozen_date: date | None = None
    """Assemblies and annotations released later are not considered."""
    on_unresolved: Literal["stop", "report"] = "stop"
    """A species without an annotated assembly: stop, or list it as unresolved and go on without it."""
    species: Annotated[list[Species], Field(min_length=1)]

    @property
    def parts(self) -> list[str]:
        return [s.part for s in self.species]


class NcbiGene(_Source):
    """Pairs from NCBI Gene's related sequences (gene2accession), sampled by hash of (taxid, GeneID)."""

    kind: Literal["ncbi_gene"]
    group: Literal["gene"] = "gene"
    licence: str = "NCBI: no restriction on use; submitters may hold rights in INSDC records"
    release: PositiveInt | None = None
    """RefSeq release that the sequences of RefSeq accessions are read from."""
    divisions: Annotated[list[str], Field(min_length=1)]
    """Folders of the release to read."""
    taxids: list[PositiveInt] | None = None
    """Species to sample from; null takes all."""
    max_genes_per_species: PositiveInt | None = None


class FinewebEdu(_Source):
    """Sequences interleaved in the web documents of FineWeb-Edu."""

    kind: Literal["fineweb_edu"]
    group: Literal["web"] = "web"
    licence: str = "ODC-By 1.0; Common Crawl terms"
    commit: str | None = None
    """Commit of the data set; null takes the current one and writes it to the lock file."""
    folders: Annotated[list[str], Field(min_length=1)]
    """Folders of Parquet files: sample/10BT, data/CC-MAIN-2024-10, ..."""
    all_documents: bool = False
    """Keep documents without any run of letters too: terabytes, and needed for interleave.three_letter: read."""


class LocalFasta(_Source):
    """Your own FASTA files as single-modal data."""

    kind: Literal["local_fasta"]
    group: Literal["single"] = "single"
    licence: Text
    paths: Annotated[list[Text], Field(min_length=1)]
    modality: Literal["dna", "rna", "protein"]


class LocalGenome(_Source):
    """Your own annotated genome: FASTA and GFF3, or a GenBank flat file."""

    kind: Literal["local_genome"]
    group: Literal["refseq", "gene"] = "refseq"
    licence: Text
    fasta: str | None = None
    gff: str | None = None
    rna: str | None = None
    protein: str | None = None
    genbank: str | None = None
    taxid: PositiveInt | None = None

    @model_validator(mode="after")
    def _fasta_and_gff_or_genbank(self) -> LocalGenome:
        if (self.genbank is None) == (self.fasta is None or self.gff is None):
            raise ValueError("give either fasta and gff, or genbank")
        return self


class LocalText(_Source):
    """Your own documents (JSON lines with id and text) to search for interleaved sequences."""

    kind: Literal["local_text"]
    group: Literal["web"] = "web"
    licence: Text
    paths: Annotated[list[Text], Field(min_length=1)]


Source = Annotated[
    RefseqRelease | Uniprot | Colabfold | RefseqGenomes | NcbiGene | FinewebEdu | LocalFasta | LocalGenome | LocalText,
    Field(discriminator="kind"),
]
STAGE_OF_KIND: dict[str, str] = {
    "refseq_release": "sample", "uniprot": "sample", "colabfold": "sample", "local_fasta": "sample",
    "refseq_genomes": "pair", "ncbi_gene": "pair", "local_genome": "pair",
    "fineweb_edu": "interleave", "local_text": "interleave",
}  # fmt: skip
"""Which stage turns a source's raw files into a corpus."""
SERVER_OF_KIND: dict[str, str] = {
    "refseq_genomes": "ncbi", "refseq_release": "ncbi", "ncbi_gene": "ncbi", "uniprot": "uniprot",
    "colabfold": "colabfold", "fineweb_edu": "huggingface",
}  # fmt: skip
"""Which server a source is fetched from; local kinds have none."""

BenchmarkFormat = Literal[
    "lucaone", "lucaone_files", "proteingym", "rnagym", "evo_dms", "kelsic", "domingo", "tape", "nisthal",
    "pairs", "matrix", "index_pairs", "class_fasta", "table",
]  # fmt: skip
"""lucaone: train/dev/test CSV folders of a data set on the hub; lucaone_files: the same folders on a plain server;
proteingym: reference sheet and one CSV per assay; rnagym: zip with one CSV per assay; evo_dms: tab-separated nucleotide
variants in a tar archive; kelsic: the codon tables of Kelsic 2016; domingo: tab-separated genotypes of Domingo 2018;
tape: JSON files of TAPE in a tar archive; nisthal: CSV of several measurements per mutant;
pairs: lines of two names and 0/1, and sequence files; matrix: a 0/1 matrix with lists of its names, and sequence files;
index_pairs: rows of two indices and 0/1, lists of names, and sequence files; class_fasta: FASTA with classes in the
headers; table: CSV with the columns of BENCHMARK_ITEMS."""


class ExpectedCounts(Settings):
    """Published sizes; a download that does not reproduce them is not the paper's set."""

    train: NonNegativeInt | None = None
    valid: NonNegativeInt | None = None
    test: NonNegativeInt | None = None


def _no_step_upwards(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError("must stay below the server's address: no ..")
    return path


class Benchmark(Settings):
    """One benchmark data set of a task."""

    name: Name
    task: Literal[tuple(TASKS)]  # type: ignore[valid-type]
    format: BenchmarkFormat
    server: Name
    """Entry of ``servers``."""
    path: Annotated[Text, AfterValidator(_no_step_upwards)]
    """Data set name (lucaone), folder or file below the server's address (no step upwards)."""
    files: dict[str, str] = {}
    """Role -> file below ``path``, for formats that read several files (pairs: pairs, rna, protein; ...)."""
    version: str = "main"
    """Commit of a data set on the hub; ``main`` is resolved once and written to the lock file."""
    assays: list[str] | None = None
    """Studies to take from a fitness archive; null takes all."""
    licence: Text
    expected: ExpectedCounts = ExpectedCounts()
    published: Name | None = None
    """Row of bsm/acquire/registry.csv whose published counts, classes and lengths the files must reproduce."""
    train_share: Share = 0.8
    """Sets that come without splits: share of the pairs, by seeded hash of their names, that are not for testing
    (a tenth of it is for validation)."""
    headline: bool = True
    """Whether it is the row of Table 1 (others are extra rows)."""

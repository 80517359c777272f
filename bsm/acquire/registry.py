"""The register of external files: where each stands, what pins its version, which checksum its publisher gives.

The fetching code takes its paths from here, and ``bsm acquire --list`` prints them, so the two cannot disagree.
Sources: the publishers' READMEs (NCBI genomes, Gene/DATA and RefSeq release; UniProt; ColabFold setup_databases.sh;
Hugging Face hub API).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExternalFile:
    """One external file or family. ``pattern`` is a path below the server's address with {fields}."""

    name: str
    kind: str
    """Source kind or benchmark format that reads it."""
    server: str
    pattern: str
    version: str
    """What pins its version."""
    checksum: str
    """What its publisher gives to verify it; ``first use`` means the lock remembers our own sha256."""

    @property
    def is_payload(self) -> bool:
        """Whether sequences or texts are in it; the others are listings that tell what to fetch."""
        return self.checksum != "none"


_ROWS = (
    ("assembly_summary", "refseq_genomes", "ncbi", "genomes/ASSEMBLY_REPORTS/assembly_summary_{database}.txt",
     "rebuilt daily", "none"),
    ("assembly", "refseq_genomes", "ncbi", "{folder}/{assembly}_{suffix}", "accession.version and annotation name",
     "md5checksums.txt"),
    ("assembly_md5", "refseq_genomes", "ncbi", "{folder}/md5checksums.txt", "accession.version", "none"),
    ("release_number", "refseq_release", "ncbi", "refseq/release/RELEASE_NUMBER", "every two months", "none"),
    ("release_catalogue", "refseq_release", "ncbi",
     "refseq/release/release-catalog/release{release}.files.installed", "release number", "none"),
    ("release_file", "refseq_release", "ncbi", "refseq/release/{division}/{name}", "release number",
     "md5 of the catalogue"),
    ("gene2accession", "ncbi_gene", "ncbi", "gene/DATA/gene2accession.gz", "rebuilt daily", "first use"),
    ("uniprot_knowledgebase", "uniprot", "uniprot",
     "pub/databases/uniprot/current_release/knowledgebase/complete/{name}", "release such as 2024_05",
     "md5 of RELEASE.metalink"),
    ("uniref50", "uniprot", "uniprot", "pub/databases/uniprot/uniref/uniref50/{name}", "release such as 2024_05",
     "md5 of RELEASE.metalink"),
    ("colabfold_envdb", "colabfold", "colabfold", "{database}.db.tar.gz", "date in the name", "first use"),
    ("hub_revision", "fineweb_edu", "huggingface", "api/datasets/{dataset}/revision/{revision}", "branch", "none"),
    ("hub_tree", "fineweb_edu", "huggingface", "api/datasets/{dataset}/tree/{commit}/{folder}?recursive=true",
     "commit", "none"),
    ("hub_file", "fineweb_edu", "huggingface", "datasets/{dataset}/resolve/{commit}/{path}", "commit",
     "sha256 of the listing"),
)  # fmt: skip
FILES: dict[str, ExternalFile] = {row[0]: ExternalFile(*row) for row in _ROWS}

FINEWEB_EDU = "HuggingFaceFW/fineweb-edu"
"""Data set of the web source (ODC-By 1.0; the terms of Common Crawl apply)."""


def path_of(registered: str, /, **fields: object) -> str:
    """Path of a registered file below its server's address."""
    return FILES[registered].pattern.format(**fields)

"""One species of refseq_genomes: resolve its assembly, fetch genome, annotation, transcripts and proteins.

A species that has no annotated assembly stops the run, or (``on_unresolved: report``) is settled as unresolved: its
files.csv then has one row, role ``unresolved``, that leads to unresolved.csv with the rule's reason and the candidates
seen. Nothing stands in for the genome. The lock keeps that too, so a later run gives the same until --update-lock.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from bsm.acquire.assemblies import Assembly, Resolution, Resolver, UnresolvedError, read_summary
from bsm.acquire.checksums import parse_md5_list
from bsm.acquire.part import Part, Wanted
from bsm.acquire.registry import path_of
from bsm.acquire.unresolved import write_unresolved
from bsm.base.config.sources import RefseqGenomes, Species

CACHE_FOLDER = ".cache"
_LISTING = "unresolved.csv"
_FILES = {  # suffix -> (name here, role, whether pairs need it)
    "genomic.fna.gz": ("genomic.fna.gz", "genomic_fasta", True),
    "genomic.gff.gz": ("genomic.gff.gz", "gff", True),
    "rna.fna.gz": ("rna.fna.gz", "rna_fasta", False),
    "protein.faa.gz": ("protein.faa.gz", "protein_fasta", False),
    "assembly_report.txt": ("assembly_report.txt", "readme", False),
}


def acquire_genome(part: Part, source: RefseqGenomes, species: Species) -> None:
    """Fetch the files of one species; the lock keeps accession, annotation and how they were chosen."""
    try:
        resolved = part.lock.resolved or _resolve(part, source, species)
        if reason := resolved.get("unresolved"):
            return _settle_unresolved(part, species, str(reason))
        wanted = _wanted(part, str(resolved["folder"]))
    except UnresolvedError as error:
        if source.on_unresolved == "stop":
            raise
        return _settle_unresolved(part, species, error.what)
    part.fetch("ncbi", wanted, f"{resolved['accession']} {resolved['annotation_name']}".strip())
    (part.folder / _LISTING).unlink(missing_ok=True)
    part.finish(resolved)


def _settle_unresolved(part: Part, species: Species, reason: str) -> None:
    print(f"warning: {species.name} is unresolved: {reason}", file=sys.stderr)
    for name, _, _ in _FILES.values():  # of an earlier resolution
        (part.folder / name).unlink(missing_ok=True)
    listing = part.folder / _LISTING
    write_unresolved(listing, [("species", species.name, "", "", reason)])
    url = part.fetcher.url("ncbi", path_of("assembly_summary", database="genbank"))
    part.add_made(listing, "unresolved", url, "unresolved")
    part.finish({"unresolved": reason})


def _wanted(part: Part, folder: str) -> list[Wanted]:
    assembly = folder.rpartition("/")[2]
    path = path_of("assembly_md5", folder=folder)
    md5s = parse_md5_list(part.fetcher.read_text("ncbi", path), part.fetcher.url("ncbi", path))
    wanted = []
    for suffix, (name, role, is_needed) in _FILES.items():
        published = f"{assembly}_{suffix}"
        if published in md5s:
            where = path_of("assembly", folder=folder, assembly=assembly, suffix=suffix)
            wanted.append(Wanted(where, name, role, md5=md5s[published]))
        elif is_needed:
            raise UnresolvedError(
                f"{published} is not published for this assembly", where=part.fetcher.url("ncbi", path),
                way_out="An unannotated assembly has no pairs; give the species another accession",
            )  # fmt: skip
    return wanted


def _resolve(part: Part, source: RefseqGenomes, species: Species) -> Mapping[str, Any]:
    """RefSeq first; GenBank's larger table is fetched only where RefSeq has nothing."""
    resolver = Resolver(species, source.frozen_date)
    accession = species.accession or ""
    for database in ("refseq", "genbank"):
        if accession and accession.startswith("GCF_") != (database == "refseq"):
            continue
        # Beside the parts, not in one: all species of a source share the two tables.
        table = part.folder.parent / CACHE_FOLDER / f"assembly_summary_{database}.txt"
        part.fetcher.fetch("ncbi", path_of("assembly_summary", database=database), table)
        resolution = resolver.resolve(read_summary(table))
        if resolution:
            return _description(resolution, database)
    raise resolver.failure()


def _description(resolution: Resolution, database: str) -> dict[str, Any]:
    assembly: Assembly = resolution.assembly
    return {
        "accession": assembly.accession, "organism_name": assembly.organism_name, "taxid": assembly.taxid,
        "species_taxid": assembly.species_taxid, "annotation_name": assembly.annotation_name,
        "annotation_date": assembly.annotation_date.isoformat() if assembly.annotation_date else "",
        "folder": assembly.folder, "database": database, "resolved_by": resolution.resolved_by,
        "candidates": list(resolution.candidates),
    }  # fmt: skip

"""Evo's archive of deep mutational scans: one tab-separated table of nucleotide variants per study.

Members ``processed_dms_nt_<assay>.tsv`` with ``wt_seq_nt``, ``mt_seq_nt``, ``fitness``. Of equal variants the first is
kept, as Evo's authors do. For protein fitness ``mt_seq_nt`` is a coding sequence: it is read from its first base with
code 11 (the studies are bacterial; codes 1 and 11 differ only in starts), a final stop is left out, and variants with a
stop inside or a length that is no multiple of three are dropped and counted, because they have no protein to score.
"""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path, PurePosixPath

from bsm.acquire.benchmarks.items import Converted, Files, Item, letters_of, mutant_of, number_of, rows_of
from bsm.acquire.benchmarks.published import Published
from bsm.base.alphabet import Modality
from bsm.base.benchmarks import TASKS
from bsm.base.codes import translate
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.files import reading

_MEMBER = re.compile(r"^processed_dms_nt_(?P<assay>.+)\.tsv$")
_COLUMNS = ("wt_seq_nt", "mt_seq_nt", "fitness")
_GENETIC_CODE = 11


def read_evo_dms(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items of the wanted assays, sorted by assay, rows in file order; all are test items. Role: archive."""
    archive = files["archive"]
    wanted = set(benchmark.assays) if benchmark.assays is not None else None
    tables = _tables(archive, wanted)
    missing = sorted((wanted or set()) - tables.keys())
    if missing:
        raise InputError(f"no assay(s) {', '.join(missing)} in the archive", where=str(archive),
                         way_out="Correct `assays` of the benchmark")  # fmt: skip
    converted = Converted([], Published())
    for assay, text in sorted(tables.items()):
        _read_assay(assay, text, f"{archive.name}/{assay}", benchmark, counts, converted)
    return converted


def _tables(archive: Path, wanted: set[str] | None) -> dict[str, str]:
    tables = {}
    with reading(archive) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    match = _MEMBER.match(PurePosixPath(member.name).name)
                    if match and member.isfile() and (wanted is None or match["assay"] in wanted):
                        data = tar.extractfile(member)
                        assert data is not None
                        tables[match["assay"]] = data.read().decode("utf-8", "replace")
        except tarfile.TarError as error:
            raise InputError(f"damaged archive: {error}", where=str(archive), way_out="Fetch it again") from error
    return tables


def _read_assay(assay: str, text: str, name: str, benchmark: Benchmark, counts: Counts, converted: Converted) -> None:
    is_protein = TASKS[benchmark.task].modality_a is Modality.PROTEIN
    nucleotides = Modality.DNA if is_protein else Modality.RNA
    seen: set[str] = set()
    for number, (where, row) in enumerate(rows_of(io.StringIO(text, newline=None), name, _COLUMNS, "\t")):
        wild = letters_of(row["wt_seq_nt"], nucleotides, where, counts)
        mutant = letters_of(row["mt_seq_nt"], nucleotides, where, counts)
        fitness = number_of(row["fitness"], where)
        item: Item = {
            "task": benchmark.task, "dataset": benchmark.name, "item_id": f"{assay}:{number}", "split": "test",
            "assay": assay, "value": fitness, "id_a": f"{assay}:{number}",
        }  # fmt: skip
        converted.published.note("test", assay=assay, sequence_a=mutant)
        reason = "no_fitness" if fitness is None else "duplicate_variant" if mutant in seen else ""
        if not reason and is_protein:
            reason = add_protein(item, wild, mutant)
        elif not reason:
            item |= {"modality_a": "rna", "sequence_a": mutant, "mutant": mutant_of(wild, mutant)}
        seen.add(mutant)
        if reason:
            counts.drop(reason, len(mutant))
        else:
            converted.items.append(item)


def add_protein(item: Item, wild: str, mutant: str) -> str:
    """Complete the item with protein and gene; returns the reason where there is no protein to score."""
    if len(mutant) % 3:
        return "length_not_multiple_of_three"
    protein = translate(mutant, _GENETIC_CODE).removesuffix("*")
    if "*" in protein:
        return "stop_codon"
    if not protein:
        return "no_protein"
    wild_protein = translate(wild, _GENETIC_CODE).removesuffix("*")
    name = "WT" if mutant == wild else "synonymous" if protein == wild_protein else mutant_of(wild_protein, protein)
    item |= {
        "modality_a": "protein", "sequence_a": protein, "id_b": item["id_a"], "modality_b": "dna",
        "sequence_b": mutant, "mutant": name,
    }  # fmt: skip
    return ""

# What the rule files share: the validated config, the sources and their parts, and the gates. No rules here.
import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Jobs run `python -m bsm`: the interpreter of this Snakemake (an activated conda environment comes first), this checkout.
os.environ["PATH"] = (
    f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)
os.environ["PYTHONPATH"] = str(workflow.basedir)
# Jobs run side by side: one thread each unless the user says otherwise (two OpenMP threads beside a busy core are slower).
os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(workflow.basedir))

from bsm.base.codehash import code_hash
from bsm.base.config import validated
from bsm.base.config.sources import STAGE_OF_KIND
from bsm.base.errors import ConfigError

try:
    CONFIG = validated(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

SOURCES = {source.name: source for source in CONFIG.sources}
BENCHMARKS = {benchmark.name: benchmark for benchmark in CONFIG.benchmarks}
PARTS = sorted({part for source in CONFIG.sources for part in source.parts})
WORLD = f"{CONFIG.miniature.folder}/manifest.json" if CONFIG.miniature else []
TRUTH = f"{CONFIG.miniature.folder}/truth" if CONFIG.miniature else []
RETRIES = (
    0 if CONFIG.miniature else 2
)  # a folder does not become better by asking again


def one_of(names):
    """Wildcard constraint: exactly these names (a source `web` must not match `web_2024`)."""
    return "|".join(map(re.escape, names)) or "(?!)"


def sources_of(stage):
    """Names of the sources whose corpus this stage makes."""
    return [
        name for name, source in SOURCES.items() if STAGE_OF_KIND[source.kind] == stage
    ]


def genome_sources():
    return [name for name, source in SOURCES.items() if source.kind == "refseq_genomes"]


def as_json(value):
    """Settings as JSON with sorted keys: the order of keys in a config must not re-run a rule."""
    if isinstance(value, list):
        return json.dumps(
            [entry.model_dump(mode="json") for entry in value], sort_keys=True
        )
    return json.dumps(value.model_dump(mode="json"), sort_keys=True)


def source_json(wildcards):
    return as_json(SOURCES[wildcards.source])


def part_source_json(wildcards):
    """The source with only the species of this part: another species in the list must not re-run it."""
    source = SOURCES[wildcards.source]
    if source.kind == "refseq_genomes":
        source = source.model_copy(
            update={"species": [s for s in source.species if s.part == wildcards.part]}
        )
    return as_json(source)


def local_files(wildcards):
    """A user's own files are inputs: editing one re-runs what depends on it."""
    source = SOURCES[wildcards.source]
    single = [
        getattr(source, key, None)
        for key in ("fasta", "gff", "rna", "protein", "genbank")
    ]
    return [path for path in [*getattr(source, "paths", []), *single] if path]


def parts_of(source, pattern):
    """``pattern`` with {source} and {part} filled in for every part of a source."""
    return [pattern.format(source=source, part=part) for part in SOURCES[source].parts]


def all_parts(pattern, stage=None):
    names = SOURCES if stage is None else sources_of(stage)
    return [path for name in names for path in parts_of(name, pattern)]


def gates(wildcards):
    """Manifests of all clean sources, through the checkpoint that makes them.

    A checkpoint's manifest cuts off the jobs that take it directly, and only those. So every job after clean lists
    this as an input: when a raw file changes and the clean corpus does not, none of them runs.
    """
    return [checkpoints.clean_gate.get(source=name).output.manifest for name in SOURCES]


def own_gate(wildcards):
    return checkpoints.clean_gate.get(source=wildcards.source).output.manifest

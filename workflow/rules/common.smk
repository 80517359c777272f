# Shared by all rules: the validated config, the sources and their parts, and the gates.
import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Jobs run `python -m bsm`: the interpreter of this Snakemake (an activated conda environment comes first), this checkout.
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
    PYTHONPATH=str(workflow.basedir),
)
# Jobs run side by side: one thread each unless the user says otherwise (two OpenMP threads beside a busy core are slower).
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(workflow.basedir))

from bsm.base.codehash import code_hash
from bsm.base.config import read_yaml, validated
from bsm.base.config.sources import SERVER_OF_KIND, STAGE_OF_KIND
from bsm.base.errors import ConfigError

try:
    # A key that stands twice is refused; Snakemake's own reader does not see it.
    for path in workflow.configfiles:
        read_yaml(path)
    CONFIG = validated(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

SOURCES = {source.name: source for source in CONFIG.sources}
BENCHMARKS = {benchmark.name: benchmark for benchmark in CONFIG.benchmarks}
PARTS = sorted({part for source in CONFIG.sources for part in source.parts})
WORLD = f"{CONFIG.miniature.folder}/manifest.json" if CONFIG.miniature else []
TRUTH = f"{CONFIG.miniature.folder}/truth" if CONFIG.miniature else []
# A folder does not become better by asking again.
RETRIES = 0 if CONFIG.miniature else 2


def one_of(names):
    """Wildcard constraint: exactly these names (a source `web` must not match `web_2024`)."""
    return "|".join(map(re.escape, names)) or "(?!)"


def sources_of(stage):
    """Names of the sources whose corpus this stage makes."""
    return [name for name, source in SOURCES.items() if STAGE_OF_KIND[source.kind] == stage]


def as_json(value, only=None, without=None):
    """Settings as JSON with sorted keys: the order of keys in a config must not re-run a rule.

    ``only`` names the keys that a step reads, ``without`` those that do not matter to it: a change of another key must
    not re-run it. (What is left out takes its default in the step, which does not use it.)
    """
    options = {"mode": "json", "include": only, "exclude": without}
    entries = [entry.model_dump(**options) for entry in (value if isinstance(value, list) else [value])]
    return json.dumps(entries if isinstance(value, list) else entries[0], sort_keys=True)


def source_json(wildcards):
    """The source; of its species only this part's: another species in the list must not re-run it."""
    source = SOURCES[wildcards.source]
    if source.kind == "refseq_genomes":
        own = [s for s in source.species if s.part == wildcards.part]
        source = source.model_copy(update={"species": own})
    return as_json(source)


def address_of(server):
    """What of a server decides which bytes arrive. Rates, retries and contact do not, and reach the jobs through the
    environment: raising the retries of a flaky download must not repeat the downloads that worked.
    """
    return next((s.address for s in CONFIG.servers if s.name == server), "")


def source_address(wildcards):
    return address_of(SERVER_OF_KIND.get(SOURCES[wildcards.source].kind))


def own_files(source):
    """A user's own files that a source names."""
    single = [getattr(source, key, None) for key in ("fasta", "gff", "rna", "protein", "genbank")]
    return [path for path in [*getattr(source, "paths", []), *single] if path]


def local_files(wildcards):
    """Own files are inputs: editing one re-runs what depends on it."""
    return own_files(SOURCES[wildcards.source])


def edited_files(wildcards):
    """Raw files changed by hand since acquire listed them, as a parameter: a corrected annotation re-runs its species
    only. files.csv is written last, so there are none before and after a run of acquire."""
    listing = Path(f"data/raw/{wildcards.source}/{wildcards.part}/files.csv")
    if not listing.exists():
        return ""
    written = listing.stat().st_mtime_ns
    files = (f for f in sorted(listing.parent.rglob("*")) if f.is_file())
    return " ".join(f"{f.name}@{f.stat().st_mtime_ns}" for f in files if f.stat().st_mtime_ns > written)


def parts_of(source, pattern):
    """``pattern`` with {source} and {part} filled in for every part of a source."""
    return [pattern.format(source=source, part=part) for part in SOURCES[source].parts]


def all_parts(pattern, stage=None):
    names = SOURCES if stage is None else sources_of(stage)
    return [path for name in names for path in parts_of(name, pattern)]


missing = sorted({path for name in SOURCES for path in own_files(SOURCES[name]) if not Path(path).exists()})
if missing:
    listed = "\n".join(f"  {path}" for path in missing)
    raise WorkflowError(f"{len(missing)} file(s) of local sources do not exist (from {os.getcwd()}):\n{listed}")

os.environ.update(BSM_SERVERS=as_json(CONFIG.servers), BSM_ACQUIRE=as_json(CONFIG.acquire))


envvars:
    "BSM_SERVERS",
    "BSM_ACQUIRE",


def gates(wildcards):
    """Manifests of all clean sources, through the checkpoint that makes them.

    A checkpoint's manifest cuts off the jobs that take it directly, and only those. So every job after clean lists
    this as an input: when a raw file changes and the clean corpus does not, none of them runs.
    """
    return [checkpoints.clean_gate.get(source=name).output.manifest for name in SOURCES]


def own_gate(wildcards):
    return checkpoints.clean_gate.get(source=wildcards.source).output.manifest

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

from bsm.base import runs
from bsm.base.codehash import code_hash
from bsm.base.config import read_yaml, validated
from bsm.base.config.sources import SERVER_OF_KIND, STAGE_OF_KIND
from bsm.base.config.training import TRAIN_MANNERS
from bsm.base.errors import ConfigError
from bsm.base.runlock import hold_directory

try:
    # A key that stands twice is refused; Snakemake's own reader does not see it.
    for path in workflow.configfiles:
        read_yaml(path)
    CONFIG = validated(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

# Held until this process ends; clears the lock files that a killed run has left.
RUN_LOCK = hold_directory(Path(".snakemake")) if workflow.is_main_process and not workflow.dryrun else None

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

os.environ.update(
    BSM_SERVERS=as_json(CONFIG.servers),
    BSM_ACQUIRE=as_json(CONFIG.acquire),
    BSM_TRAIN=as_json(CONFIG.train, only=set(TRAIN_MANNERS)),
)


envvars:
    "BSM_SERVERS",
    "BSM_ACQUIRE",
    "BSM_TRAIN",


def gates_of(names):
    return [checkpoints.clean_gate.get(source=name).output.manifest for name in names]


def gates(wildcards):
    """Manifests of all clean sources, through the checkpoint that makes them.

    A checkpoint's manifest cuts off the jobs that take it directly, and only those. So every job after clean lists
    this as an input: when a raw file changes and the clean corpus does not, none of them runs.
    """
    return gates_of(SOURCES)


def own_gate(wildcards):
    return gates_of([wildcards.source])


# The training half of the graph (bsm/base/runs.py): runs, their parents and mixes, the evaluation jobs.
RUNS = {run.folder: run for run in runs.all_runs(CONFIG)}
MODELS = {model.name: model for model in CONFIG.models}
MIXES = {mix.name: mix for mix in CONFIG.mixes}
ROUNDS = {round_.name: round_ for round_ in CONFIG.train.rounds}
MEASUREMENTS = {measurement.stem: measurement for measurement in runs.measurements(CONFIG)}
# A job of training or evaluation wants the GPU, unless the config says that it computes on the CPU.
N_GPUS = 0 if CONFIG.train.device == "cpu" else 1
# What each setting of the evaluation reads of its config section.
SETTINGS_READ = {
    "fine-tuned": {"fine_tune", "valid_share", "bootstrap", "batch_tokens"},
    "few-shot": {"few_shot_seed", "min_few_shot_items", "valid_share", "bootstrap", "batch_tokens"},
    "zero-shot": {"bootstrap", "batch_tokens"},
    "language-model": {"max_valid_tokens", "bootstrap", "batch_tokens"},
}
BASELINES_READ = {
    "baselines": True, "bootstrap": True, "valid_share": True, "max_valid_tokens": True,
    "fine_tune": {"max_train_items"},
}  # fmt: skip


def run_of(wildcards):
    return RUNS[f"runs/{wildcards.model}/{wildcards.arm}/{wildcards.round}"]


def gates_of_run(wildcards):
    """The gates of all sources that a run depends on, its earlier rounds included."""
    behind = runs.groups_behind(CONFIG, run_of(wildcards))
    return gates_of(name for name, source in SOURCES.items() if source.group in behind)


def manifests_of(groups, arm="mixed"):
    """Manifests of the shards of these groups; the unpaired arm reads its own copies of the paired ones."""
    wanted = {name: source.group for name, source in SOURCES.items() if source.group in groups}
    apart = {"refseq", "gene"} if arm == "unpaired" else set()
    return [f"data/{'unpaired' if group in apart else 'shards'}/{name}.manifest.json" for name, group in wanted.items()]


def parent_files(run):
    """The checkpoint that a run starts from: weights, network, and how far its sources were read."""
    parent = runs.parent(CONFIG, run)
    return (
        [f"{parent.folder}/{name}" for name in ("model.safetensors", "config.json", "training.json")] if parent else []
    )


def training_code(module, record):
    """The hash of the training code, where a change re-runs training; else the one that ``record`` was made by.

    So neither a change of code nor a change of the policy itself re-runs what `keep` and `stop` protect.
    """
    current, policy = code_hash(module), CONFIG.train.on_code_change
    recorded = None if policy == "rerun" else runs.recorded_code(record)
    if policy == "stop" and recorded not in (None, current):
        raise WorkflowError(
            f"the training code has changed since {record} was made. Set train.on_code_change to keep (go on from it) "
            "or rerun (train again)."
        )
    return recorded or current


def choice_of(run):
    """The file that names a run's mix where annealing chooses it."""
    round_ = runs.mix_round(CONFIG, run)
    return [f"runs/anneal/{round_.name}/choice.json"] if round_ and round_.mix == runs.ANNEALED else []


def mix_of(run, choice):
    """What ``--mix`` gets: the mix as JSON, or the file that annealing writes."""
    fixed = runs.fixed_mix(CONFIG, run)
    return as_json(fixed) if fixed else choice[0]


def anneal_result(wildcards):
    return f"runs/anneal/{wildcards.round}/{wildcards.mix}.seed{wildcards.seed}.json"


def anneal_runs(wildcards):
    names = [mix.name for mix in runs.candidates(CONFIG, wildcards.round)]
    return [f"runs/anneal/{wildcards.round}/{name}.seed{seed}.json" for name in names for seed in CONFIG.anneal.seeds]


def benchmark_tables(measurement):
    """Benchmarks of a measurement's tasks; fine-tuning is for the headline ones."""
    wanted = [b for b in CONFIG.benchmarks if b.task in measurement.tasks]
    return [f"data/benchmarks/{b.name}.parquet" for b in wanted if b.headline or measurement.setting != "fine-tuned"]


def measurement_of(wildcards):
    w = wildcards
    return MEASUREMENTS[f"results/evaluations/{w.model}/{w.arm}/{w.round}/{w.setting}.{w.batch}"]


def held_out_manifests(setting):
    """Only held-out losses read shards; the other settings read benchmarks."""
    return manifests_of({"single", "refseq", "gene", "web"}) if setting == "language-model" else []

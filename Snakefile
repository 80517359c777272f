# The graph of BSM: downloads -> DNA/RNA/protein corpora -> clean shards -> (training, evaluation, Table 1).
# Rules are glue; the work is in bsm/<stage>/, one folder, one rule file and one command per stage.
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


configfile: Path(workflow.basedir) / "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/miniature.smk"
include: "workflow/rules/acquire.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/pair.smk"
include: "workflow/rules/interleave.smk"
include: "workflow/rules/clean.smk"
include: "workflow/rules/shard.smk"
include: "workflow/rules/anneal.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


wildcard_constraints:
    source=one_of(SOURCES),
    part=one_of(PARTS),
    benchmark=one_of(BENCHMARKS),
    model=one_of(MODELS),
    arm="mixed|single|no_web|unpaired",
    round=one_of(ROUNDS),
    mix=one_of(MIXES),
    seed=r"\d+",
    setting=one_of(SETTINGS_READ),
    batch="[a-z_]+",


localrules:
    all,


rule all:
    default_target: True
    input:
        "results/table1.csv",
        "results/table1.md",
        "results/validation_loss.svg",
        # Named one by one, so that a deleted evaluation is measured again, and the table after it.
        expand("{stem}.csv", stem=MEASUREMENTS),
        "results/evaluations/baselines.csv",
        expand("results/anneal_{round}.csv", round=[name for name in ROUNDS if runs.candidates(CONFIG, name)]),
        "results/data.md",
        "results/sources.csv",
        "results/plan.csv",


onsuccess:
    # Where things are and how long each stage took; a finished run is finished whatever this prints.
    shell("python -m bsm report end --times logs/times --out-dir results || true")

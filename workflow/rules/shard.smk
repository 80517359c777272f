# Samples, windows and tokens of one source, packed into Parquet shards; then the plan of supply against budget.
rule shard:
    input:
        gate=own_gate,
        # The gate's content hash says whether anything changed; the time stamp of the corpus must not.
        corpus=ancient("data/clean/{source}.parquet"),
    output:
        manifest="data/shards/{source}.manifest.json",
        counts="data/shards/{source}.counts.csv",
        shards=directory("data/shards/{source}"),
    log:
        "logs/shard/{source}.log",
    benchmark:
        "logs/times/shard/{source}.tsv"
    conda:
        "../../envs/shard.yaml"
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        group=lambda wildcards: SOURCES[wildcards.source].group,
        settings=as_json(CONFIG.shard, without={"max_passes", "max_passes_exempt"}),
        code=code_hash("bsm.shard.build"),
    shell:
        "python -m bsm shard --corpus {input.corpus:q} --source-name {wildcards.source:q} --group {params.group:q}"
        " --settings {params.settings:q} --out {output.shards:q} --manifest {output.manifest:q} --counts {output.counts:q}"
        " 2> {log:q}"


# The paired sources with partners permuted between genes: what the arm `unpaired` reads.
rule shard_unpaired:
    input:
        gate=own_gate,
        corpus=ancient("data/clean/{source}.parquet"),
    output:
        manifest="data/unpaired/{source}.manifest.json",
        counts="data/unpaired/{source}.counts.csv",
        shards=directory("data/unpaired/{source}"),
    log:
        "logs/shard/{source}.unpaired.log",
    benchmark:
        "logs/times/shard/{source}.unpaired.tsv"
    conda:
        "../../envs/shard.yaml"
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        group=lambda wildcards: SOURCES[wildcards.source].group,
        settings=as_json(CONFIG.shard, without={"max_passes", "max_passes_exempt"}),
        code=code_hash("bsm.shard.build"),
    shell:
        "python -m bsm shard --unpaired --corpus {input.corpus:q} --source-name {wildcards.source:q} --group {params.group:q}"
        " --settings {params.settings:q} --out {output.shards:q} --manifest {output.manifest:q} --counts {output.counts:q}"
        " 2> {log:q}"


rule shard_plan:
    input:
        gates=gates,
        manifests=expand("data/shards/{source}.manifest.json", source=SOURCES),
    output:
        plan="results/plan.csv",
    log:
        "logs/shard/plan.log",
    benchmark:
        "logs/times/shard/plan.tsv"
    # First of the jobs that are ready; where rounds ask for too many passes, nothing more is started. (It is no input of
    # training: changed, it would train everything again, and `ancient` hides the other changes of what takes it.)
    priority: 100
    conda:
        "../../envs/shard.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        train=as_json(CONFIG.train, only={"budget_by", "rounds"}),
        mixes=as_json(CONFIG.mixes),
        anneal=as_json(CONFIG.anneal),
        models=as_json(CONFIG.models),
        settings=as_json(CONFIG.shard, only={"context_tokens", "max_passes", "max_passes_exempt"}),
        code=code_hash("bsm.shard.plan"),
    shell:
        "python -m bsm shard plan --manifests {input.manifests:q} --train {params.train:q} --mixes {params.mixes:q}"
        " --anneal {params.anneal:q} --models {params.models:q} --settings {params.settings:q} --out {output.plan:q} 2> {log:q}"

# One setting on one checkpoint: all its tasks in one process, or one (evaluate.one_job_per).
rule evaluate:
    input:
        gates=lambda wildcards: gates(wildcards) if wildcards.setting == "language-model" else gates_of_run(wildcards),
        weights="runs/{model}/{arm}/{round}/model.safetensors",
        config="runs/{model}/{arm}/{round}/config.json",
        benchmarks=lambda wildcards: benchmark_tables(measurement_of(wildcards)),
        manifests=lambda wildcards: held_out_manifests(wildcards.setting),
    output:
        results="results/evaluations/{model}/{arm}/{round}/{setting}.{batch}.csv",
        predictions="results/evaluations/{model}/{arm}/{round}/{setting}.{batch}.items.parquet",
    log:
        "logs/evaluate/{model}.{arm}.{round}.{setting}.{batch}.log",
    benchmark:
        "logs/times/evaluate/{model}.{arm}.{round}.{setting}.{batch}.tsv"
    conda:
        "../../envs/evaluate.yaml"
    resources:
        gpu=N_GPUS,
        mem_mb=8000 if N_GPUS else 1500,
        runtime=lambda wildcards: 4320 if wildcards.setting == "fine-tuned" else 720,
    params:
        checkpoint=lambda wildcards, input: str(Path(input.weights).parent),
        tasks=lambda wildcards: measurement_of(wildcards).tasks,
        shots=lambda wildcards: (
            ["--shots", *map(str, measurement_of(wildcards).shots)] if measurement_of(wildcards).shots else []
        ),
        settings=lambda wildcards: as_json(CONFIG.evaluate, only=SETTINGS_READ[wildcards.setting]),
        context=CONFIG.shard.context_tokens,
        device=CONFIG.train.device,
        code=code_hash("bsm.evaluate.command"),
    shell:
        "python -m bsm evaluate {wildcards.setting} --checkpoint {params.checkpoint:q} --model-name {wildcards.model:q}"
        " --arm {wildcards.arm} --round {wildcards.round} --tasks {params.tasks:q} {params.shots:q} --benchmarks {input.benchmarks:q}"
        " --manifests {input.manifests:q} --context-tokens {params.context} --device {params.device} --settings {params.settings:q}"
        " --out {output.results:q} --items {output.predictions:q} 2> {log:q}"


rule evaluate_baselines:
    input:
        gates=gates,
        benchmarks=expand("data/benchmarks/{benchmark}.parquet", benchmark=BENCHMARKS),
        manifests=manifests_of({"single", "refseq", "gene", "web"}),
    output:
        results="results/evaluations/baselines.csv",
        predictions="results/evaluations/baselines.items.parquet",
    log:
        "logs/evaluate/baselines.log",
    benchmark:
        "logs/times/evaluate/baselines.tsv"
    conda:
        "../../envs/evaluate.yaml"
    resources:
        mem_mb=8000 if N_GPUS else 1500,
        runtime=720,
    params:
        tasks=sorted({entry.task for entry in CONFIG.evaluate.matrix} | {"validation_loss"}),
        settings=as_json(CONFIG.evaluate, only=BASELINES_READ),
        code=code_hash("bsm.evaluate.command"),
    shell:
        "python -m bsm evaluate baselines --tasks {params.tasks:q} --benchmarks {input.benchmarks:q}"
        " --manifests {input.manifests:q} --settings {params.settings:q} --out {output.results:q} --items {output.predictions:q} 2> {log:q}"

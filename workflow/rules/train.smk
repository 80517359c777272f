# One round of one arm of one model. Its state (runs/.../state) is no output: Snakemake deletes outputs of a killed job, the
# trainer resumes from its state.
rule train:
    input:
        gates=gates_of_run,
        manifests=lambda wildcards: manifests_of(runs.groups(CONFIG, run_of(wildcards)), wildcards.arm),
        # The curve always shows the single-modal sections, beside those of the run's own mix.
        valid=lambda wildcards: manifests_of({"single"} | runs.groups(CONFIG, run_of(wildcards))),
        choice=lambda wildcards: choice_of(run_of(wildcards)),
        parent=lambda wildcards: parent_files(run_of(wildcards)),
    output:
        weights="runs/{model}/{arm}/{round}/model.safetensors",
        config="runs/{model}/{arm}/{round}/config.json",
        record="runs/{model}/{arm}/{round}/training.json",
        metrics="runs/{model}/{arm}/{round}/metrics.csv",
        validation="runs/{model}/{arm}/{round}/validation.csv",
        speed="runs/{model}/{arm}/{round}/speed.json",
    log:
        "logs/train/{model}.{arm}.{round}.log",
    benchmark:
        "logs/times/train/{model}.{arm}.{round}.tsv"
    # The chain of the larger model is the longest path through the graph.
    priority: 50
    conda:
        "../../envs/train.yaml"
    resources:
        gpu=N_GPUS,
        mem_mb=8000 if N_GPUS else 1500,
        runtime=20160,
    params:
        model=lambda wildcards: as_json(MODELS[wildcards.model], without={"arms"}),
        round=lambda wildcards: as_json(runs.round_of(CONFIG, run_of(wildcards)), without={"mix"}),
        mix=lambda wildcards, input: mix_of(run_of(wildcards), input.choice),
        settings=as_json(CONFIG.train, without={*TRAIN_MANNERS, "rounds"}),
        init=lambda wildcards, input: ["--init", str(Path(input.parent[0]).parent)] if input.parent else [],
        code=lambda wildcards: training_code("bsm.train.round", f"{run_of(wildcards).folder}/training.json"),
        out=lambda wildcards, output: str(Path(output.weights).parent),
    shell:
        "python -m bsm train --model {params.model:q} --round {params.round:q} --settings {params.settings:q}"
        ' --manners "$BSM_TRAIN"'
        " --arm {wildcards.arm:q} --mix {params.mix:q} --manifests {input.manifests:q} --valid-manifests {input.valid:q}"
        " {params.init:q} --restart-if-changed --out {params.out:q} 2> {log:q}"

# Short runs that choose the mix of a round (paper section 2.3), and the choice.
rule anneal:
    input:
        gates=gates,
        manifests=lambda wildcards: manifests_of(set(MIXES[wildcards.mix].weights)),
        # The objective is the same for every candidate: all held-out sections.
        valid=manifests_of({"single", "refseq", "gene", "web"}),
        parent=lambda wildcards: parent_files(runs.Run(CONFIG.anneal.model, "mixed", wildcards.round)),
    output:
        result="runs/anneal/{round}/{mix}.seed{seed}.json",
    log:
        "logs/anneal/{round}.{mix}.seed{seed}.log",
    benchmark:
        "logs/times/anneal/{round}.{mix}.seed{seed}.tsv"
    # Every later round waits for the choice.
    priority: 90
    conda:
        "../../envs/anneal.yaml"
    resources:
        gpu=N_GPUS,
        mem_mb=8000 if N_GPUS else 1500,
        runtime=2880,
    params:
        model=as_json(MODELS[CONFIG.anneal.model], without={"arms"}),
        round=lambda wildcards: as_json(ROUNDS[wildcards.round], only={"name", "learning_rate_start", "optimiser"}),
        mix=lambda wildcards: as_json(MIXES[wildcards.mix]),
        init=lambda wildcards, input: str(Path(input.parent[0]).parent),
        train=as_json(CONFIG.train, without={*TRAIN_MANNERS, "rounds", "schedule", "warmup_steps", "budget_by"}),
        settings=as_json(CONFIG.anneal, only={"model", "n_steps"}),
        code=lambda wildcards: training_code("bsm.anneal.run", anneal_result(wildcards)),
    shell:
        "python -m bsm anneal run --model {params.model:q} --round {params.round:q} --train {params.train:q}"
        ' --manners "$BSM_TRAIN"'
        " --settings {params.settings:q} --mix {params.mix:q} --seed {wildcards.seed} --manifests {input.manifests:q}"
        " --valid-manifests {input.valid:q} --init {params.init:q} --out {output.result:q} 2> {log:q}"


rule anneal_select:
    input:
        gates=gates,
        runs=anneal_runs,
    output:
        choice="runs/anneal/{round}/choice.json",
        table=report(
            "results/anneal_{round}.csv",
            caption="../report/anneal.rst",
            category="Annealing",
            labels={"round": "{round}"},
        ),
    log:
        "logs/anneal/{round}.select.log",
    benchmark:
        "logs/times/anneal/{round}.select.tsv"
    priority: 90
    conda:
        "../../envs/anneal.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=as_json(CONFIG.anneal, only={"model", "objective_weights"}),
        code=code_hash("bsm.anneal.select"),
    shell:
        "python -m bsm anneal select --runs {input.runs:q} --settings {params.settings:q} --out {output.choice:q}"
        " --table {output.table:q} 2> {log:q}"

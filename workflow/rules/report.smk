# Tables for people. The only rule that reads the miniature's truth.
rule report_data:
    input:
        gates=gates,
        files=all_parts("data/raw/{source}/{part}/files.csv")
        + expand("data/raw/benchmarks/{benchmark}/files.csv", benchmark=BENCHMARKS),
        counts=all_parts("data/corpus/{source}/{part}.counts.csv")
        + all_parts("data/clean/{source}/{part}.counts.csv")
        + expand("data/clean/{source}.counts.csv", source=SOURCES)
        + expand("data/shards/{source}.counts.csv", source=SOURCES)
        + expand("data/benchmarks/{benchmark}.counts.csv", benchmark=BENCHMARKS)
        + ["data/clean/groups.counts.csv"],
        hits=all_parts("data/clean/{source}/{part}.hits.parquet"),
        # The gates say whether a clean corpus changed; its time stamp must not.
        clean=ancient(expand("data/clean/{source}.parquet", source=SOURCES)),
        manifests=expand("data/shards/{source}.manifest.json", source=SOURCES),
        genes=all_parts("data/pairs/{source}/{part}.genes.parquet", stage="pair"),
        found=all_parts("data/web/{source}/{part}.found.parquet", stage="interleave"),
        plan="results/plan.csv",
        truth=TRUTH,
    output:
        sources=report("results/sources.csv", caption="../report/data.rst", category="Data"),
        counts="results/data_counts.csv",
        planted=report("results/planted_found.csv", caption="../report/data.rst", category="Data"),
        page=report("results/data.md", caption="../report/data.rst", category="Data"),
    log:
        "logs/report/data.log",
    benchmark:
        "logs/times/report/data.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=as_json(CONFIG.report),
        corpus=CONFIG.corpus,
        truth=["--truth", TRUTH] if TRUTH else [],
        code=code_hash("bsm.report.command"),
    shell:
        "python -m bsm report data --file-lists {input.files:q} --counts {input.counts:q} --hits {input.hits:q}"
        " --clean {input.clean:q}"
        " --manifests {input.manifests:q} --genes {input.genes:q} --found {input.found:q} --plan {input.plan:q}"
        " {params.truth:q} --corpus {params.corpus:q} --settings {params.settings:q} --sources {output.sources:q}"
        " --all-counts {output.counts:q} --planted {output.planted:q} --page {output.page:q} 2> {log:q}"


# The table: every number of the run, with the paper's beside it.
rule report_table:
    input:
        gates=gates,
        results=[f"{stem}.csv" for stem in MEASUREMENTS] + ["results/evaluations/baselines.csv"],
    output:
        table=report(
            "results/table1.csv",
            caption="../report/table1.rst",
            category="Results",
            labels={"what": "every number of the run"},
        ),
        page=report(
            "results/table1.md",
            caption="../report/table1.rst",
            category="Results",
            labels={"what": "the same, to read"},
        ),
    log:
        "logs/report/table.log",
    benchmark:
        "logs/times/report/table.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        models=list(MODELS),
        benchmarks=list(BENCHMARKS),
        corpus=CONFIG.corpus,
        code=code_hash("bsm.report.table"),
    shell:
        "python -m bsm report table --results {input.results:q} --models {params.models:q} --benchmarks {params.benchmarks:q}"
        " --corpus {params.corpus:q} --out {output.table:q} --markdown {output.page:q} 2> {log:q}"


rule report_figure:
    input:
        gates=gates,
        results=[f"{stem}.csv" for stem, m in MEASUREMENTS.items() if m.setting == "language-model"],
        curves=[f"{folder}/validation.csv" for folder in RUNS],
    output:
        figure=report(
            "results/validation_loss.svg",
            caption="../report/validation_loss.rst",
            category="Results",
            labels={"what": "validation loss by round and arm"},
        ),
    log:
        "logs/report/figure.log",
    benchmark:
        "logs/times/report/figure.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        models=list(MODELS),
        corpus=CONFIG.corpus,
        code=code_hash("bsm.report.figure"),
    shell:
        "python -m bsm report figure --results {input.results:q} --curves {input.curves:q} --models {params.models:q} --corpus {params.corpus:q}"
        " --out {output.figure:q} 2> {log:q}"

# Benchmark items out (per part), then duplicates, groups and the split (over all sources), then one gate per source.
SEARCH_READS = {"level", "min_coverage", "search", "context_nt", "min_rest_nt"}
GROUP_READS = {"seed", "valid_share", "context_nt", "deduplicate", "search"}
GATE_READS = {
    *("min_coverage", "search", "context_nt", "min_rest_nt", "valid_share"),
    *("max_loss", "max_validation_loss", "acknowledge_loss"),
}


rule clean_search:
    input:
        benchmarks=expand("data/benchmarks/{benchmark}.parquet", benchmark=BENCHMARKS),
        corpus="data/corpus/{source}/{part}.parquet",
    output:
        kept="data/clean/{source}/{part}.kept.parquet",
        hits="data/clean/{source}/{part}.hits.parquet",
        counts="data/clean/{source}/{part}.counts.csv",
    log:
        "logs/clean/search.{source}.{part}.log",
    benchmark:
        "logs/times/clean/search.{source}.{part}.tsv"
    conda:
        "../../envs/clean.yaml"
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        settings=as_json(CONFIG.clean, only=SEARCH_READS),
        code=code_hash("bsm.clean.decontaminate"),
    shell:
        "python -m bsm clean search --items {input.benchmarks:q} --corpus {input.corpus:q} --settings {params.settings:q}"
        " --kept {output.kept:q} --hits {output.hits:q} --counts {output.counts:q} 2> {log:q}"


rule clean_group:
    input:
        kept=all_parts("data/clean/{source}/{part}.kept.parquet"),
    output:
        groups="data/clean/groups.parquet",
        counts="data/clean/groups.counts.csv",
    log:
        "logs/clean/group.log",
    benchmark:
        "logs/times/clean/group.tsv"
    conda:
        "../../envs/clean.yaml"
    resources:
        mem_mb=8000,
        runtime=2880,
    params:
        settings=as_json(CONFIG.clean, only=GROUP_READS),
        code=code_hash("bsm.clean.group"),
    shell:
        "python -m bsm clean group --kept {input.kept:q} --settings {params.settings:q} --out {output.groups:q}"
        " --counts {output.counts:q} 2> {log:q}"


checkpoint clean_gate:
    input:
        kept=lambda wildcards: parts_of(wildcards.source, "data/clean/{source}/{part}.kept.parquet"),
        removed=lambda wildcards: parts_of(wildcards.source, "data/clean/{source}/{part}.counts.csv"),
        groups="data/clean/groups.parquet",
    output:
        corpus="data/clean/{source}.parquet",
        manifest="data/clean/{source}.manifest.json",
        counts="data/clean/{source}.counts.csv",
    log:
        "logs/clean/gate.{source}.log",
    benchmark:
        "logs/times/clean/gate.{source}.tsv"
    conda:
        "../../envs/clean.yaml"
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        settings=as_json(CONFIG.clean, only=GATE_READS),
        code=code_hash("bsm.clean.gate"),
    shell:
        "python -m bsm clean gate --kept {input.kept:q} --removed {input.removed:q} --groups {input.groups:q}"
        " --settings {params.settings:q} --out {output.corpus:q} --manifest {output.manifest:q} --counts {output.counts:q}"
        " 2> {log:q}"

# Raw files, verified against their publisher's checksums. Payloads are state of the downloader (they survive a failed
# job and are resumed); only their list is an output.
rule acquire_source:
    input:
        world=WORLD,
        local=local_files,
    output:
        files="data/raw/{source}/{part}/files.csv",
    log:
        "logs/acquire/{source}.{part}.log",
    benchmark:
        "logs/times/acquire/{source}.{part}.tsv"
    retries: RETRIES
    conda:
        "../../envs/acquire.yaml"
    resources:
        mem_mb=2000,
        runtime=2880,
    params:
        source=source_json,
        address=source_address,
        folder=subpath(output.files, parent=True),
        code=code_hash("bsm.acquire.command"),
    shell:
        'python -m bsm acquire --source {params.source:q} --part {wildcards.part:q} --servers "$BSM_SERVERS"'
        ' --settings "$BSM_ACQUIRE" --out {params.folder:q} 2> {log:q}'


rule acquire_benchmark:
    input:
        world=WORLD,
    output:
        table="data/benchmarks/{benchmark}.parquet",
        files="data/raw/benchmarks/{benchmark}/files.csv",
        counts="data/benchmarks/{benchmark}.counts.csv",
    log:
        "logs/acquire/{benchmark}.log",
    benchmark:
        "logs/times/acquire/{benchmark}.tsv"
    retries: RETRIES
    conda:
        "../../envs/acquire.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        benchmark=lambda wildcards: as_json(BENCHMARKS[wildcards.benchmark], without={"headline"}),
        address=lambda wildcards: address_of(BENCHMARKS[wildcards.benchmark].server),
        folder=subpath(output.files, parent=True),
        code=code_hash("bsm.acquire.command"),
    shell:
        'python -m bsm acquire --benchmark {params.benchmark:q} --servers "$BSM_SERVERS"'
        ' --settings "$BSM_ACQUIRE" --raw {params.folder:q} --out {output.table:q} --counts {output.counts:q} 2> {log:q}'

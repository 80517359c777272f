# Biological sequences that stand in web documents.
rule interleave:
    input:
        files="data/raw/{source}/{part}/files.csv",
        local=local_files,
    output:
        found="data/web/{source}/{part}.found.parquet",
        corpus="data/corpus/{source}/{part}.parquet",
        counts="data/corpus/{source}/{part}.counts.csv",
    log:
        "logs/interleave/{source}.{part}.log",
    benchmark:
        "logs/times/interleave/{source}.{part}.tsv"
    wildcard_constraints:
        source=one_of(sources_of("interleave")),
    conda:
        "../../envs/interleave.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=2880,
    params:
        source=source_json,
        settings=as_json(CONFIG.interleave),
        raw=subpath(input.files, parent=True),
        edited=edited_files,
        code=code_hash("bsm.interleave.command"),
    shell:
        "python -m bsm interleave --source {params.source:q} --raw {params.raw:q} --settings {params.settings:q} --workers {threads}"
        " --found {output.found:q} --corpus {output.corpus:q} --counts {output.counts:q} 2> {log:q}"

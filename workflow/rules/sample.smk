# Single-modal corpora: nucleotide and protein FASTA, sampled to a token budget.
rule sample:
    input:
        files="data/raw/{source}/{part}/files.csv",
        local=local_files,
    output:
        corpus="data/corpus/{source}/{part}.parquet",
        counts="data/corpus/{source}/{part}.counts.csv",
    log:
        "logs/sample/{source}.{part}.log",
    benchmark:
        "logs/times/sample/{source}.{part}.tsv"
    wildcard_constraints:
        source=one_of(sources_of("sample")),
    conda:
        "../../envs/sample.yaml"
    resources:
        mem_mb=2000,
        runtime=1440,
    params:
        source=source_json,
        settings=as_json(CONFIG.sample),
        raw=subpath(input.files, parent=True),
        edited=edited_files,
        code=code_hash("bsm.sample.command"),
    shell:
        "python -m bsm sample --source {params.source:q} --raw {params.raw:q} --settings {params.settings:q}"
        " --out {output.corpus:q} --counts {output.counts:q} 2> {log:q}"

# DNA, RNA and protein of every gene: from an annotated genome (one job a species) or from NCBI Gene.
rule pair:
    input:
        files="data/raw/{source}/{part}/files.csv",
        local=local_files,
    output:
        genes="data/pairs/{source}/{part}.genes.parquet",
        report="data/pairs/{source}/{part}.report.csv",
        corpus="data/corpus/{source}/{part}.parquet",
        counts="data/corpus/{source}/{part}.counts.csv",
    log:
        "logs/pair/{source}.{part}.log",
    benchmark:
        "logs/times/pair/{source}.{part}.tsv"
    wildcard_constraints:
        source=one_of(sources_of("pair")),
    conda:
        "../../envs/pair.yaml"
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        source=source_json,
        settings=as_json(CONFIG.pair),
        raw=subpath(input.files, parent=True),
        edited=edited_files,
        code=code_hash("bsm.pair.command"),
    shell:
        "python -m bsm pair --source {params.source:q} --part {wildcards.part:q} --raw {params.raw:q}"
        " --settings {params.settings:q} --genes {output.genes:q} --corpus {output.corpus:q} --counts {output.counts:q}"
        " --report {output.report:q} 2> {log:q}"

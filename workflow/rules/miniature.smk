# The known-answer world: mirrors of the publishers' servers, and a truth that only tests and the report read.
if CONFIG.miniature:

    rule miniature:
        output:
            manifest=WORLD,
            truth=directory(TRUTH),
        log:
            "logs/miniature.log",
        benchmark:
            "logs/times/miniature.tsv"
        conda:
            "../../envs/miniature.yaml"
        resources:
            mem_mb=1500,
            runtime=10,
        params:
            settings=as_json(CONFIG.miniature),
            folder=subpath(output.manifest, parent=True),
            code=code_hash("bsm.miniature.command"),
        shell:
            "python -m bsm miniature --settings {params.settings:q} --out {params.folder:q} 2> {log:q}"

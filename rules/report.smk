"""Stage report. Takes: what every stage says of its outputs. Makes: report/, provenance/."""


rule provenance:
    input:
        code=code("provenance.py"),
        health=f"<results>/health/{config['variants'][0]}.json",
        tables=expand("<results>/perf/{variant}/perf.csv", variant=config["variants"]),
    output:
        run_config="<results>/provenance/run_config.yaml",
        versions="<results>/provenance/versions.json",
        system="<results>/provenance/system.json",
    log:
        "<logs>/provenance.log",
    benchmark:
        "<benchmarks>/provenance.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        settings=settings(**config),
    message:
        "Provenance"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --health {input.health}"
        " --run-config {output.run_config} --versions {output.versions} --system {output.system} --log {log}"

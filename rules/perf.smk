"""Stage perf. Takes: repository/<variant>/, health/<variant>.json, export/reference.npz.

Makes: perf/<variant>/repeat-<n>/ (points.csv, raw/) and in_process/<variant>/repeat-<n>.csv.
Config: sweep, serving, profile.
"""


# All variants take their first turn before any takes its second, so that a drift of the machine hits all alike: the
# earlier the repeat the higher its priority, below the 1 of everything that prepares a sweep.
rule sweep:
    input:
        code=code("sweep.py"),
        server=code("pytriton_server.py"),
        repository="<results>/repository/{variant}",
        health=rules.healthcheck.output.health,
        reference=reference,
        model_file=SAMPLED,
    output:
        points="<results>/perf/{variant}/repeat-{repeat}/points.csv",
        raw=directory("<results>/perf/{variant}/repeat-{repeat}/raw"),
    log:
        "<logs>/sweep/{variant}-{repeat}.log",
        server="<logs>/sweep/{variant}-{repeat}.server.log",
    benchmark:
        "<benchmarks>/sweep/{variant}-{repeat}.tsv"
    priority: lambda wildcards: 1 / (1 + int(wildcards.repeat))
    conda:
        "../envs/main.yaml"
    container:
        IMAGE
    # All cores of the default run, and a resource of which there is one: nothing runs beside a measurement.
    threads: 4
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=GPUS,
        measure=1,
    params:
        libraries=libraries("sweep.py", packages=SERVER_PACKAGES),
        settings=lambda wildcards: settings(
            variant=wildcards.variant,
            name=served_name(wildcards.variant),
            server=triton(wildcards.variant),
            device=served_device(wildcards.variant),
            # The model that computes, whose batches are counted.
            counted=served_name(INNER if VARIANTS[wildcards.variant].raw else wildcards.variant),
            model=served_model(wildcards.variant),
            inputs=[] if VARIANTS[wildcards.variant].raw else config["model"]["inputs"],
            sweep=sweep_settings(),
        ),
        given=lambda wildcards, input: options(model_file=input.model_file),
    message:
        "Sweep of {wildcards.variant}, repeat {wildcards.repeat}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --repeat {wildcards.repeat}"
        " --repository {input.repository} --health {input.health} --reference {input.reference} {params.given}"
        " --server-log {log.server} --raw {output.raw} --points {output.points} --log {log[0]}"


# The measurements without a server take turns with the sweeps.
rule in_process:
    input:
        code=code("in_process.py"),
        repository="<results>/repository/{variant}",
        health=rules.healthcheck.output.health,
        reference=rules.export.output.reference,
        model_file=SAMPLED,
    output:
        table="<results>/in_process/{variant}/repeat-{repeat}.csv",
    log:
        "<logs>/in_process/{variant}-{repeat}.log",
    benchmark:
        "<benchmarks>/in_process/{variant}-{repeat}.tsv"
    priority: lambda wildcards: 1 / (1 + int(wildcards.repeat))
    conda:
        "../envs/main.yaml"
    container:
        IMAGE
    threads: 4
    resources:
        mem_mb=4000,
        runtime=10,
        gpu=GPUS,
        measure=1,
    params:
        libraries=libraries("in_process.py"),
        settings=lambda wildcards: settings(
            variant=wildcards.variant,
            inputs=config["model"]["inputs"],
            outputs=names(config["model"]["outputs"]),
            shapes=SHAPES,
            batch_sizes=sorted({shapes.batch(shapes.parse(config["profile"][bound])) for bound in ("opt", "max")}),
            threads=threads_of(wildcards.variant),
            instances=1 if VARIANTS[wildcards.variant].kind == "pytriton" else config["serving"]["instances"],
            device=config["serving"]["device"],
            window_ms=config["sweep"]["window_ms"],
        ),
        given=lambda wildcards, input: options(model_file=input.model_file),
    message:
        "{wildcards.variant} without a server, repeat {wildcards.repeat}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --repeat {wildcards.repeat}"
        " --repository {input.repository} --health {input.health} --reference {input.reference} {params.given}"
        " --table {output.table} --log {log}"

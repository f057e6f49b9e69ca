"""Stage perf. Takes: repository/<variant>/, health/<variant>.json, export/reference.npz.

Makes: perf/<variant>/repeat-<n>/ (points.csv, raw/) and in_process/<variant>/repeat-<n>.csv.
Config: sweep, serving, profile.
"""


rule sweep:
    """One repeat of all load levels against one variant."""
    input:
        code=plan.code("sweep.py", "pytriton_server.py"),
        repository="<results>/repository/{variant}",
        health=rules.healthcheck.output.health,
        reference=ask(plan.reference),
        model_file=plan.samples_from,
        after=plan.beside if plan.samples_from else [],
    output:
        points="<results>/perf/{variant}/repeat-{repeat}/points.csv",
        raw=directory("<results>/perf/{variant}/repeat-{repeat}/raw"),
    log:
        "<logs>/sweep/{variant}-{repeat}.log",
        server="<logs>/sweep/{variant}-{repeat}.server.log",
    benchmark:
        "<benchmarks>/sweep/{variant}-{repeat}.tsv"
    priority: turn
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
        settings=as_json(settings.sweep),
        command=command("sweep"),
    message:
        "Sweep of {wildcards.variant}, repeat {wildcards.repeat}"
    shell:
        RUN


# The measurements without a server take turns with the sweeps.
rule in_process:
    """One repeat of a variant's model called without a server."""
    input:
        code=plan.code("in_process.py"),
        runtime=ask(plan.runtime),
        artifact=ask(plan.artifact),
        processing=ask(plan.processing),
        beside=ask(plan.processing_beside),
        health=rules.healthcheck.output.health,
        reference=REFERENCES["reference"],
        model_file=plan.samples_from,
        after=plan.beside if plan.samples_from else [],
    output:
        table="<results>/in_process/{variant}/repeat-{repeat}.csv",
    log:
        "<logs>/in_process/{variant}-{repeat}.log",
    benchmark:
        "<benchmarks>/in_process/{variant}-{repeat}.tsv"
    priority: turn
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
        libraries=lambda wildcards: libraries(
            "in_process.py", files=[plan.runtime(wildcards.variant), *plan.processing(wildcards.variant)]
        ),
        settings=as_json(settings.in_process),
        command=command("in_process"),
    message:
        "{wildcards.variant} without a server, repeat {wildcards.repeat}"
    shell:
        RUN

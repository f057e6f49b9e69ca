"""Stage perf. Takes: repository/<variant>/, health/<variant>.checks.json, export/reference.npz.

Makes: perf/<variant>/repeat-<n>/ and perf/head_to_head/ (points.csv, raw/), and in_process/<variant>/repeat-<n>.csv.
Config: sweep, serving, profile.
"""

SWEPT_BY = plan.fingerprint("sweep.py", "pytriton_server.py", packages=SERVER_PACKAGES)


rule sweep:
    """One repeat of all load levels against one variant."""
    input:
        code=local(plan.code("sweep.py", "pytriton_server.py")),
        repository=ancient("<results>/repository/{variant}"),
        checks=rules.healthcheck.output.checks,
        reference=ask(plan.reference),
        model_file=local(plan.samples_from),
        after=["<results>/repository/{variant}.json", *local(plan.beside if plan.samples_from else [])],
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
    threads: all_cores
    resources:
        mem_mb=growing(4000),
        runtime=minutes,
        gpu=GPUS,
        measure=1,
    params:
        contents=contents("sweep"),
        libraries=libraries("sweep.py", packages=SERVER_PACKAGES),
        settings=as_json(settings.sweep),
        # Every point as soon as it is measured; no output, because Snakemake removes those of a job that runs again.
        command=command("sweep", store=ask(plan.store), made_by=SWEPT_BY),
    message:
        "Sweep of {wildcards.variant}, repeat {wildcards.repeat}"
    shell:
        RUN


# The measurements without a server take turns with the sweeps.
rule in_process:
    """One repeat of a variant's model called without a server."""
    input:
        code=local(plan.code("in_process.py")),
        runtime=given(plan.runtime),
        artifact=ask(plan.artifact),
        record=ask(plan.record),
        processing=given(plan.processing),
        beside=given(plan.processing_beside),
        checks=rules.healthcheck.output.checks,
        reference=REFERENCES["reference"],
        model_file=local(plan.samples_from),
        after=local(plan.beside if plan.samples_from else []),
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
    threads: all_cores
    resources:
        mem_mb=growing(4000),
        runtime=10,
        gpu=GPU,
        measure=1,
    params:
        contents=contents("in_process"),
        libraries=lambda wildcards: libraries(
            "in_process.py", files=[plan.runtime(wildcards.variant), *plan.processing(wildcards.variant)]
        ),
        settings=as_json(settings.in_process),
        command=command("in_process"),
    message:
        "{wildcards.variant} without a server, repeat {wildcards.repeat}"
    shell:
        RUN


# One job for all variants: pairs of figures are compared that were measured seconds apart.
rule head_to_head:
    """All variants in turns at one load, with the servers of all of them up."""
    input:
        code=local(plan.code("head_to_head.py", "pytriton_server.py")),
        repositories=ancient(expand("<results>/repository/{variant}", variant=plan.variants)),
        after=expand("<results>/repository/{variant}.json", variant=plan.variants),
        checks=expand("<results>/health/{variant}.checks.json", variant=plan.variants),
        reference=REFERENCES["reference"],
        raw_reference=plan.raw_reference,
        model_file=local(plan.samples_from),
    output:
        points="<results>/perf/head_to_head/points.csv",
        raw=directory("<results>/perf/head_to_head/raw"),
    log:
        "<logs>/head_to_head.log",
        server="<logs>/head_to_head.server.log",
    benchmark:
        "<benchmarks>/head_to_head.tsv"
    # Before the repeats.
    priority: 0.9
    conda:
        "../envs/main.yaml"
    container:
        IMAGE
    threads: all_cores
    resources:
        mem_mb=growing(8000),
        runtime=60,
        gpu=GPUS,
        measure=1,
    params:
        contents=contents("head_to_head"),
        libraries=libraries("head_to_head.py", packages=SERVER_PACKAGES),
        settings=as_json(settings.head_to_head),
        command=command("head_to_head"),
    message:
        "All variants head to head"
    shell:
        RUN

"""Stage health. Takes: repository/<variant>/, export/reference.npz. Makes: health/<variant>.checks.json and health/<variant>.json.

Config: healthcheck, server.
"""


rule healthcheck:
    """What a variant serves, through the server."""
    input:
        code=local(plan.code("healthcheck.py", "pytriton_server.py")),
        repository=ancient("<results>/repository/{variant}"),
        after="<results>/repository/{variant}.json",
        reference=ask(plan.reference),
    output:
        checks="<results>/health/{variant}.checks.json",
    log:
        "<logs>/healthcheck/{variant}.log",
        server="<logs>/healthcheck/{variant}.server.log",
    benchmark:
        "<benchmarks>/healthcheck/{variant}.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    container:
        IMAGE
    resources:
        mem_mb=growing(4000),
        runtime=10,
        gpu=GPUS,
    params:
        contents=contents("healthcheck"),
        libraries=libraries("healthcheck.py", packages=SERVER_PACKAGES),
        settings=as_json(settings.healthcheck),
        command=command("healthcheck"),
    message:
        "Health check of {wildcards.variant}"
    shell:
        RUN


# What measures takes the record, so that other bounds measure nothing again.
rule judgement:
    """Whether the answers of a variant are within the bounds."""
    input:
        code=local(plan.code("judgement.py")),
        checks=rules.healthcheck.output.checks,
    output:
        health="<results>/health/{variant}.json",
    log:
        "<logs>/judgement/{variant}.log",
    benchmark:
        "<benchmarks>/judgement/{variant}.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("judgement"),
        libraries=libraries("judgement.py"),
        settings=as_json(settings.judgement),
        command=command("judgement"),
    message:
        "Judgement of {wildcards.variant}"
    shell:
        RUN

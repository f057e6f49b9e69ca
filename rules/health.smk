"""Stage health. Takes: repository/<variant>/, export/reference.npz. Makes: health/<variant>.json. Config: healthcheck, server."""


rule healthcheck:
    """Whether a variant is what it promises to be, through the server."""
    input:
        code=plan.code("healthcheck.py", "pytriton_server.py"),
        repository="<results>/repository/{variant}",
        reference=ask(plan.reference),
    output:
        health="<results>/health/{variant}.json",
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
        mem_mb=4000,
        runtime=10,
        gpu=GPUS,
    params:
        libraries=libraries("healthcheck.py", packages=SERVER_PACKAGES),
        settings=as_json(settings.healthcheck),
        command=command("healthcheck"),
    message:
        "Health check of {wildcards.variant}"
    shell:
        RUN

"""Stage serve. Takes: repository/<variant>/, export/reference.npz. Makes: health/<variant>.json. Config: healthcheck, server."""


rule healthcheck:
    input:
        code=code("healthcheck.py"),
        server=code("pytriton_server.py"),
        repository="<results>/repository/{variant}",
        reference=reference,
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
        settings=lambda wildcards: settings(
            variant=wildcards.variant,
            name=served_name(wildcards.variant),
            server=triton(wildcards.variant),
            computes=VARIANTS[wildcards.variant].computes,
            model=served_model(wildcards.variant),
            profile=served_profile(wildcards.variant),
            largest=largest(wildcards.variant),
            bounds=config["healthcheck"],
        ),
    message:
        "Health check of {wildcards.variant}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --repository {input.repository}"
        " --reference {input.reference} --server-log {log.server} --health {output.health} --log {log[0]}"

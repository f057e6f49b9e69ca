"""Stage repository. Takes: the variant's export or engine. Makes: repository/<variant>/. Config: model, profile, serving."""

BACKENDS = os.path.relpath(PROJECT / "workflow" / "backends")


rule repository:
    input:
        code=code("repository.py"),
        model_py=f"{BACKENDS}/model.py",
        runtime=lambda wildcards: f"{BACKENDS}/{VARIANTS[wildcards.variant].runtime}",
        artifact=branch(
            lambda wildcards: VARIANTS[wildcards.variant].artifact is not None,
            then=lambda wildcards: f"<results>/{VARIANTS[wildcards.variant].artifact}",
        ),
    output:
        repository=directory("<results>/repository/{variant}"),
    log:
        "<logs>/repository/{variant}.log",
    benchmark:
        "<benchmarks>/repository/{variant}.tsv"
    conda:
        "../envs/main.yaml"
    priority: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        settings=lambda wildcards: settings(
            name=served_name(wildcards.variant),
            model={side: config["model"][side] for side in ("inputs", "outputs")},
            profile=served_profile(wildcards.variant),
            serving=config["serving"],
        ),
        artifact=lambda wildcards, input: f"--artifact {input.artifact}" if input.artifact else "",
    message:
        "Model repository of {wildcards.variant}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model-py {input.model_py}"
        " --runtime {input.runtime} {params.artifact} --repository {output.repository} --log {log}"

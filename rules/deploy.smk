"""Stage deploy. Takes: repository/<variant>/ and, where it was tuned, tune/<variant>/. Makes: deploy/. Config: deploy."""

TEMPLATES = project_file("workflow/deploy")
DEPLOYED = plan.config.deploy.variant
TUNED = [DEPLOYED] if DEPLOYED in plan.config.tune.variants and not plan.config.model.state else []


rule deploy:
    """The chosen repository, and what serves it elsewhere."""
    input:
        code=local(plan.code("deploy.py")),
        after=[f"<results>/repository/{DEPLOYED}.json", *local([*map(str, sorted(Path(TEMPLATES).rglob("*.j2")))])],
        repository=ancient(f"<results>/repository/{DEPLOYED}"),
        health=f"<results>/health/{DEPLOYED}.json",
        reference=plan.reference(DEPLOYED),
        candidate=ancient(expand("<results>/tune/{variant}/candidate", variant=TUNED)),
        choice=expand("<results>/tune/{variant}/choice.json", variant=TUNED),
    output:
        deploy=directory("<results>/deploy"),
    log:
        "<logs>/deploy.log",
    benchmark:
        "<benchmarks>/deploy.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("deploy"),
        libraries=libraries("deploy.py"),
        settings=as_json(settings.deploy),
        command=command("deploy", templates=TEMPLATES),
    message:
        "Deployment"
    shell:
        RUN

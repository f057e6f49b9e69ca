"""Stage deploy. Takes: repository/<variant>/ and, where it was tuned, tune/<variant>/. Makes: deploy/. Config: deploy."""

TEMPLATES = project_file("workflow/deploy")
DEPLOYED = plan.config.deploy.variant
TUNED = [DEPLOYED] if DEPLOYED in plan.config.tune.variants else []


rule deploy:
    """The chosen repository, and what serves it elsewhere."""
    input:
        code=plan.code("deploy.py"),
        after=[str(path) for path in sorted(Path(TEMPLATES).rglob("*.j2"))],
        repository=f"<results>/repository/{DEPLOYED}",
        health=f"<results>/health/{DEPLOYED}.json",
        reference=plan.reference(DEPLOYED),
        candidate=expand(rules.tune_candidate.output.candidate, variant=TUNED),
        choice=expand(rules.tune_choice.output.choice, variant=TUNED),
    output:
        deploy=directory("<results>/deploy"),
    log:
        "<logs>/deploy.log",
    benchmark:
        "<benchmarks>/deploy.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("deploy.py"),
        settings=as_json(settings.deploy),
        command=command("deploy", templates=TEMPLATES),
    message:
        "Deployment"
    shell:
        RUN

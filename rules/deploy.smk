"""Stage deploy. Takes: repository/<variant>/ and, where it was tuned, tune/<variant>/. Makes: deploy/. Config: deploy."""

DEPLOY = os.path.relpath(PROJECT / "workflow" / "deploy")
DEPLOYED = config["deploy"]["variant"]
TUNED = [DEPLOYED] if DEPLOYED in TUNE["variants"] else []


rule deploy:
    input:
        code=code("deploy.py"),
        templates=[os.path.relpath(path) for path in sorted(Path(DEPLOY).rglob("*.j2"))],
        repository=f"<results>/repository/{DEPLOYED}",
        health=f"<results>/health/{DEPLOYED}.json",
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
        settings=settings(
            image=config["serving"]["image"].removeprefix("docker://"),
            **{key: value for key, value in config["deploy"].items() if key != "variant"},
        ),
        templates=lambda wildcards, input: os.path.commonpath(input.templates),
        tuned=lambda wildcards, input: (
            f"--candidate {input.candidate} --choice {input.choice}" if input.choice else ""
        ),
    message:
        "Deployment"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --health {input.health}"
        " --repository {input.repository} {params.tuned} --templates {params.templates} --deploy {output.deploy} --log {log}"

"""Stage tune. Takes: repository/<variant>/, health/<variant>.checks.json, export/reference.npz. Makes: tune/<variant>/.

Model Analyzer searches, or tune_halving does; the winner is measured again against the default, choice.json says which
of them it is. Config: tune, and of sweep the first protocol, shape and batch size, the windows, the samples and
max_foreign_cpu.
"""


rule tune_environment:
    """The version of Model Analyzer."""
    input:
        code=local(plan.code("tune_environment.py")),
        after=local(project_file("envs/model_analyzer.txt")),
    output:
        version="<results>/tune/model_analyzer.json",
    log:
        "<logs>/tune/environment.log",
    benchmark:
        "<benchmarks>/tune/environment.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("tune_environment"),
        libraries=libraries("tune_environment.py"),
        settings=as_json(settings.tune_environment),
        command=command("tune_environment"),
    message:
        "Model Analyzer's environment"
    shell:
        RUN


# A search that was interrupted goes on where it was. Its checkpoints are no output: Snakemake removes those of a job
# that did not end. They are named by all that decides the figures, and removed when the search has ended.
rule tune_search:
    """Measure the configurations of a search space with Model Analyzer."""
    input:
        code=local(plan.code("tune_search.py")),
        version=rules.tune_environment.output.version,
        repository=ancient("<results>/repository/{variant}"),
        checks=rules.healthcheck.output.checks,
        reference=ask(plan.reference),
        model_file=local(plan.samples_from),
        after=["<results>/repository/{variant}.json", *local(plan.beside if plan.samples_from else [])],
    output:
        results="<results>/tune/{variant}/results.csv",
        configs=directory("<results>/tune/{variant}/configs"),
    log:
        "<logs>/tune/{variant}.search.log",
        analyzer="<logs>/tune/{variant}.model_analyzer.log",
        server="<logs>/tune/{variant}.search.server.log",
    benchmark:
        "<benchmarks>/tune/{variant}.search.tsv"
    conda:
        "../envs/main.yaml"
    container:
        IMAGE if "tune_search" in machine.STARTS_TRITON[plan.config.tune.launch] else None
    threads: all_cores
    resources:
        mem_mb=growing(4000),
        runtime=240,
        gpu=0 if plan.config.tune.launch == "remote" else GPUS,
        measure=1,
    params:
        contents=contents("tune_search"),
        libraries=libraries("tune_search.py", packages=SERVER_PACKAGES),
        settings=as_json(settings.tune_search),
        command=command(
            "tune_search",
            model_analyzer=plan.config.tune.model_analyzer,
            checkpoints=ask(plan.checkpoints),
        ),
    message:
        "Model Analyzer on {wildcards.variant}"
    shell:
        RUN


rule tune_halving:
    """Find the best configuration by successive halving, all of them on one server."""
    input:
        code=local(plan.code("tune_halving.py")),
        repository=ancient("<results>/repository/{variant}"),
        checks=rules.healthcheck.output.checks,
        reference=ask(plan.reference),
        model_file=local(plan.samples_from),
        after=["<results>/repository/{variant}.json", *local(plan.beside if plan.samples_from else [])],
    output:
        results="<results>/tune/{variant}/halving/results.csv",
        configs=directory("<results>/tune/{variant}/halving/configs"),
        turns="<results>/tune/{variant}/halving/turns.csv",
    log:
        "<logs>/tune/{variant}.halving.log",
        server="<logs>/tune/{variant}.halving.server.log",
    benchmark:
        "<benchmarks>/tune/{variant}.halving.tsv"
    conda:
        "../envs/main.yaml"
    container:
        IMAGE
    threads: all_cores
    resources:
        mem_mb=growing(8000),
        runtime=240,
        gpu=GPUS,
        measure=1,
    params:
        contents=contents("tune_halving"),
        libraries=libraries("tune_halving.py", packages=SERVER_PACKAGES),
        settings=as_json(settings.tune_halving),
        command=command("tune_halving"),
    message:
        "Configurations of {wildcards.variant} in turns"
    shell:
        RUN


OURS = plan.config.tune.mode == "halving"
FOUND = rules.tune_halving.output if OURS else rules.tune_search.output


rule tune_candidate:
    """The best configuration that was found, as a repository."""
    input:
        code=local(plan.code("tune_candidate.py")),
        results=FOUND.results,
        configs=ancient(FOUND.configs),
        repository=ancient("<results>/repository/{variant}"),
        after="<results>/repository/{variant}.json",
    output:
        candidate=directory("<results>/tune/{variant}/candidate"),
        record="<results>/tune/{variant}/candidate.json",
    log:
        "<logs>/tune/{variant}.candidate.log",
    benchmark:
        "<benchmarks>/tune/{variant}.candidate.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("tune_candidate"),
        libraries=libraries("tune_candidate.py"),
        settings=as_json(settings.tune_candidate),
        command=command("tune_candidate"),
    message:
        "Best configuration of {wildcards.variant}"
    shell:
        RUN


rule tune_proof:
    """The best configuration and the default measured again, in turn."""
    input:
        code=local(plan.code("tune_proof.py")),
        repository=ancient("<results>/repository/{variant}"),
        candidate=ancient(rules.tune_candidate.output.candidate),
        record=rules.tune_candidate.output.record,
        reference=ask(plan.reference),
        model_file=local(plan.samples_from),
        after=["<results>/repository/{variant}.json", *local(plan.beside if plan.samples_from else [])],
    output:
        proof="<results>/tune/{variant}/proof.csv",
        raw=directory("<results>/tune/{variant}/proof"),
    log:
        "<logs>/tune/{variant}.proof.log",
        server="<logs>/tune/{variant}.proof.server.log",
    benchmark:
        "<benchmarks>/tune/{variant}.proof.tsv"
    conda:
        "../envs/main.yaml"
    container:
        IMAGE if "tune_proof" in machine.STARTS_TRITON[plan.config.tune.launch] else None
    threads: all_cores
    resources:
        mem_mb=growing(4000),
        runtime=60,
        gpu=0 if plan.config.tune.launch == "remote" else GPUS,
        measure=1,
    params:
        contents=contents("tune_proof"),
        libraries=libraries("tune_proof.py", packages=SERVER_PACKAGES),
        settings=as_json(settings.tune_proof),
        command=command("tune_proof"),
    message:
        "Tuned {wildcards.variant} against its default"
    shell:
        RUN


rule tune_choice:
    """Whether the best configuration takes the place of the default."""
    input:
        code=local(plan.code("tune_choice.py")),
        version=[] if OURS else rules.tune_environment.output.version,
        results=FOUND.results,
        configs=ancient(FOUND.configs),
        repository=ancient("<results>/repository/{variant}"),
        after="<results>/repository/{variant}.json",
        candidate=ancient(rules.tune_candidate.output.candidate),
        record=rules.tune_candidate.output.record,
        proof=rules.tune_proof.output.proof,
    output:
        choice="<results>/tune/{variant}/choice.json",
    log:
        "<logs>/tune/{variant}.choice.log",
    benchmark:
        "<benchmarks>/tune/{variant}.choice.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("tune_choice"),
        libraries=libraries("tune_choice.py"),
        settings=as_json(settings.tune_choice),
        command=command("tune_choice"),
    message:
        "Choice for {wildcards.variant}"
    shell:
        RUN


rule tune_report:
    """The searches of the run as a page."""
    input:
        code=local(plan.code("tune_report.py")),
        template=local(TEMPLATE),
        after=local(expand(f"{SHOW}/{{part}}", part=["search.html.j2", "macros.html.j2", "page.css", "page.js"])),
        choices=expand("<results>/tune/{variant}/choice.json", variant=plan.config.tune.variants),
    output:
        page=report(
            "<results>/report/tune_report.html",
            caption="../workflow/report/tune_report.rst",
            category="Performance",
            labels={"content": "Tuning", "form": "page"},
        ),
    log:
        "<logs>/tune_report.log",
    benchmark:
        "<benchmarks>/tune_report.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("tune_report"),
        libraries=libraries("tune_report.py"),
        settings=as_json(settings.tune_report),
        command=command("tune_report"),
    message:
        "Report of the search"
    shell:
        RUN

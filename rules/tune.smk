"""Stage tune. Takes: repository/<variant>/, health/<variant>.json, export/reference.npz. Makes: tune/<variant>/.

Model Analyzer searches, the winner is measured again against the default, choice.json says which of them it is.
Config: tune, and of sweep the first protocol and batch size, the windows and the samples.
"""


rule tune_environment:
    input:
        code=code("tune_environment.py"),
        lock=os.path.relpath(PROJECT / "envs" / "model_analyzer.txt"),
    output:
        version="<results>/tune/model_analyzer.json",
    log:
        "<logs>/tune/environment.log",
    benchmark:
        "<benchmarks>/tune/environment.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("tune_environment.py"),
        analyzer=TUNE["model_analyzer"],
    message:
        "Model Analyzer's environment"
    shell:
        "exec python {input.code[0]} --model-analyzer {params.analyzer:q} --version {output.version} --log {log}"


# A search that was interrupted goes on where it was. Its checkpoints are no output: Snakemake removes those of a job
# that did not end. They are named by all that decides the figures, and removed when the search has ended.
rule tune_search:
    input:
        code=code("tune_search.py"),
        version=rules.tune_environment.output.version,
        repository="<results>/repository/{variant}",
        health=rules.healthcheck.output.health,
        reference=reference,
        model_file=SAMPLED,
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
        IMAGE if "tune_search" in STARTS_TRITON[TUNE["launch"]] else None
    threads: 4
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=0 if TUNE["launch"] == "remote" else GPUS,
        measure=1,
    params:
        libraries=libraries("tune_search.py", packages=SERVER_PACKAGES),
        settings=lambda wildcards: settings(
            server=SERVER,
            launch=tune_launch(),
            mode=TUNE["mode"],
            search=TUNE["search"],
            max_trials=TUNE["max_trials"],
            steering=tune_steering(),
            batch_size=config["sweep"]["batch_sizes"][0],
            windows=tune_windows(),
            model=served_model(wildcards.variant),
            inputs=config["model"]["inputs"],
        ),
        given=lambda wildcards, input: options(model_file=input.model_file),
        analyzer=TUNE["model_analyzer"],
        checkpoints=lambda wildcards: f"{RESULTS}/checkpoints/tune/{wildcards.variant}",
    message:
        "Model Analyzer on {wildcards.variant}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model-analyzer {params.analyzer:q}"
        " --version {input.version} --repository {input.repository} --health {input.health}"
        " --reference {input.reference} {params.given} --checkpoints {params.checkpoints:q} --analyzer-log {log.analyzer}"
        " --server-log {log.server} --results {output.results} --configs {output.configs} --log {log[0]}"


rule tune_candidate:
    input:
        code=code("tune_candidate.py"),
        results=rules.tune_search.output.results,
        configs=rules.tune_search.output.configs,
        repository="<results>/repository/{variant}",
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
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("tune_candidate.py"),
        settings=settings(**tune_goal()),
    message:
        "Best configuration of {wildcards.variant}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --results {input.results} --configs {input.configs}"
        " --repository {input.repository} --candidate {output.candidate} --record {output.record} --log {log}"


rule tune_proof:
    input:
        code=code("tune_proof.py"),
        repository="<results>/repository/{variant}",
        candidate=rules.tune_candidate.output.candidate,
        record=rules.tune_candidate.output.record,
        reference=reference,
        model_file=SAMPLED,
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
        IMAGE if "tune_proof" in STARTS_TRITON[TUNE["launch"]] else None
    threads: 4
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0 if TUNE["launch"] == "remote" else GPUS,
        measure=1,
    params:
        libraries=libraries("tune_proof.py", packages=SERVER_PACKAGES),
        settings=lambda wildcards: settings(
            server=SERVER,
            launch=tune_launch(),
            rounds=TUNE["rounds"],
            windows=tune_windows(),
            model=served_model(wildcards.variant),
            inputs=config["model"]["inputs"],
        ),
        given=lambda wildcards, input: options(model_file=input.model_file),
    message:
        "Tuned {wildcards.variant} against its default"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --repository {input.repository}"
        " --candidate {input.candidate} --record {input.record} --reference {input.reference} {params.given}"
        " --server-log {log.server} --raw {output.raw} --proof {output.proof} --log {log[0]}"


rule tune_choice:
    input:
        code=code("tune_choice.py"),
        version=rules.tune_environment.output.version,
        results=rules.tune_search.output.results,
        configs=rules.tune_search.output.configs,
        repository="<results>/repository/{variant}",
        candidate=rules.tune_candidate.output.candidate,
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
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("tune_choice.py"),
        settings=lambda wildcards: settings(
            variant=wildcards.variant,
            launch=TUNE["launch"],
            mode=TUNE["mode"],
            search=TUNE["search"],
            shape=SHAPES[0],
            **tune_goal(),
        ),
    message:
        "Choice for {wildcards.variant}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --version {input.version}"
        " --results {input.results} --configs {input.configs} --repository {input.repository}"
        " --candidate {input.candidate} --record {input.record} --proof {input.proof} --choice {output.choice}"
        " --log {log}"


rule tune_report:
    input:
        code=code("tune_report.py"),
        template=f"{REPORT}/perf_report.html.j2",
        parts=expand(f"{REPORT}/{{part}}", part=["tuning.html.j2", "macros.html.j2", "page.css", "page.js"]),
        choices=expand(rules.tune_choice.output.choice, variant=TUNE["variants"]),
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
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("tune_report.py"),
        settings=settings(run=config["run"], model=config["model"]["name"]),
    message:
        "Report of the search"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --choices {input.choices}"
        " --template {input.template} --page {output.page} --log {log}"

"""Stage repository. Takes: the variant's export, engine, or another repository. Makes: repository/<variant>/.

One rule per kind of server; serve/variants.py says which variant is of which. Config: model, profile, serving,
pytriton.
"""


rule repository:
    input:
        code=code("repository.py"),
        model_py=f"{BACKENDS}/model.py",
        runtime=runtime,
        artifact=lambda wildcards: artifact(wildcards.variant),
    output:
        repository=directory("<results>/repository/{variant}"),
    log:
        "<logs>/repository/{variant}.log",
    benchmark:
        "<benchmarks>/repository/{variant}.tsv"
    wildcard_constraints:
        variant="|".join(of_kind("model", SERVER)),
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=lambda wildcards: libraries("repository.py", runtime(wildcards)),
        settings=lambda wildcards: settings(
            name=served_name(wildcards.variant),
            model=served_model(wildcards.variant),
            profile=served_profile(wildcards.variant),
            serving=instances(wildcards.variant, served_device(wildcards.variant)),
        ),
        artifact=lambda wildcards, input: (f"--artifact {input.artifact}" if input.artifact else ""),
    message:
        "Model repository of {wildcards.variant}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model-py {input.model_py}"
        " --runtime {input.runtime} {params.artifact} --repository {output.repository} --log {log}"


# What Triton's own backends serve; engines say in engine.json how many profiles they have.
rule repository_native:
    input:
        code=code("repository_native.py"),
        artifact=lambda wildcards: artifact(wildcards.variant),
        record=lambda wildcards: record(wildcards.variant),
    output:
        repository=directory("<results>/repository/{variant}"),
    log:
        "<logs>/repository/{variant}.log",
    benchmark:
        "<benchmarks>/repository/{variant}.tsv"
    wildcard_constraints:
        variant="|".join(of_kind("native", SERVER)),
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("repository_native.py"),
        settings=lambda wildcards: settings(
            name=served_name(wildcards.variant),
            **vars(VARIANTS[wildcards.variant].native),
            model=served_model(wildcards.variant),
            profile=served_profile(wildcards.variant),
            serving={
                **instances(wildcards.variant, served_device(wildcards.variant)),
                "cuda_graphs": config["serving"]["cuda_graphs"],
            },
        ),
        record=lambda wildcards, input: f"--record {input.record}" if input.record else "",
    message:
        "Model repository of {wildcards.variant}, for Triton's own backend"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --artifact {input.artifact} {params.record}"
        " --repository {output.repository} --log {log}"


rule repository_pytriton:
    input:
        code=code("repository_pytriton.py"),
        runtime=runtime,
        artifact=lambda wildcards: artifact(wildcards.variant),
        model_file=MODEL_FILE,
    output:
        repository=directory("<results>/repository/{variant}"),
    log:
        "<logs>/repository/{variant}.log",
    benchmark:
        "<benchmarks>/repository/{variant}.tsv"
    wildcard_constraints:
        variant="|".join(of_kind("pytriton", SERVER)),
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=lambda wildcards: libraries("repository_pytriton.py", runtime(wildcards), *MODEL_FILE),
        settings=lambda wildcards: settings(
            name=served_name(wildcards.variant),
            model=served_model(wildcards.variant),
            runs={side: names(config["model"][side]) for side in ("inputs", "outputs")},
            profile={bound: config["profile"][bound] for bound in ("min", "max")},
            serving={
                "device": served_device(wildcards.variant),
                "threads": threads_of(wildcards.variant),
                "max_queue_delay_us": config["serving"]["max_queue_delay_us"],
            },
        ),
        model_file=lambda wildcards, input: options(model_file=input.model_file),
    message:
        "PyTriton server of {wildcards.variant}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --runtime {input.runtime}"
        " --artifact {input.artifact} {params.model_file} --repository {output.repository} --log {log}"


rule repository_bls:
    input:
        code=code("repository_bls.py"),
        model_py=f"{BACKENDS}/bls.py",
        model_file=MODEL_FILE,
        inner=f"<results>/repository/{INNER}",
    output:
        repository=directory("<results>/repository/bls"),
    log:
        "<logs>/repository/bls.log",
    benchmark:
        "<benchmarks>/repository/bls.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("repository_bls.py", *MODEL_FILE),
        settings=lambda wildcards: settings(
            name=served_name("bls"), model=served_model("bls"), serving=instances("bls", "cpu")
        ),
    message:
        "Model repository of bls"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --inner {input.inner}"
        " --model-py {input.model_py} --model-file {input.model_file} --repository {output.repository} --log {log}"


rule repository_ensemble:
    input:
        code=code("repository_ensemble.py"),
        model_py=f"{BACKENDS}/model.py",
        prepare=f"{BACKENDS}/runtime_prepare.py",
        interpret=f"{BACKENDS}/runtime_interpret.py",
        model_file=MODEL_FILE,
        inner=f"<results>/repository/{INNER}",
    output:
        repository=directory("<results>/repository/ensemble"),
    log:
        "<logs>/repository/ensemble.log",
    benchmark:
        "<benchmarks>/repository/ensemble.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("repository_ensemble.py", *MODEL_FILE),
        settings=lambda wildcards: settings(
            name=served_name("ensemble"),
            model=served_model("ensemble"),
            min=config["profile"]["min"],
            serving=instances("ensemble", "cpu"),
        ),
    message:
        "Model repository of ensemble"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --inner {input.inner} --model-py {input.model_py}"
        " --prepare {input.prepare} --interpret {input.interpret} --model-file {input.model_file}"
        " --repository {output.repository} --log {log}"

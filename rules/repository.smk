"""Stage repository. Takes: the variant's export, engine, or another repository. Makes: repository/<variant>/.

One rule per kind of server; serve/variants.py says which variant is of which. Config: model, profile, serving,
pytriton.

repository/<variant>.json has the hashes of the files of repository/<variant>/. What takes a repository takes both, the
directory as ancient: so its contents decide, not the time stamps of a copy.
"""


rule repository:
    """A repository of a model that a native backend of ours or Triton's Python backend serves."""
    input:
        code=local(plan.code("repository.py")),
        library=ask(plan.library),
        model_py=given(plan.model_py),
        runtime=given(plan.python_runtime),
        artifact=ask(plan.artifact),
        record=ask(plan.record),
    output:
        repository=directory("<results>/repository/{variant}"),
        listing="<results>/repository/{variant}.json",
    log:
        "<logs>/repository/{variant}.log",
    benchmark:
        "<benchmarks>/repository/{variant}.tsv"
    wildcard_constraints:
        variant="|".join(plan.of_kind("model")),
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("repository"),
        libraries=lambda wildcards: libraries("repository.py", files=plan.python_runtime(wildcards.variant)),
        settings=as_json(settings.repository),
        command=command("repository"),
    message:
        "Model repository of {wildcards.variant}"
    shell:
        RUN


# Engines say in engine.json how many profiles they have.
rule repository_native:
    """A repository of a model that Triton's own backend serves."""
    input:
        code=local(plan.code("repository_native.py")),
        artifact=ask(plan.artifact),
        record=ask(plan.record),
    output:
        repository=directory("<results>/repository/{variant}"),
        listing="<results>/repository/{variant}.json",
    log:
        "<logs>/repository/{variant}.log",
    benchmark:
        "<benchmarks>/repository/{variant}.tsv"
    wildcard_constraints:
        variant="|".join(plan.of_kind("native")),
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("repository_native"),
        libraries=libraries("repository_native.py"),
        settings=as_json(settings.repository_native),
        command=command("repository_native"),
    message:
        "Model repository of {wildcards.variant}, for Triton's own backend"
    shell:
        RUN


rule repository_pytriton:
    """What a PyTriton server binds."""
    input:
        code=local(plan.code("repository_pytriton.py")),
        runtime=given(plan.runtime),
        artifact=ask(plan.artifact),
        record=ask(plan.record),
        model_file=local(plan.model_file),
        beside=local(plan.served_beside),
    output:
        repository=directory("<results>/repository/{variant}"),
        listing="<results>/repository/{variant}.json",
    log:
        "<logs>/repository/{variant}.log",
    benchmark:
        "<benchmarks>/repository/{variant}.tsv"
    wildcard_constraints:
        variant="|".join(plan.of_kind("pytriton")),
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("repository_pytriton"),
        libraries=lambda wildcards: libraries(
            "repository_pytriton.py", files=[plan.runtime(wildcards.variant), *plan.model_file]
        ),
        settings=as_json(settings.repository_pytriton),
        command=command("repository_pytriton"),
    message:
        "PyTriton server of {wildcards.variant}"
    shell:
        RUN


rule repository_bls:
    """A repository of the model that takes raw samples and calls another one."""
    input:
        code=local(plan.code("repository_bls.py")),
        model_py=local(project_file("workflow/backends/bls.py")),
        model_file=local(plan.model_file),
        beside=local(plan.served_beside),
        inner=ancient(f"<results>/repository/{plan.config.serving.inner}"),
        after=f"<results>/repository/{plan.config.serving.inner}.json",
    output:
        repository=directory("<results>/repository/bls"),
        listing="<results>/repository/bls.json",
    log:
        "<logs>/repository/bls.log",
    benchmark:
        "<benchmarks>/repository/bls.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("repository_bls"),
        libraries=libraries("repository_bls.py", files=plan.model_file),
        settings=as_json(settings.repository_bls),
        command=command("repository_bls"),
    message:
        "Model repository of bls"
    shell:
        RUN


rule repository_ensemble:
    """The same as three models that Triton's ensemble scheduler connects."""
    input:
        code=local(plan.code("repository_ensemble.py")),
        model_py=local(project_file("workflow/backends/model.py")),
        prepare=local(project_file("workflow/backends/runtime_prepare.py")),
        interpret=local(project_file("workflow/backends/runtime_interpret.py")),
        model_file=local(plan.model_file),
        beside=local(plan.served_beside),
        inner=ancient(f"<results>/repository/{plan.config.serving.inner}"),
        after=f"<results>/repository/{plan.config.serving.inner}.json",
    output:
        repository=directory("<results>/repository/ensemble"),
        listing="<results>/repository/ensemble.json",
    log:
        "<logs>/repository/ensemble.log",
    benchmark:
        "<benchmarks>/repository/ensemble.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("repository_ensemble"),
        libraries=libraries("repository_ensemble.py", files=plan.model_file),
        settings=as_json(settings.repository_ensemble),
        command=command("repository_ensemble"),
    message:
        "Model repository of ensemble"
    shell:
        RUN

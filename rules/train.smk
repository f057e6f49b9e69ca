"""Stage train. Takes: dataset/, the model file, the weights. Makes: model/model.pt, model/metrics.json, model/accepted.json.

A model file without `train` keeps its weights as given. Config: train, model.file, model.arguments, model.weights.
"""


rule train:
    """The model's weights: trained, or as they were given."""
    input:
        code=local(plan.code("train.py", model_file=True)),
        model_file=local(plan.model_file),
        weights=local(plan.config.model.weights or []),
        train=rules.dataset.output.train if plan.trains else [],
        test=rules.dataset.output.test if plan.dataset else [],
    output:
        model="<results>/model/model.pt",
        metrics="<results>/model/metrics.json",
    log:
        "<logs>/train.log",
    cache: CACHE
    conda:
        "../envs/main.yaml"
    threads: plan.config.train.threads
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        contents=contents("train"),
        libraries=libraries("train.py", model_file=True),
        settings=as_json(settings.train),
        command=command("train"),
    message:
        "Training" if plan.trains else "Weights as given"
    shell:
        RUN


# Only the report and the named targets depend on it, so that another bound trains and makes nothing else again. Its
# priority lets it stop a run before anything is made of the model.
rule accept:
    """Stop the run when the model is not accurate enough."""
    input:
        code=local(plan.code("accept.py")),
        metrics=rules.train.output.metrics,
    output:
        accepted="<results>/model/accepted.json",
    log:
        "<logs>/accept.log",
    benchmark:
        "<benchmarks>/accept.tsv"
    priority: 2
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("accept"),
        libraries=libraries("accept.py"),
        settings=as_json(settings.accept),
        command=command("accept"),
    message:
        "Accuracy of the model"
    shell:
        RUN


# Nothing trains a ready graph.
ACCEPTED = [] if plan.given_graph else [f"{plan.results}/model/accepted.json"]

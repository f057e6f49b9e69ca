"""Stage train. Takes: dataset/, the model file, the weights. Makes: model/model.pt, model/metrics.json.

A model file without `train` keeps its weights as given. Config: train, model.file, model.arguments, model.weights.
"""

CALLED = ["build", "prepare", "train"]


rule train:
    input:
        code=code("train.py", *CALLED),
        model_file=MODEL_FILE,
        weights=[MODEL["weights"]] if MODEL["weights"] else [],
        train=rules.dataset.output.train if TRAINS else [],
        test=rules.dataset.output.test if DATASET else [],
    output:
        model="<results>/model/model.pt",
        metrics="<results>/model/metrics.json",
    log:
        "<logs>/train.log",
    cache: CACHE
    conda:
        "../envs/main.yaml"
    threads: config["train"]["threads"]
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        libraries=libraries("train.py", calls=CALLED),
        settings=settings(arguments=MODEL["arguments"], **config["train"]),
        # model.pt names it.
        model_file=lambda wildcards, input: input.model_file,
        given=lambda wildcards, input: options(weights=input.weights, train=input.train, test=input.test),
    message:
        "Training" if TRAINS else "Weights as given"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model-file {params.model_file:q}"
        " {params.given} --model {output.model} --metrics {output.metrics} --log {log}"

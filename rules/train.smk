"""Stage train. Takes: dataset/, the model file. Makes: model/model.pt, model/metrics.json. Config: train, model.file."""


rule train:
    input:
        code=code("train.py"),
        model_file=config["model"]["file"],
        train=rules.dataset.output.train,
        test=rules.dataset.output.test,
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
        libraries=libraries("train.py", config["model"]["file"]),
        settings=settings(**config["train"]),
        # model.pt names it.
        model_file=lambda wildcards, input: input.model_file,
    message:
        "Training"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model-file {params.model_file:q}"
        " --train {input.train} --test {input.test}"
        " --model {output.model} --metrics {output.metrics} --log {log}"

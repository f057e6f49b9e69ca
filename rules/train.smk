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
    benchmark:
        "<benchmarks>/train.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["train"]["threads"]
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=settings(**config["train"]),
    message:
        "Training"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model-file {input.model_file}"
        " --train {input.train} --test {input.test}"
        " --model {output.model} --metrics {output.metrics} --log {log}"

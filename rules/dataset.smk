"""Stage dataset. Makes: dataset/{train,test}.npz, dataset/dataset.json. Config: dataset."""


# Local, so that compute nodes need no internet.
rule dataset:
    input:
        code=code("dataset.py"),
    output:
        train="<results>/dataset/train.npz",
        test="<results>/dataset/test.npz",
        summary="<results>/dataset/dataset.json",
    log:
        "<logs>/dataset.log",
    benchmark:
        "<benchmarks>/dataset.tsv"
    localrule: True
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=settings(**config["dataset"]),
        downloads="artifacts/downloads",
    message:
        "Data set ({config[dataset][source]})"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --downloads {params.downloads}"
        " --train {output.train} --test {output.test} --summary {output.summary} --log {log}"

"""Stage dataset. Takes: the model file. Makes: dataset/{train,test}.npz, dataset/dataset.json. Config: dataset.

Where `dataset.source` is null nothing asks for it.
"""

# The model file says what the content of a data set follows from. The mirrors are not among it, because checksums decide
# what they may deliver; as params that depend on the input Snakemake does not compare them, so that a change of them
# reruns nothing.
DATASET_KEYS = ["source", *DECLARED.datasets.get(config["dataset"]["source"], [])]


# Local, so that compute nodes need no internet.
rule dataset:
    input:
        code=code("dataset.py", "dataset"),
        model_file=MODEL_FILE,
    output:
        train="<results>/dataset/train.npz",
        test="<results>/dataset/test.npz",
        summary="<results>/dataset/dataset.json",
    log:
        "<logs>/dataset.log",
    cache: CACHE
    localrule: True
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        libraries=libraries("dataset.py", calls=["dataset"]),
        settings=settings(**{key: config["dataset"][key] for key in DATASET_KEYS}),
        downloads="artifacts/downloads",
        mirrors=lambda wildcards, input: config["dataset"]["mirrors"],
        retries=lambda wildcards, input: config["dataset"]["retries"],
    message:
        "Data set ({config[dataset][source]})"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model-file {input.model_file:q} --downloads {params.downloads}"
        " --mirrors {params.mirrors:q} --retries {params.retries}"
        " --train {output.train} --test {output.test} --summary {output.summary} --log {log}"

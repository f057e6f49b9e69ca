"""Stage dataset. Makes: dataset/{train,test}.npz, dataset/dataset.json. Config: dataset."""

# What the images follow from. The mirrors are not among it, because checksums decide what they may deliver; as params
# that depend on the input Snakemake does not compare them, so that a change of them reruns nothing.
DATASET_KEYS = {"embedded": ["source", "test_size", "seed"], "mnist": ["source"]}


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
    cache: CACHE
    localrule: True
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        libraries=libraries("dataset.py"),
        settings=settings(**{key: config["dataset"][key] for key in DATASET_KEYS[config["dataset"]["source"]]}),
        downloads="artifacts/downloads",
        mirrors=lambda wildcards, input: config["dataset"]["mirrors"],
        retries=lambda wildcards, input: config["dataset"]["retries"],
    message:
        "Data set ({config[dataset][source]})"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --downloads {params.downloads}"
        " --mirrors {params.mirrors:q} --retries {params.retries}"
        " --train {output.train} --test {output.test} --summary {output.summary} --log {log}"

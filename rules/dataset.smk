"""Stage dataset. Takes: the model file. Makes: dataset/{train,test}.npz, dataset/dataset.json. Config: dataset.

Where `dataset.source` is null nothing asks for it.
"""


# Local, so that compute nodes need no internet. The mirrors are not compared, because checksums decide what they may
# deliver.
rule dataset:
    """The samples to train and to test with."""
    input:
        code=local(plan.code("dataset.py", model_file=True)),
        model_file=local(plan.model_file),
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
        mem_mb=growing(4000),
        runtime=30,
    params:
        contents=contents("dataset"),
        libraries=libraries("dataset.py", model_file=True),
        settings=as_json(settings.dataset),
        command=command(
            "dataset",
            downloads="artifacts/downloads",
            mirrors=plan.config.dataset.mirrors,
            retries=plan.config.dataset.retries,
        ),
    message:
        "Data set ({config[dataset][source]})"
    shell:
        RUN

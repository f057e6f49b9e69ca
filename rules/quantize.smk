"""Stage quantize. Takes: export/model.onnx, dataset/train.npz. Makes: export/int8/model.onnx. Config: precisions."""


rule quantize:
    """The graph in int8, for ONNX Runtime and OpenVINO."""
    input:
        code=local(plan.code("quantize.py", model_file=True)),
        source=rules.export.output.onnx,
        dataset=rules.dataset.output.train if plan.dataset else [],
        model_file=local(plan.model_file),
    output:
        onnx="<results>/export/int8/model.onnx",
    log:
        "<logs>/quantize.log",
    cache: CACHE
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        libraries=libraries("quantize.py", model_file=True),
        settings=as_json(settings.quantize),
        command=command("quantize"),
    message:
        "Graph in int8"
    shell:
        RUN

"""Stage export. Takes: model/model.pt, dataset/test.npz.

Makes: export/{model.onnx,model.ts,reference.npz,reference_raw.npz}, and export/parity.json, which compares them at the profile's batch
sizes. Config: export, model, profile (parity alone: other shapes export nothing anew).
"""


rule export:
    input:
        code=code("export.py"),
        model_file=config["model"]["file"],
        model=rules.train.output.model,
        dataset=rules.dataset.output.test,
    output:
        onnx="<results>/export/model.onnx",
        torchscript="<results>/export/model.ts",
        reference="<results>/export/reference.npz",
        raw_reference="<results>/export/reference_raw.npz",
    log:
        "<logs>/export.log",
    cache: CACHE
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        libraries=libraries("export.py", config["model"]["file"], packages=["onnxscript"]),
        settings=settings(
            opset=config["export"]["opset"],
            outputs=names(config["model"]["outputs"]),
            raw={side: names(config["model"]["raw"][side]) for side in ("inputs", "outputs")},
        ),
    message:
        "Export to ONNX and TorchScript"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model {input.model} --dataset {input.dataset}"
        " --onnx {output.onnx} --torchscript {output.torchscript} --reference {output.reference}"
        " --raw-reference {output.raw_reference} --log {log}"


rule parity:
    input:
        code=code("parity.py"),
        onnx=rules.export.output.onnx,
        torchscript=rules.export.output.torchscript,
        reference=rules.export.output.reference,
    output:
        parity="<results>/export/parity.json",
    log:
        "<logs>/parity.log",
    benchmark:
        "<benchmarks>/parity.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        libraries=libraries("parity.py"),
        settings=settings(tolerance=config["export"]["tolerance"], profile=config["profile"]),
    message:
        "Parity of the exports with PyTorch"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --onnx {input.onnx}"
        " --torchscript {input.torchscript} --reference {input.reference} --parity {output.parity} --log {log}"

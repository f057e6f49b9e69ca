"""Stage export. Takes: model/model.pt and dataset/test.npz, or the graph that model.onnx names.

Makes: export/{model.onnx,model.ts,reference.npz,reference_raw.npz}, and export/parity.json, which compares them at the
profile's shapes. A ready graph has no model.ts; without a data set or model.raw there is no reference_raw.npz.
Config: export, model, profile (parity alone: of other batch sizes nothing is exported anew).
"""

CONTRACT = {side: MODEL[side] for side in ("inputs", "outputs")}


if MODEL["onnx"]:

    rule export:
        input:
            code=code("given_onnx.py"),
            given=MODEL["onnx"],
        output:
            onnx="<results>/export/model.onnx",
            reference="<results>/export/reference.npz",
        log:
            "<logs>/export.log",
        cache: CACHE
        conda:
            "../envs/main.yaml"
        resources:
            mem_mb=4000,
            runtime=10,
        params:
            libraries=libraries("given_onnx.py"),
            settings=settings(model=CONTRACT, shapes=made_up()),
        message:
            "Graph as given"
        shell:
            "exec python {input.code[0]} --settings {params.settings:q} --given {input.given:q}"
            " --onnx {output.onnx} --reference {output.reference} --log {log}"

else:

    rule export:
        input:
            code=code("export.py", "build", "prepare", "interpret", "example"),
            model_file=MODEL_FILE,
            model=rules.train.output.model,
            dataset=rules.dataset.output.test if DATASET else [],
        output:
            **({"raw_reference": "<results>/export/reference_raw.npz"} if RAW else {}),
            onnx="<results>/export/model.onnx",
            torchscript="<results>/export/model.ts",
            reference="<results>/export/reference.npz",
        log:
            "<logs>/export.log",
        cache: CACHE
        conda:
            "../envs/main.yaml"
        resources:
            mem_mb=4000,
            runtime=10,
        params:
            libraries=libraries("export.py", *MODEL_FILE, packages=["onnxscript"]),
            settings=settings(
                opset=config["export"]["opset"],
                model=CONTRACT,
                raw=MODEL["raw"] if RAW else None,
                shapes=made_up(),
            ),
            given=lambda wildcards, input, output: options(
                dataset=input.dataset, raw_reference=output.get("raw_reference")
            ),
        message:
            "Export to ONNX and TorchScript"
        shell:
            "exec python {input.code[0]} --settings {params.settings:q} --model {input.model} {params.given}"
            " --onnx {output.onnx} --torchscript {output.torchscript} --reference {output.reference} --log {log}"


rule parity:
    input:
        code=code("parity.py"),
        onnx=rules.export.output.onnx,
        torchscript=[] if MODEL["onnx"] else rules.export.output.torchscript,
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
        settings=settings(
            tolerance=config["export"]["tolerance"],
            profile=config["profile"],
            outputs=MODEL["outputs"],
        ),
        given=lambda wildcards, input: options(torchscript=input.torchscript),
    message:
        "Parity of the exports with PyTorch"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --onnx {input.onnx} {params.given}"
        " --reference {input.reference} --parity {output.parity} --log {log}"

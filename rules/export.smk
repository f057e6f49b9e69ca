"""Stage export. Takes: model/model.pt and dataset/test.npz, or the graph that model.onnx names.

Makes: export/{model.onnx,model.ts,reference.npz,reference_raw.npz}, and export/parity.json, which compares them at the
profile's shapes. A ready graph has no model.ts; without a data set or model.raw there is no reference_raw.npz.
Config: export, model, profile (parity alone: other batch sizes export nothing again).
"""

if plan.given_graph:

    rule export:
        """The graph as it was given, and what it answers."""
        input:
            code=plan.code("export_given.py"),
            given=plan.config.model.onnx,
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
            libraries=libraries("export_given.py"),
            settings=as_json(settings.export_given),
            command=command("export"),
        message:
            "Graph as given"
        shell:
            RUN

else:

    rule export:
        """ONNX and TorchScript, and what PyTorch answers."""
        input:
            code=plan.code("export.py", model_file=True),
            model=rules.train.output.model,
            after=plan.model_file,
            dataset=rules.dataset.output.test if plan.dataset else [],
        output:
            **({"raw_reference": "<results>/export/reference_raw.npz"} if plan.raw else {}),
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
            libraries=libraries("export.py", packages=["onnxscript"], model_file=True),
            settings=as_json(settings.export),
            command=command("export"),
        message:
            "Export to ONNX and TorchScript"
        shell:
            RUN


rule parity:
    """How far the exports are from PyTorch."""
    input:
        code=plan.code("parity.py"),
        onnx=rules.export.output.onnx,
        torchscript=[] if plan.given_graph else rules.export.output.torchscript,
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
        settings=as_json(settings.parity),
        command=command("parity"),
    message:
        "Parity of the exports with PyTorch"
    shell:
        RUN

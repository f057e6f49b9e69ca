"""Stage export. Takes: model/model.pt and dataset/test.npz, or the graph that model.onnx names.

Makes: export/{reference.npz,reference_raw.npz}, which hold what the model answers, and of export/{model.onnx,model.ts}
what is needed; and export/parity.json, which compares those at the profile's shapes. A ready graph has no model.ts;
without a data set or model.raw there is no reference_raw.npz.
Config: export, model, profile (parity alone: other batch sizes export nothing again).
"""

REFERENCES = {
    **({"raw_reference": "<results>/export/reference_raw.npz"} if plan.raw else {}),
    "reference": "<results>/export/reference.npz",
}

# What does without an export is said if it fails. It is no param, which would have a part in the name in a cache.
EXPORT = f"{RUN} --without {{resources.without:q}}"

if plan.given_graph:

    rule export:
        """The graph as it was given, and what it answers."""
        input:
            code=local(plan.code("export_given.py", model_file=True)),
            given=local(plan.config.model.onnx),
            model_file=local(plan.model_file),
            dataset=rules.dataset.output.test if plan.dataset else [],
            after=local(plan.given[1:]),
        output:
            **REFERENCES,
            **({"weights": "<results>/export/model.onnx.data"} if plan.large_graph else {}),
            onnx="<results>/export/model.onnx",
        log:
            "<logs>/export.log",
        cache: CACHE
        conda:
            "../envs/main.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=10,
        params:
            contents=contents("export"),
            libraries=libraries("export_given.py", model_file=True),
            settings=as_json(settings.reference),
            command=command("export"),
        message:
            "Graph as given"
        shell:
            RUN

else:

    rule reference:
        """What PyTorch answers."""
        input:
            code=local(plan.code("reference.py", model_file=True)),
            model=rules.train.output.model,
            after=local(plan.model_file),
            dataset=rules.dataset.output.test if plan.dataset else [],
        output:
            **REFERENCES,
        log:
            "<logs>/reference.log",
        cache: CACHE
        conda:
            "../envs/main.yaml"
        # PyTorch's, as in training: the last bits depend on them, and a large model takes minutes with one.
        threads: plan.config.train.threads
        resources:
            mem_mb=growing(4000),
            runtime=10,
        params:
            contents=contents("reference"),
            libraries=libraries("reference.py", model_file=True),
            settings=as_json(settings.reference),
            command=command("reference"),
        message:
            "PyTorch's answers"
        shell:
            RUN

    rule export:
        """ONNX, where a variant or an engine needs it."""
        input:
            code=local(plan.code("export.py", model_file=True)),
            model=rules.train.output.model,
            after=local(plan.model_file),
            reference=rules.reference.output.reference,
        output:
            onnx="<results>/export/model.onnx",
        log:
            "<logs>/export.log",
        cache: CACHE
        conda:
            "../envs/main.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=10,
            without=plan.without("onnx"),
        params:
            contents=contents("export"),
            libraries=libraries("export.py", packages=["onnxscript"], model_file=True),
            settings=as_json(settings.export),
            command=command("export"),
        message:
            "Export to ONNX"
        shell:
            EXPORT

    rule export_torchscript:
        """TorchScript, where a variant needs it."""
        input:
            code=local(plan.code("export_torchscript.py", model_file=True)),
            model=rules.train.output.model,
            after=local(plan.model_file),
            reference=rules.reference.output.reference,
        output:
            torchscript="<results>/export/model.ts",
        log:
            "<logs>/export_torchscript.log",
        cache: CACHE
        conda:
            "../envs/main.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=10,
            without=plan.without("torchscript"),
        params:
            contents=contents("export_torchscript"),
            libraries=libraries("export_torchscript.py", model_file=True),
            settings=as_json(settings.export_torchscript),
            command=command("export_torchscript"),
        message:
            "Export to TorchScript"
        shell:
            EXPORT


rule parity:
    """How far the exports are from PyTorch."""
    input:
        code=local(plan.code("parity.py")),
        onnx="<results>/export/model.onnx" if "onnx" in plan.exports else [],
        torchscript="<results>/export/model.ts" if "torchscript" in plan.exports else [],
        reference=REFERENCES["reference"],
    output:
        parity="<results>/export/parity.json",
    log:
        "<logs>/parity.log",
    benchmark:
        "<benchmarks>/parity.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    threads: plan.config.train.threads
    resources:
        mem_mb=growing(4000),
        runtime=10,
    params:
        contents=contents("parity"),
        libraries=libraries("parity.py"),
        settings=as_json(settings.parity),
        command=command("parity"),
    message:
        "Parity of the exports with PyTorch"
    shell:
        RUN

"""Stage engine. Takes: export/model.onnx. Makes: engine/<backend>/engine.json and the engine beside it.

One rule and one script per backend. Config: profile, engine.<backend>.
"""


# ModelOpt has another onnx than the workflow: its environment is called, not activated.
rule low_precision:
    input:
        code=code("low_precision.py"),
        lock=os.path.relpath(PROJECT / "envs" / "modelopt.txt"),
        onnx=rules.export.output.onnx,
        model_file=MODEL_FILE,
        dataset=rules.dataset.output.train if DATASET else [],
        reference=[] if DATASET else rules.export.output.reference,
    output:
        onnx="<results>/export/model.{precision}.onnx",
    log:
        "<logs>/low_precision/{precision}.log",
    benchmark:
        "<benchmarks>/low_precision/{precision}.tsv"
    wildcard_constraints:
        precision="fp16|int8",
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        libraries=libraries("low_precision.py"),
        settings=lambda wildcards: settings(precision=wildcards.precision),
        # Where it is makes no difference: params that depend on the input are not compared.
        modelopt=lambda wildcards, input: config["engine"]["modelopt"],
        samples=lambda wildcards, input: (
            options(dataset=input.dataset, model_file=MODEL["file"]) if DATASET else options(reference=input.reference)
        ),
    message:
        "Graph in {wildcards.precision}"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --modelopt {params.modelopt:q}"
        " --onnx {input.onnx} {params.samples} --output {output.onnx} --log {log}"


rule engine_openvino:
    input:
        code=code("engine_openvino.py"),
        onnx=rules.export.output.onnx,
    output:
        engine="<results>/engine/openvino/model.blob",
        record="<results>/engine/openvino/engine.json",
    log:
        "<logs>/engine/openvino.log",
    benchmark:
        "<benchmarks>/engine/openvino.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        libraries=libraries("engine_openvino.py"),
        settings=settings(profile=config["profile"], **config["engine"]["openvino"]),
    message:
        "OpenVINO engine"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --onnx {input.onnx}"
        " --engine {output.engine} --record {output.record} --log {log}"


# From PyTorch itself, not through ONNX. It is compiled for the processor or the GPU of the machine that builds it.
rule engine_aotinductor:
    input:
        code=code("engine_aotinductor.py", "build"),
        model=rules.train.output.model,
        model_file=MODEL_FILE,
    output:
        engine="<results>/engine/aotinductor/model.pt2",
        record="<results>/engine/aotinductor/engine.json",
    log:
        "<logs>/engine/aotinductor.log",
    benchmark:
        "<benchmarks>/engine/aotinductor.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=GPUS,
    params:
        libraries=libraries("engine_aotinductor.py", *MODEL_FILE),
        settings=settings(
            profile=config["profile"],
            inputs=config["model"]["inputs"],
            device=config["serving"]["device"],
        ),
    message:
        "AOTInductor engine"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --model {input.model}"
        " --engine {output.engine} --record {output.record} --log {log}"


# For the GPUs that the config names, on any machine.
rule engine_tensorrt_rtx:
    input:
        code=code("engine_tensorrt_rtx.py"),
        onnx=graph(config["engine"]["tensorrt_rtx"]["precision"]),
    output:
        engine="<results>/engine/tensorrt_rtx/model.engine",
        record="<results>/engine/tensorrt_rtx/engine.json",
    log:
        "<logs>/engine/tensorrt_rtx.log",
    cache: CACHE
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        libraries=libraries("engine_tensorrt_rtx.py", packages=["tensorrt-rtx-cu13-libs"]),
        settings=settings(profiles=PROFILES, **config["engine"]["tensorrt_rtx"]),
    message:
        "TensorRT-RTX engine"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --onnx {input.onnx}"
        " --engine {output.engine} --record {output.record} --log {log}"


# For the GPU of the machine that builds it. The timing cache makes later builds faster and decides nothing else: it is
# no input, so that it never invalidates an engine.
rule engine_tensorrt:
    input:
        code=code("engine_tensorrt.py"),
        onnx=graph(config["engine"]["tensorrt"]["precision"]),
    output:
        engine="<results>/engine/tensorrt/model.plan",
        record="<results>/engine/tensorrt/engine.json",
    log:
        "<logs>/engine/tensorrt.log",
    benchmark:
        "<benchmarks>/engine/tensorrt.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    container:
        config["serving"]["image"]
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=1,
    params:
        libraries=libraries("engine_tensorrt.py"),
        settings=settings(profiles=PROFILES, engine=config["engine"]["tensorrt"]),
        timing_cache="artifacts/tensorrt.timing_cache",
    message:
        "TensorRT engine"
    shell:
        "exec python3 {input.code[0]} --settings {params.settings:q} --onnx {input.onnx}"
        " --timing-cache {params.timing_cache} --engine {output.engine} --record {output.record} --log {log}"

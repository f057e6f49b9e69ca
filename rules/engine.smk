"""Stage engine. Takes: export/model.onnx. Makes: engine/<backend>/engine.json and the engine beside it.

One rule and one script per backend. Config: profile, engine.<backend>.
"""

# Of those engines that may have several; each runs with the narrowest one that admits a batch.
PROFILES = [config["profile"], *config["extra_profiles"]]


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
        code=code("engine_aotinductor.py"),
        model=rules.train.output.model,
        model_file=config["model"]["file"],
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
        libraries=libraries("engine_aotinductor.py", config["model"]["file"]),
        settings=settings(
            profile=config["profile"],
            inputs=tensors(config["model"]["inputs"]),
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
        onnx=rules.export.output.onnx,
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
        libraries=libraries("engine_tensorrt_rtx.py"),
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
        onnx=rules.export.output.onnx,
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

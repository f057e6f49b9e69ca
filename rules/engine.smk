"""Stage engine. Takes: export/model.onnx. Makes: engine/<backend>/engine.json and the engine beside it.

One rule and one script per backend. Config: profile, engine.<backend>.
"""


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
    benchmark:
        "<benchmarks>/engine/tensorrt_rtx.tsv"
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        settings=settings(profiles=[config["profile"], *config["extra_profiles"]], **config["engine"]["tensorrt_rtx"]),
    message:
        "TensorRT-RTX engine"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --onnx {input.onnx}"
        " --engine {output.engine} --record {output.record} --log {log}"

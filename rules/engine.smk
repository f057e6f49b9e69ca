"""Stage engine. Takes: export/model.onnx. Makes: engine/<engine>/engine.json and the engine beside it.

One rule and one script per backend. Config: profile, engine.<backend>, precisions.
"""


# ModelOpt has another onnx than the workflow: its environment is called, not activated.
rule low_precision:
    """The graph converted to fp16 or int8 by ModelOpt."""
    input:
        code=local(plan.code("low_precision.py")),
        after=local([project_file("envs/modelopt.txt"), *plan.beside]),
        source=rules.export.output.onnx,
        model_file=local(plan.model_file),
        dataset=rules.dataset.output.train if plan.dataset else [],
        reference=[] if plan.dataset else REFERENCES["reference"],
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
        mem_mb=growing(8000),
        runtime=30,
    params:
        contents=contents("low_precision"),
        libraries=libraries("low_precision.py"),
        settings=as_json(settings.low_precision),
        command=command("low_precision", modelopt=plan.config.engine.modelopt),
    message:
        "Graph in {wildcards.precision}"
    shell:
        RUN


rule engine_openvino:
    """OpenVINO's engine in one precision, for CPUs."""
    input:
        code=local(plan.code("engine_openvino.py")),
        onnx=ask(plan.openvino_graph),
    output:
        engine="<results>/engine/{engine}/model.blob",
        record="<results>/engine/{engine}/engine.json",
    log:
        "<logs>/engine/{engine}.log",
    benchmark:
        "<benchmarks>/engine/{engine}.tsv"
    wildcard_constraints:
        engine=r"openvino(_\w+)?",
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=10,
    params:
        contents=contents("engine_openvino"),
        libraries=libraries("engine_openvino.py"),
        settings=as_json(settings.engine_openvino),
        command=command("engine_openvino", without=lambda wildcards: plan.without(wildcards.engine)),
    message:
        "Engine {wildcards.engine}"
    shell:
        RUN


# From PyTorch itself, not through ONNX. It is compiled for the processor or the GPU of the machine that builds it.
rule engine_aotinductor:
    """PyTorch's own engine, for this machine's processor or GPU."""
    input:
        code=local(plan.code("engine_aotinductor.py", model_file=True)),
        model=rules.train.output.model,
        after=local(plan.model_file),
    output:
        engine="<results>/engine/{engine}/model.pt2",
        record="<results>/engine/{engine}/engine.json",
    log:
        "<logs>/engine/{engine}.log",
    benchmark:
        "<benchmarks>/engine/{engine}.tsv"
    wildcard_constraints:
        engine=r"aotinductor(_\w+)?",
    priority: 1
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=30,
        gpu=GPU,
    params:
        contents=contents("engine_aotinductor"),
        libraries=libraries("engine_aotinductor.py", model_file=True),
        settings=as_json(settings.engine_aotinductor),
        command=command("engine_aotinductor", without=lambda wildcards: plan.without(wildcards.engine)),
    message:
        "Engine {wildcards.engine}"
    shell:
        RUN


# For the GPUs that the config names, on any machine.
rule engine_tensorrt_rtx:
    """TensorRT-RTX's engine, for named GPUs."""
    input:
        code=local(plan.code("engine_tensorrt_rtx.py")),
        onnx=plan.graph(plan.config.engine.tensorrt_rtx.precision),
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
        mem_mb=growing(4000),
        runtime=10,
    params:
        contents=contents("engine_tensorrt_rtx"),
        libraries=libraries("engine_tensorrt_rtx.py", packages=["tensorrt-rtx-cu13-libs"]),
        settings=as_json(settings.engine_tensorrt_rtx),
        command=command("engine_tensorrt_rtx"),
    message:
        "TensorRT-RTX engine"
    shell:
        RUN


# For the GPU of the machine that builds it. The timing cache makes later builds faster and decides nothing else: it is
# no input, so that it never invalidates an engine.
rule engine_tensorrt:
    """TensorRT's engine, for this machine's GPU."""
    input:
        code=local(plan.code("engine_tensorrt.py")),
        onnx=plan.graph(plan.config.engine.tensorrt.precision),
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
        plan.config.serving.image
    resources:
        mem_mb=growing(8000),
        runtime=60,
        gpu=1,
    params:
        contents=contents("engine_tensorrt"),
        libraries=libraries("engine_tensorrt.py"),
        settings=as_json(settings.engine_tensorrt),
        command=command("engine_tensorrt", timing_cache="artifacts/tensorrt.timing_cache"),
    message:
        "TensorRT engine"
    shell:
        RUN

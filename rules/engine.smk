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

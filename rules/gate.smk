"""Stage gate. Takes: report/perf_summary.json and that of an earlier run. Makes: report/perf_gate.json. Config: compare."""


rule perf_gate:
    """Fail when a variant is slower than in the run that compare.base names."""
    input:
        code=local(plan.code("perf_gate.py")),
        summary=rules.perf_report.output.json,
        base=base_of_gate,
    output:
        gate="<results>/report/perf_gate.json",
    log:
        "<logs>/perf_gate.log",
    benchmark:
        "<benchmarks>/perf_gate.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("perf_gate"),
        libraries=libraries("perf_gate.py"),
        settings=as_json(settings.perf_gate),
        command=command("perf_gate"),
    message:
        "Gate: no variant slower than in {input.base}"
    shell:
        RUN

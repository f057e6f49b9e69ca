"""Stage backend. Takes: workflow/backends/native/. Makes: artifacts/backends/, a backend directory that all runs share."""

from glob import glob


rule backend:
    """The native backends in C++, which serve the engines without Python."""
    input:
        code=local(plan.code("backend.py")),
        after=local(sorted(glob(project_file("workflow/backends/native/*")))),
    output:
        **{engine: library(engine) for engine in BACKENDS},
    log:
        "artifacts/backends/backend.log",
    cache: CACHE
    priority: 1
    conda:
        "../envs/main.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=10,
    params:
        contents=contents("backend"),
        libraries=libraries("backend.py", packages=["openvino", "torch"]),
        command=command("backend"),
    message:
        "Native backends"
    shell:
        "exec {params.command}"

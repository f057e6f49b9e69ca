"""What the figures come from. Takes: health/, perf/, in_process/. Makes: provenance/{run_config.yaml,versions.json,system.json}.

At the end of every run also provenance/manifest.json and ro-crate-metadata.json. Config: all of it.
"""

import json
import shlex
import subprocess

from plan.outcome import outcome


rule provenance:
    """The configuration, the software and the hardware that the figures come from."""
    input:
        code=local(plan.code("provenance.py")),
        checks=f"<results>/health/{plan.variants[0]}.checks.json",
        requirements=local(plan.requirements),
        after=[
            local(project_file("envs/main.txt")),
            *expand("<results>/perf/{variant}/repeat-{repeat}/points.csv", variant=plan.variants, repeat=plan.repeats),
            rules.head_to_head.output.points,
            *expand(
                "<results>/in_process/{variant}/repeat-{repeat}.csv", variant=plan.in_process, repeat=plan.repeats
            ),
        ],
    output:
        run_config="<results>/provenance/run_config.yaml",
        versions="<results>/provenance/versions.json",
        system="<results>/provenance/system.json",
    log:
        "<logs>/provenance.log",
    benchmark:
        "<benchmarks>/provenance.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("provenance"),
        settings=as_json(settings.provenance),
        command=command("provenance"),
    message:
        "Provenance"
    shell:
        RUN


# At the end, when everything is as it stays. Not a rule: what it writes describes all others, and a command line and a
# time are never out of date.
onsuccess:
    stored = snakemake_internals.storage(workflow)
    # What a storage provider holds is not here to be read.
    if stored is None:
        made_by = ["--run", plan.results, "--command", shlex.join(["snakemake", *sys.argv[1:]])]
        subprocess.run(
            [sys.executable, project_file("workflow/scripts/manifest.py"), *made_by],
            input=json.dumps(snakemake_internals.finished_jobs(workflow)),
            text=True,
            check=True,
        )
    if progress and stored is not None:
        progress.succeed([f"Results: {os.path.join(stored, plan.results)}, without a manifest"])
    elif progress:
        reports = "perf_report" in snakemake_internals.rules_of_run(workflow)
        progress.succeed(outcome(Path(plan.results), snakemake_internals.overlays(workflow)) if reports else [])

"""What the figures come from. Takes: health/, perf/, in_process/. Makes: provenance/{run_config.yaml,versions.json,system.json}.

At the end of every run also provenance/manifest.json and ro-crate-metadata.json. Config: all of it.
"""

import shlex
import subprocess


rule provenance:
    input:
        code=code("provenance.py"),
        health=f"<results>/health/{config['variants'][0]}.json",
        lock=os.path.relpath(PROJECT / "envs" / "main.txt"),
        points=expand(rules.sweep.output.points, variant=config["variants"], repeat=REPEATS),
        in_process=expand(rules.in_process.output.table, variant=IN_PROCESS, repeat=REPEATS),
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
        mem_mb=1000,
        runtime=5,
    params:
        settings=settings(**config),
    message:
        "Provenance"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --health {input.health}"
        " --run-config {output.run_config} --versions {output.versions} --system {output.system} --log {log}"


# At the end, when everything is as it stays. Not a rule: what it writes describes all others, and a command line and a
# time are never out of date.
onsuccess:
    made = [
        {
            "rule": job.rule.name,
            "command": job.shellcmd,
            "inputs": list(job.input),
            "outputs": list(job.output),
            "log": job.log[0],
        }
        for job in workflow.dag.jobs
        # Snakemake does not miss an intermediate file that was deleted.
        if job.output and all(map(os.path.exists, [*job.input, *job.output]))
    ]
    subprocess.run(
        [
            sys.executable,
            code("manifest.py")[0],
            "--run",
            RESULTS,
            "--command",
            shlex.join(["snakemake", *sys.argv[1:]]),
        ],
        input=json.dumps(made),
        text=True,
        check=True,
    )

"""Stage report. Takes: what every stage says of its outputs. Makes: report/."""

from glob import glob

REPORT = os.path.relpath(SCRIPTS / "show")


rule perf_report:
    input:
        code=code("perf_report.py"),
        template=f"{REPORT}/perf_report.html.j2",
        parts=sorted(glob(f"{REPORT}/*.j2") + glob(f"{REPORT}/page.*")),
        schema=os.path.relpath(PROJECT / "workflow" / "schemas" / "perf_summary.schema.json"),
        points=expand(rules.sweep.output.points, variant=config["variants"], repeat=REPEATS),
        in_process=expand(rules.in_process.output.table, variant=IN_PROCESS, repeat=REPEATS),
        health=expand(rules.healthcheck.output.health, variant=config["variants"]),
        engines=expand("<results>/engine/{backend}/engine.json", backend=ENGINES),
        dataset=rules.dataset.output.summary if DATASET else [],
        metrics=[] if MODEL["onnx"] else rules.train.output.metrics,
        parity=rules.parity.output.parity,
        run_config=rules.provenance.output.run_config,
        versions=rules.provenance.output.versions,
        system=rules.provenance.output.system,
        model_file=MODEL_FILE if "metrics" in DECLARED.functions else [],
        published=[path for file in MODEL_FILE if os.path.exists(path := file.removesuffix(".py") + ".published.json")],
    output:
        page=report(
            "<results>/report/perf_report.html",
            caption="../workflow/report/perf_report.rst",
            category="Performance",
            labels={"content": "Report", "form": "page"},
        ),
        csv=report(
            "<results>/report/perf_summary.csv",
            caption="../workflow/report/perf_summary_csv.rst",
            category="Performance",
            labels={"content": "All points", "form": "CSV"},
        ),
        json=report(
            "<results>/report/perf_summary.json",
            caption="../workflow/report/perf_summary_json.rst",
            category="Performance",
            labels={"content": "Everything", "form": "JSON"},
        ),
    log:
        "<logs>/perf_report.log",
    benchmark:
        "<benchmarks>/perf_report.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        libraries=libraries("perf_report.py"),
        settings=settings(models={name: computing(name, INNER) for name in config["variants"]}),
        given=lambda wildcards, input: options(
            dataset=input.dataset,
            metrics=input.metrics,
            model_file=input.model_file,
            published=input.published,
        ),
        # Of the jobs before this one, for the time line.
        logs=f"{RESULTS}/logs",
    message:
        "Report"
    shell:
        "exec python {input.code[0]} --settings {params.settings:q} --points {input.points} --in-process {input.in_process} --health {input.health}"
        " --engines {input.engines} {params.given} --parity {input.parity}"
        " --run-config {input.run_config} --versions {input.versions} --system {input.system}"
        " --logs {params.logs}"
        " --template {input.template} --page {output.page} --csv {output.csv} --json {output.json} --log {log}"

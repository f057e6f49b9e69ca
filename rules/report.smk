"""Stage report. Takes: what every stage says of its outputs. Makes: report/."""

from glob import glob

SHOW = project_file("workflow/scripts/show")
TEMPLATE = f"{SHOW}/perf_report.html.j2"
# What it includes. No file is an input twice, or the manifest could not say which inputs a job had (plan/origin.py).
AROUND = sorted({*glob(f"{SHOW}/*.j2"), f"{SHOW}/page.css", f"{SHOW}/page.js"} - {TEMPLATE})
SUMMARY_SCHEMA = "workflow/schemas/perf_summary.schema.json"


rule perf_report:
    """Everything that the run found, as a page, CSV and JSON."""
    input:
        code=local(plan.code("perf_report.py")),
        template=local(TEMPLATE),
        after=[*local([*AROUND, project_file(SUMMARY_SCHEMA)]), *ACCEPTED],
        points=expand("<results>/perf/{variant}/repeat-{repeat}/points.csv", variant=plan.variants, repeat=plan.repeats),
        head_to_head=rules.head_to_head.output.points,
        in_process=expand(
            "<results>/in_process/{variant}/repeat-{repeat}.csv", variant=plan.in_process, repeat=plan.repeats
        ),
        health=expand("<results>/health/{variant}.json", variant=plan.variants),
        engines=expand("<results>/engine/{backend}/engine.json", backend=plan.engines),
        dataset=rules.dataset.output.summary if plan.dataset else [],
        metrics=[] if plan.given_graph else rules.train.output.metrics,
        parity=rules.parity.output.parity,
        run_config=rules.provenance.output.run_config,
        versions=rules.provenance.output.versions,
        system=rules.provenance.output.system,
        model_file=local(plan.model_file if "metrics" in plan.declared.functions else []),
        published=local(plan.published),
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
        mem_mb=growing(1000),
        runtime=5,
    params:
        contents=contents("perf_report"),
        libraries=libraries("perf_report.py"),
        settings=as_json(settings.perf_report),
        # The logs are those of the jobs before this one, for the time line.
        command=command("perf_report", logs=f"{plan.results}/logs"),
    message:
        "Report"
    shell:
        RUN

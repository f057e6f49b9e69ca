"""From a PyTorch model to measured, checked Triton endpoints: table of contents.

Targets: perf_report (everything, and the default), perf_gate (no slower than the run that compare.base names), and the
stages dataset, train, export, engines, repositories, healthchecks, sweeps; tune and deploy, which perf_report does not
need.
"""

from snakemake.utils import min_version

min_version("9.27")


include: "rules/terminal.smk"


configfile: COMPLETE


include: "rules/plan.smk"
include: "rules/common.smk"


pathvars:
    results=plan.results,
    logs=f"{plan.results}/logs",
    benchmarks=f"{plan.results}/benchmarks",


include: "rules/dataset.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/quantize.smk"
include: "rules/engine.smk"
include: "rules/backend.smk"
include: "rules/repository.smk"
include: "rules/health.smk"
include: "rules/perf.smk"
include: "rules/provenance.smk"
include: "rules/report.smk"
include: "rules/tune.smk"
include: "rules/deploy.smk"
include: "rules/gate.smk"
include: "rules/targets.smk"
include: "rules/origin.smk"


localrules:
    all,


# The first rule here is what Snakemake makes if no target is named.
rule all:
    """Everything up to the report; the same as perf_report."""
    input:
        rules.perf_report.output,

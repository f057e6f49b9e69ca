"""From a PyTorch model to measured, checked Triton endpoints: table of contents.

Targets: perf_report (everything, and the default), perf_gate (no slower than the run that compare.base names), and the stages dataset,
train, export, engines, repositories, healthchecks, sweeps; tune and deploy, which perf_report does not need.
"""

from snakemake.utils import min_version

min_version("9.27")


include: "rules/terminal.smk"


configfile: "config/config.yaml"


include: "rules/common.smk"


pathvars:
    results=plan.results,
    logs=f"{plan.results}/logs",
    benchmarks=f"{plan.results}/benchmarks",


include: "rules/dataset.smk"
include: "rules/train.smk"
include: "rules/export.smk"
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


localrules:
    all,
    engines,
    repositories,
    healthchecks,
    sweeps,
    tune,


# The first rule here is what Snakemake makes if no target is named.
rule all:
    """Everything up to the report; the same as perf_report."""
    input:
        rules.perf_report.output.page,


rule engines:
    """All engines."""
    input:
        ACCEPTED,
        expand("<results>/engine/{backend}/engine.json", backend=plan.engines),


rule repositories:
    """All repositories."""
    input:
        ACCEPTED,
        expand("<results>/repository/{variant}", variant=plan.variants),


rule healthchecks:
    """All health checks."""
    input:
        ACCEPTED,
        expand("<results>/health/{variant}.json", variant=plan.variants),


rule sweeps:
    """Everything that is measured with a server."""
    input:
        ACCEPTED,
        rules.head_to_head.output.points,
        expand("<results>/perf/{variant}/repeat-{repeat}/points.csv", variant=plan.variants, repeat=plan.repeats),


rule tune:
    """All searches, and their page."""
    input:
        expand(rules.tune_choice.output.choice, variant=plan.config.tune.variants),
        rules.tune_report.output.page,

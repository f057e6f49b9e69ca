"""From a PyTorch model to measured, checked Triton endpoints: table of contents.

Targets: perf_report (everything), perf_gate (no slower than the run that compare.base names), and the stages dataset,
train, export, engines, repositories, healthchecks, sweeps; tune and deploy, which perf_report does not need.
"""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "rules/common.smk"


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


include: "rules/dataset.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/engine.smk"
include: "rules/repository.smk"
include: "rules/serve.smk"
include: "rules/perf.smk"
include: "rules/provenance.smk"
include: "rules/report.smk"
include: "rules/tune.smk"
include: "rules/deploy.smk"
include: "rules/gate.smk"


localrules:
    engines,
    repositories,
    healthchecks,
    sweeps,
    tune,


rule engines:
    default_target: False
    input:
        expand("<results>/engine/{backend}/engine.json", backend=ENGINES),


rule repositories:
    input:
        expand("<results>/repository/{variant}", variant=config["variants"]),


rule healthchecks:
    input:
        expand("<results>/health/{variant}.json", variant=config["variants"]),


rule sweeps:
    input:
        expand("<results>/perf/{variant}/repeat-{repeat}/points.csv", variant=config["variants"], repeat=REPEATS),


rule tune:
    input:
        expand(rules.tune_choice.output.choice, variant=TUNE["variants"]),
        rules.tune_report.output.page,

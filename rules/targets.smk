"""Targets that name the results of a stage. Takes: what the stages make. Makes: nothing of its own. Config: variants."""


localrules:
    engines,
    repositories,
    healthchecks,
    sweeps,
    tune,


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
        expand("<results>/tune/{variant}/choice.json", variant=plan.config.tune.variants),
        rules.tune_report.output.page,

"""Artifacts that came here without Snakemake's records. Included last: it looks at what all rules make."""

from plan import origin
from plan.workflow_plan import BACKENDS_DIRECTORY

if snakemake_internals.plans_alone(workflow):
    made = snakemake_internals.existing_outputs(workflow, f"{plan.results}/", f"{BACKENDS_DIRECTORY}/")
    adopted = origin.adopt(Path(plan.results), snakemake_internals.Records(), made)
    for line in origin.told(Path(plan.results), *adopted):
        print(line, file=sys.stderr)

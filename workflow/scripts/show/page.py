"""The report as one HTML page that needs nothing from outside of itself.

The page is a list of sections. A section is a template `<name>.html.j2` in this folder and, in a module beside it, a
function that computes what the template shows beyond the document, its `view`, and another one for its plots, if it has
any. To add a section, write both and add a line to SECTIONS.
"""

import base64
import shlex
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from analyse import formatting, rows
from model import shapes
from record.points import CEILING, LATENCIES
from show import breakdown, curves, limits, precision, published, ranking, rates, sizes, tabular, timeline
from show.figures import looks

Document = Mapping[str, Any]
View = dict[str, Any]


def nothing(document: Document) -> View:
    """The view of a section that shows the document as it is."""
    return {}


@dataclass(frozen=True)
class Section:
    """One part of the page, made by the template `<name>.html.j2`.

    `short` names it among the links at the top. `view` gives what it shows beyond the document, or None to leave the
    section out. `plots` gives its plots by name; the template places them with `plot(name, …)`.
    """

    name: str
    title: str
    short: str
    view: Callable[[Any], View | None] = nothing
    plots: Callable[[Any], Mapping[str, go.Figure]] = nothing


SECTIONS = [
    Section("choices", "What to serve", "What to serve"),
    Section("ranking", "Which variant serves most", "Ranking", ranking.view),
    Section("precision", "How low the precision can go", "Precision", precision.view, precision.plots),
    Section("findings", "Findings", "Findings"),
    Section("tradeoff", "Throughput against latency", "Latency", curves.tradeoff, curves.tradeoff_plots),
    Section("scaling", "Throughput against concurrency", "Concurrency", curves.scaling, curves.scaling_plots),
    Section("sizes", "Throughput and latency by input size", "Input sizes", sizes.view, sizes.plots),
    Section("rates", "Requests at a rate", "Rates", rates.view, rates.plots),
    Section("breakdown", "Where the time goes", "Time", breakdown.view, breakdown.plots),
    Section("limits", "What limits it", "Limits", limits.view, limits.plots),
    Section("gpu", "The GPU while it was measured", "GPU", tabular.gpu),
    Section("accuracy", "Accuracy and parity", "Accuracy", tabular.accuracy),
    Section("engines", "Engines", "Engines", tabular.engines),
    Section("points", "All points", "Points"),
    Section("machine", "Machine and software", "Machine", tabular.machine),
    Section("timeline", "Time line of the run", "Time line", timeline.view, timeline.plots),
    Section("commands", "Commands", "Commands", tabular.commands),
    Section("caveats", "Caveats", "Caveats"),
    Section("published", "Published figures", "Published", published.view, published.plots),
]


def render(document: Document, template: Path, sections: Sequence[Section] = SECTIONS) -> str:
    """The page for a document, and from nothing else; the templates of the sections stand beside `template`.

    The report's SECTIONS show a document of analyse.document. Any document has `run`, the model's name in `config`,
    `verdict` and `verdict_details`.
    """
    environment = _environment(template.parent)
    rows_shown = document.get("rows", [])
    views = {section: section.view(document) for section in sections}
    shown = [section for section, view in views.items() if view is not None]
    return environment.get_template(template.name).render(
        **document,
        sections=shown,
        parts={section.name: _part(environment, section.name, document, views[section]) for section in shown},
        plots=_packed(_plots(document, shown)),
        layers=rows.layers(rows.closed(rows_shown)),
        looks=looks(rows_shown),
        plotly=_packed(get_plotlyjs()),
    )


def _plots(document: Document, sections: Sequence[Section]) -> str:
    """The plots of all sections by name, as JSON."""
    found = {name: plot.to_plotly_json() for section in sections for name, plot in section.plots(document).items()}
    text: str = to_json_plotly(found)
    return text


@cache
def _packed(text: str) -> str:
    """A text, deflated and in base 85; page.js unpacks it. Plotly's five megabytes become less than two."""
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode()


def _part(environment: jinja2.Environment, name: str, document: Document, view: View | None) -> Markup:
    """The HTML of a section."""
    return Markup(environment.get_template(f"{name}.html.j2").render(**document, view=view))


def _environment(directory: Path) -> jinja2.Environment:
    """Templates of a directory, with the words of the report as filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(directory),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"ceiling": CEILING, "latencies": LATENCIES, "protocols": rows.PROTOCOLS}
    environment.filters |= {
        "number": formatting.number,
        "percent": formatting.percent,
        "accuracy": formatting.accuracy,
        "significant": formatting.significant,
        "milliseconds": formatting.milliseconds,
        "error": formatting.error,
        "size": formatting.size,
        "listed": formatting.listed,
        "shapes": shapes.format,
        "ratio": formatting.ratio,
        "interval": formatting.interval,
        "points": formatting.points,
        "command": shlex.join,
        "place": rows.place,
        "load": rows.load,
        "bounds": rows.bounds,
        "capitalize_first": formatting.capitalized,
        "breakdown": rows.breakdown,
        "indicative": rows.indicative,
    }
    return environment

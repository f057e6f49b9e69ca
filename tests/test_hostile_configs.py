"""No YAML gives a traceback: it is planned, or refused in a line for each mistake, whatever is in it."""

import copy
import datetime
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import OVERLAYS, ROOT, Project, merged
from plan.configured import mapping
from planning import DEFAULT, planned
from program.cli import UserError

# Cases of the two properties.
TREES = 5_000
TEXTS = 5_000
SHIPPED = [path.read_bytes() for path in OVERLAYS]
TREE = [yaml.safe_load(text) for path, text in zip(OVERLAYS, SHIPPED) if path.name != "config.yaml"]
REFUSED = re.compile(r"(config: \S.*\. Hint: |configuration .*\. Hint: ).+")


def outcome(overlay: Path | dict) -> str:
    """`planned`, or the lines of the refusal. A file is read as Snakefile and make do; a tree is what is in one."""
    try:
        planned(overlay if isinstance(overlay, dict) else mapping(overlay))
    except UserError as error:
        lines = str(error).split("\n")
        assert all(REFUSED.fullmatch(line) and line.isprintable() and len(line) < 1500 for line in lines), lines
        return str(error)
    return "planned"


def places(tree: Any, *above: str | int) -> list[tuple[str | int, ...]]:
    """The paths of everything in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [found for key, value in items for found in ((*above, key), *places(value, *above, key))]


def put(tree: dict, path: tuple[str | int, ...], value: Any) -> None:
    """Set what an overlay says at a path of the default configuration; in a list, beside the default's other items."""
    default: Any = DEFAULT
    node: Any = tree
    for key in path[:-1]:
        default = default[key]
        if isinstance(node, dict) and key not in node:
            node[key] = copy.deepcopy(default) if isinstance(default, list) else {}
        try:
            node = node[key]
        except (TypeError, LookupError):
            return  # an earlier change left nothing here
    if isinstance(node, dict) or (node and isinstance(node, list) and isinstance(path[-1], int)):
        node[path[-1] if isinstance(node, dict) else 0] = value


# Words of the schema, what YAML makes of odd texts, sizes without sense.
WORDS = sorted({*re.findall(r"[\w:.-]+", (ROOT / "config" / "config.yaml").read_text())})
NUMBERS = [0, -1, 1.0, 2**31, 10**18, 16**3000, 1e308, float("nan"), float("inf"), -0.0]
TEXT = [
    "", "\n", "a\n", "a b", "{variant}", "a{b}.py", "x" * 5000, "é", "\x85", "..", "/", "README.md", "~", "'", "%s",
    "input:scalar", "input:0", "other:1", "input:999999999x1x28x28", "input:1x1x28x28\n", ",", "artifacts", "backends",
]  # fmt: skip
OTHER = [None, True, datetime.date(2026, 1, 1), b"\xff", {1}, [], {}, [[]], {1: 2}, {None: {}}]
LEAVES = st.sampled_from([*NUMBERS, *TEXT, *OTHER, *WORDS]) | st.integers() | st.floats() | st.text(max_size=9)
KEYS = st.sampled_from([*WORDS, *TEXT]) | st.integers()
VALUES = LEAVES | st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=4
)
CHANGES = st.lists(st.tuples(st.sampled_from(places(DEFAULT)), VALUES), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "overlay.yaml"


@pytest.mark.slow
@settings(max_examples=TREES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(base=st.sampled_from(TREE), changes=CHANGES)
def test_any_value_at_any_key(base: dict, changes: list) -> None:
    tree = copy.deepcopy(base)
    for path, value in changes:
        put(tree, path, value)
    outcome(tree)


PIECES = [
    *(b"\xff\xfe", b"\x00", b"\t", b"\n", b": ", b"- ", b"*a ", b"&a ", b"{", b"}", b"[", b"]", b"'", b'"', b"---\n"),
    *(b"!!binary ", b"!!set ", b"!!python/object:os.system ", b"2026-13-45", b"<<: ", b"9" * 5000, b"[" * 400, b"~: "),
    *(b"run: a\n", b"__use_yte__: true\n", b".nan", b"0x" + b"f" * 4000, b"\xef\xbb\xbf", "run: é\n".encode("utf-16")),
]  # fmt: skip


@pytest.mark.slow
def test_any_text(overlay: Path) -> None:
    """The shipped files, with pieces put in, cut out or doubled."""
    draw = random.Random(19)
    for _ in range(TEXTS):
        text = draw.choice(SHIPPED)
        start = draw.randrange(len(text))
        text = text[start:][: draw.choice([50, 500, 1000])] if draw.random() < 0.5 else text[:1000]
        for _ in range(draw.randint(1, 4)):
            start = draw.randint(0, len(text))
            end = min(len(text), start + draw.choice([0, 1, 20]))
            text = text[:start] + draw.choice([b"", draw.choice(PIECES), text[start:end] * 2]) + text[end:]
        overlay.write_bytes(text)
        try:
            outcome(overlay)
        except Exception as error:
            error.add_note(f"in: {text!r}")
            raise


BOUND = "sweep: {slo_ms: %s}"
# Files, and what their refusal begins with; None for one that is planned. The directory has what they name.
CASES: dict[str, tuple[str | bytes, str | None]] = {
    "an integer written 1.0": ("train: {epochs: 1.0}", "config: train.epochs: 1.0 is not a whole number."),
    "a float written 20": (BOUND % "20", None),
    "a date": ("run: 2026-01-01", 'config: run: "2026-01-01" is not a name of a run.'),
    "a date as an argument": ("model: {arguments: {day: 2026-01-01}}", 'config: model.arguments.day: "2026'),
    "an impossible date": ("run: 2026-13-45", "configuration overlay.yaml has an impossible value: month must be"),
    "bytes": ("run: !!binary aGVsbG8=", "config: run: "),
    "bytes as an argument": ("model: {arguments: {x: !!binary aGVsbG8=}}", "config: model.arguments.x: "),
    "a set as an argument": ("model: {arguments: {x: !!set {a}}}", "config: model.arguments.x: "),
    "an object": ("!!python/object:os.system x", "configuration overlay.yaml:1: could not determine a constructor"),
    "NaN as a bound": (BOUND % ".nan", "config: sweep.slo_ms: NaN is not a finite number."),
    "infinity as a bound": (BOUND % ".inf", "config: sweep.slo_ms: Infinity is not a finite number."),
    "minus infinity as a bound": ("train: {min_accuracy: -.inf}", "config: train.min_accuracy: -Infinity is not"),
    "NaN as an argument": ("model: {arguments: {x: .nan}}", "config: model.arguments.x"),
    "a run that ends in a newline": ('run: "mine\\n"', 'config: run: "mine\\n" is not a name of a run.'),
    "a model that ends in a newline": ('model: {name: "mine\\n"}', 'config: model.name: "mine\\n" is not a name.'),
    "a tensor that ends in a newline": (
        'pytriton: {inputs: ["image\\n"]}', 'config: pytriton.inputs.0: "image\\n" is not a name of a tensor.'
    ),
    "an axis that ends in a newline": (
        'model: {inputs: [{name: a, dtype: FP32, dims: ["n\\n"]}]}', 'config: model.inputs.0.dims.0: "n\\n" is not'
    ),
    "a shape that ends in a newline": ('profile: {opt: "input:64x1x28x28\\n"}', "config: profile.opt: "),
    "an image with a newline": (
        'serving: {image: "docker://a\\nRUN evil"}', 'config: serving.image: "docker://a\\nRUN evil" is not an image.'
    ),
    "braces in a path": ('model: {file: "models/{mine}.py"}', "config: model.file: models/{mine}.py has braces"),
    "braces in an argument": ('model: {arguments: {x: "{y} {0} {{"}}', None),
    "a newline in a path": ('engine: {modelopt: "a\\nb"}', "config: engine.modelopt: the path has a character that"),
    "a run of 5,000 characters": (f"run: {'x' * 5000}", 'config: run: "xxx'),
    "a model of 5,000 characters": (f"model: {{name: {'x' * 5000}}}", 'config: model.name: "xxx'),
    "a path of 5,000 characters": (f"model: {{file: {'x' * 5000}}}", "config: model.file: the path has 5000 "),
    "a file name of 500 characters": (f"model: {{file: {'x' * 500}}}", "config: model.file: xxx"),
    "a key of 5,000 characters": (f"? {'x' * 5000}\n: 1", "config: xxx"),
    "a source of two lines": ('dataset: {source: "a\\nb"}', "config: dataset.source: a\\nb is not a data set"),
    "a run that is a file": ("run: README.md", "config: run: artifacts/README.md is not a directory of a run."),
    "a run that is the backends' directory": ("run: backends", "config: run: artifacts/backends is not a directory of"),
    "UTF-16": ("run: mine\n".encode("utf-16"), "configuration overlay.yaml is not text in UTF-8."),
    "Latin-1": ("run: é\n".encode("latin-1"), "configuration overlay.yaml is not text in UTF-8."),
    "a byte order mark": (b"\xef\xbb\xbfrun: mine\n", None),
    "NUL": (b"run: a\0b\n", "configuration overlay.yaml: not YAML."),
    "an anchor that refers to itself": ("model: {arguments: &a {x: *a}}", "configuration overlay.yaml has more than"),
    "aliases of aliases": (
        "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "configuration overlay.yaml has more than 20000 values",
    ),
    "an alias": ("sweep: {concurrencies: &a [1, 2], batch_sizes: *a}", None),
    "nesting": (f"model: {{arguments: {{x: {'[' * 1000}{']' * 1000}}}}}", "configuration overlay.yaml is nested"),
    "a key given twice": ("run: a\nrun: b", "configuration overlay.yaml:2: run is given twice."),
    "a key given twice in JSON": ('{"run": "a", "run": "b"}', "configuration overlay.yaml:1: run is given twice."),
    "a key that is a mapping": ("{a: 1}: 2", "configuration overlay.yaml:1: found unhashable key."),
    "keys that are no text": ("~: 1\n3: 1\n2026-01-01: 1", "config: None: unknown key."),
    "an argument whose key is no text": ("model: {arguments: {1: 2}}", "config: model.arguments.1"),
    "two documents": ("run: a\n---\nrun: b", "configuration overlay.yaml:2: but found another document."),
    "a template": ("__use_yte__: true", "config: __use_yte__: unknown key."),
    "nothing": ("", "configuration overlay.yaml is empty."),
    "a profile that names no input": ("profile: {min: 'x:1', opt: 'x:1', max: 'x:1'}", "config: profile.min: has "),
    "a profile of a scalar": ("profile: {max: 'input:scalar'}", "config: profile.max: input is scalar."),
    "an empty profile": ("profile: {opt: ''}", "config: profile.opt: '' is not of the form name:1x2x3."),
    "a number of 5,000 digits": (f"train: {{epochs: {'9' * 5000}}}", "configuration overlay.yaml has an imp"),
    "a number beyond 32 bits": ("train: {epochs: 3000000000}", "config: train.epochs: the number is more"),
    "a batch of 999 million": (
        "dataset: {source: null}\nvariants: [openvino]\nprofile: {max: 'input:999999999x1x28x28'}",
        "config: profile.max: input has 3135999996864 bytes, and a message at most 2147483647.",
    ),
    "a million repeats": ("sweep: {repeats: 1000000}", "config: sweep.repeats: 1000000 is more than 1000."),
    "too many loads": (
        f"sweep: {{concurrencies: {[*range(1, 2001)]}, protocols: [grpc, http], batch_sizes: [1, 2, 3]}}",
        "config: sweep: its lists make 12000 load levels, of which 10000 can be planned.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), CASES.values(), ids=list(CASES))
def test_case_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes, said: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("overlay.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    found = outcome(Path("overlay.yaml"))
    assert found.startswith(said or "planned"), found


def test_overlay_that_is_a_directory(tmp_path: Path) -> None:
    assert outcome(tmp_path).startswith(f"configuration {tmp_path} cannot be read: Is a directory.")


@pytest.mark.slow
def test_config_of_the_clone(project: Project) -> None:
    """config/config.yaml itself is read by the same function, before Snakemake reads it."""
    own = project.root / "config" / "config.yaml"
    before = own.read_text()
    for content, said in (
        (before + "run: again\n", "config/config.yaml:"),
        ("model: &a {arguments: *a}", "config/config.yaml has more than 20000 values"),
    ):
        own.write_text(content)
        try:
            found = project.snakemake("-n", check=False)
        finally:
            own.write_text(before)
        (line,) = [line for line in found.stderr.splitlines() if not line.startswith("Using ")]
        assert found.returncode == 1
        assert line.startswith(f"configuration {said}")


def test_planned_by_snakemake(project: Project, tmp_path: Path) -> None:
    """What is accepted here is planned there too: all that the cases accept, in one overlay."""
    accepted = [yaml.safe_load(content) for content, said in CASES.values() if said is None]
    whole: dict = {}
    for one in accepted:
        whole = merged(whole, one)
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(whole))
    assert "perf_report" in project.snakemake("-n", configfiles=(tmp_path / "overlay.yaml",)).stdout

"""The documentation of the configuration says what its models and the default configuration say."""

import subprocess
import sys

import pytest

import config_docs
from conftest import DEFAULT, ROOT
from plan.config.values import Section

README = ROOT / "config" / "README.md"
KEYS = dict(config_docs.keys())


def test_readme_has_the_current_table():
    text = README.read_text()
    assert config_docs.written_into(text, config_docs.table()) == text, f"out of date; run: {config_docs.COMMAND}"


@pytest.mark.parametrize("path", KEYS)
def test_key_is_described_and_has_a_default(path):
    assert KEYS[path]["description"].endswith(".")
    config_docs.default(path, DEFAULT)


@pytest.mark.parametrize("section", Section.__subclasses__(), ids=lambda section: section.__name__)
def test_every_section_requires_all_of_its_keys_and_gives_no_defaults(section):
    assert section.model_config["extra"] == "forbid"
    # What is said of a single tensor stands only where it differs from what is said of all.
    of_tensors = {"Tensor": {"scores", "tolerance"}, "OwnTolerance": set(section.model_fields)}
    optional = of_tensors.get(section.__name__, set())
    assert {name for name, field in section.model_fields.items() if not field.is_required()} == optional


def test_config_has_the_keys_of_the_models_in_their_order():
    def names(node, prefix=""):
        for name, value in node.items():
            yield f"{prefix}{name}"
            if isinstance(value, dict):
                yield from names(value, f"{prefix}{name}.")

    assert list(names(DEFAULT)) == list(KEYS)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("model.inputs", "list of tensors"),
        ("dataset.source", "text or `null`"),
        ("dataset.retries", "integer, 0 to 20"),
        ("train.learning_rate", "number, above 0"),
        ("profile.min", "shapes"),
        ("extra_profiles", "list of profiles"),
        ("serving.threads", "`auto`, `all` or integer, at least 1"),
        ("serving.cuda_graphs", "`true` or `false`"),
        ("healthcheck.samples", "`all` or integer, at least 1"),
        ("model.arguments", "mapping"),
    ],
)
def test_type_is_in_words(path, words):
    assert config_docs.kind(KEYS[path]) == words


def test_writing_changes_the_block_alone(tmp_path):
    target = tmp_path / "README.md"
    target.write_text(f"before\n{config_docs.BEGIN}\nold\n{config_docs.END}\nafter\n")
    subprocess.run([sys.executable, config_docs.__file__, "--write", target], check=True)
    assert target.read_text() == f"before\n{config_docs.BEGIN}\n\n{config_docs.table()}\n\n{config_docs.END}\nafter\n"


def test_missing_marker_is_an_error():
    with pytest.raises(ValueError, match="markers"):
        config_docs.written_into("no table here", "rows")

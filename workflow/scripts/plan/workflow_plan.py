"""What a run consists of: its variants and engines, the files that they are made from, the code that makes them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from model import shapes
from model.model_file import Declared
from plan import packages
from plan.config import Config, declared_by
from plan.lock import versions
from plan.served import Served
from program.files import known_sha256, sha256, sha256_of
from program.imports import project_imports
from program.typed import canonical
from serve.variants import NAMED, VARIANTS, computing, in_fp32, of_kind

PROJECT = Path(__file__).resolve().parents[3]
SCRIPTS = PROJECT / "workflow" / "scripts"
# The native backends, which all runs share.
BACKENDS_DIRECTORY = "artifacts/backends"
# Engines that are built from the module itself, without ONNX.
# The exported graph, and the same in int8.
GRAPHS = ("export/model.onnx", "export/int8/model.onnx")
FROM_MODULE = {variant.engine for variant in VARIANTS.values() if variant.engine and variant.pytorch}
# Functions of a model file that are not called where it is served.
NOT_SERVED = frozenset({"dataset", "train", "example", "metrics"})


def project_file(name: str) -> str:
    """A file of the project, by its path from the working directory."""
    return os.path.relpath(PROJECT / name)


def library(engine: str) -> str:
    """Where the native backend of an engine lies, once it is built."""
    name = f"endpoints_{engine}"
    return f"{BACKENDS_DIRECTORY}/{name}/libtriton_{name}.so"


@dataclass(frozen=True)
class Plan:
    """The plan of a run. Relative paths of the config begin at `root`, the working directory of Snakemake."""

    config: Config
    root: Path

    @cached_property
    def declared(self) -> Declared:
        """What the model file has, found by reading it."""
        return declared_by(self.config, self.root)

    @property
    def results(self) -> str:
        """The directory of the run."""
        return f"artifacts/{self.config.run}"

    @property
    def model_file(self) -> list[str]:
        """The model file; none where a ready graph has all that is needed."""
        return [self.config.model.file] if self.config.model.file else []

    @cached_property
    def beside(self) -> list[str]:
        """The files that the model file imports from its directory, those that it is declared to read, and the lock."""
        return [*self._imported(), *self.config.model.files, *self.requirements]

    @cached_property
    def served_beside(self) -> list[str]:
        """Those of them that it needs where it is served: there nothing is trained, and no data set made."""
        return [*self._imported(NOT_SERVED), *self.config.model.files, *self.requirements]

    @property
    def requirements(self) -> list[str]:
        """The lock of the packages that the model needs beyond the project's, if it needs any."""
        name = self.config.model.requirements
        return [str(packages.lock_of(Path(name)))] if name else []

    def _imported(self, without: frozenset[str] = frozenset()) -> list[str]:
        found = [self.root / name for name in self.model_file]
        return [
            os.path.relpath(path, self.root) for own in found for path in project_imports(own, own.parent, without)[1:]
        ]

    @property
    def published(self) -> list[str]:
        """The figures beside the model file that others published for the model, if there are any."""
        paths = [name.removesuffix(".py") + ".published.json" for name in self.model_file]
        return [path for path in paths if (self.root / path).exists()]

    @property
    def given(self) -> list[str]:
        """The ready graph and the files beside it that hold its weights."""
        from model.graph import weights

        graph = Path(self.config.model.onnx)
        return [str(graph), *(os.path.relpath(path, self.root) for path in weights(self.root / graph))]

    @property
    def given_graph(self) -> bool:
        """Whether the model is a ready graph."""
        return bool(self.config.model.onnx)

    @property
    def large_graph(self) -> bool:
        """Whether the ready graph has more weights than model.onnx can hold."""
        if not self.given_graph:
            return False
        from model.graph import is_large

        return is_large(self.root / self.config.model.onnx)

    @property
    def dataset(self) -> bool:
        """Whether there is a data set."""
        return self.config.dataset.source is not None

    @property
    def raw(self) -> bool:
        """Whether there are raw samples, and answers that the model file makes for them."""
        return self.dataset and self.config.model.raw is not None

    @property
    def trains(self) -> bool:
        """Whether the model file trains on the data set."""
        return self.dataset and "train" in self.declared.functions

    @property
    def variants(self) -> list[str]:
        """The variants of the run, in the order of the config."""
        return self.config.served

    @property
    def engines(self) -> list[str]:
        """The engines that the variants need, and those that are built besides."""
        needed = {self.served(name).runs.engine for name in self.variants}
        return sorted({*filter(None, needed), *self.config.engines})

    @property
    def exports(self) -> list[str]:
        """The exports that variants and engines need, `onnx` and `torchscript`; a ready graph is itself one."""
        made_from = set[str]().union(*map(self.made_from, self.variants))
        onnx = self.given_graph or "onnx" in made_from or set(self.engines) - FROM_MODULE
        return [*(["onnx"] if onnx else []), *(["torchscript"] if "torchscript" in made_from else [])]

    def made_from(self, variant: str) -> set[str]:
        """The exports and the engine that a variant is made from, as `exports` and `engines` name them."""
        runs = self.served(variant).runs
        onnx = runs.artifact in GRAPHS or (runs.engine and runs.engine not in FROM_MODULE)
        script = runs.artifact == "export/model.ts"
        found = {"onnx": onnx, "torchscript": script, runs.engine: runs.engine}
        return {name for name, needed in found.items() if name and needed}

    def without(self, made: str) -> str:
        """What a configuration says that does without an export or an engine; empty where nothing would be served."""
        if made in VARIANTS and made not in NAMED:
            return f"leave {VARIANTS[made].precision} out of precisions"
        lost = {in_fp32(name) for name in self.variants if made in self.made_from(name)}
        variants = [name for name in self.config.variants if name not in lost]
        if not any(VARIANTS[name].computes for name in variants):
            variants = ["pytriton", *variants] if not self.given_graph else []
        unbuilt = {made} if made != "onnx" else set(self.engines) - FROM_MODULE
        engines = [name for name in self.config.engines if name not in unbuilt]
        said = {"variants": variants} | ({"engines": engines} if engines != list(self.config.engines) else {})
        lines = [
            f"{key}: {yaml.safe_dump(names, default_flow_style=True, width=10**6).strip()}"
            for key, names in said.items()
        ]
        return f"write {' and '.join(lines)} in the configuration" if variants else ""

    @property
    def repeats(self) -> range:
        """The numbers of the repeats."""
        return range(1, self.config.sweep.repeats + 1)

    @property
    def in_process(self) -> list[str]:
        """The variants whose own model is also called without a server, once for all that serve it."""
        callable_ = {name for kind in ("model", "pytriton") for name in self.of_kind(kind) if VARIANTS[name].computes}
        return sorted({computing(name, self.config.serving.inner) for name in self.variants} & callable_)

    @property
    def sample_shapes(self) -> list[str]:
        """The shapes of the samples that are sent, by default that of `profile.opt`.

        Where all axes are fixed there is one, without a name: the model's own.
        """
        if not shapes.axes(tensor.dims for tensor in self.config.model.inputs):
            return [""]
        opt = shapes.sample(self.config.shapes["opt"])
        return list(self.config.sweep.shapes) or [shapes.format(opt)]

    @property
    def samples_from(self) -> list[str]:
        """The model file where it makes up samples, of shapes that the reference has none of."""
        return self.model_file if self.sample_shapes != [""] and "example" in self.declared.functions else []

    def served(self, variant: str) -> Served:
        """A variant as this run serves it."""
        return Served(self.config, variant)

    def of_kind(self, kind: str) -> list[str]:
        """All variants that the configured server serves as a kind."""
        return of_kind(kind, self.config.server)

    def library(self, variant: str) -> list[str]:
        """The native backend that serves a variant, if one does; all runs share it."""
        backend = self.served(variant).backend
        return [library(backend)] if backend else []

    def model_py(self, variant: str) -> list[str]:
        """What Triton's Python backend loads for a variant, if it serves it."""
        return [] if self.served(variant).backend else [project_file("workflow/backends/model.py")]

    def python_runtime(self, variant: str) -> list[str]:
        """The runtime beside it."""
        return [] if self.served(variant).backend else [self.runtime(variant)]

    def runtime(self, variant: str) -> str:
        """The file that loads the model of a variant in Python."""
        return project_file(f"workflow/backends/{self.served(variant).runs.runtime}")

    def processing_beside(self, variant: str) -> list[str]:
        """What the model file needs there."""
        return self.served_beside if self.processing(variant) else []

    def processing(self, variant: str) -> list[str]:
        """The model file, for a runtime that builds the model from it."""
        return self.model_file if self.served(variant).kind == "pytriton" else []

    def artifact(self, variant: str) -> list[str]:
        """The file that a variant runs, if it runs one, and that of the weights that a large graph does not hold."""
        path = self.served(variant).runs.artifact
        beside = [f"{path}.data"] if path == "export/model.onnx" and self.large_graph else []
        return [f"{self.results}/{name}" for name in [path, *beside] if name]

    def record(self, variant: str) -> list[str]:
        """engine.json of the engine of a variant, if it has one."""
        engine = self.served(variant).runs.engine
        return [f"{self.results}/engine/{engine}/engine.json"] if engine else []

    def reference(self, variant: str) -> str:
        """What the answers of a variant are compared with, in the form that it takes and gives."""
        return f"{self.results}/export/{'reference_raw' if VARIANTS[variant].raw else 'reference'}.npz"

    def store(self, variant: str, repeat: str) -> str:
        """Where the points of one repeat of a variant stay once they are measured."""
        return f"{self.results}/points/{variant}/repeat-{repeat}"

    @property
    def raw_reference(self) -> list[str]:
        """The reference for raw samples, where a variant takes them."""
        return [f"{self.results}/export/reference_raw.npz"] if any(VARIANTS[one].raw for one in self.variants) else []

    def checkpoints(self, variant: str) -> str:
        """Where the search of a variant keeps what it has measured until it has ended."""
        return f"{self.results}/checkpoints/tune/{variant}"

    def openvino_graph(self, engine: str) -> str:
        """The graph that an engine of OpenVINO is compiled from: what is quantised is in the graph itself."""
        return f"{self.results}/{GRAPHS[VARIANTS[engine].precision == 'int8']}"

    def graph(self, precision: str) -> str:
        """The graph whose types an engine of this precision computes in."""
        lower = f".{precision}" if precision in ("fp16", "int8") else ""
        return f"{self.results}/export/model{lower}.onnx"

    def code(self, *scripts: str, model_file: bool = False) -> list[str]:
        """Scripts and the project's modules that they import, the first one first.

        `model_file`: with what the model file imports and reads, for scripts that call it.
        """
        paths = [path for script in scripts for path in project_imports(SCRIPTS / script, SCRIPTS)]
        for name in [*self.model_file, *self._imported()] if model_file else ():
            paths += project_imports(self.root / name, SCRIPTS)[1:]
        paths += [self.root / name for name in self.beside] if model_file else []
        return [os.path.relpath(path) for path in dict.fromkeys(paths)]

    def contents(self, inputs: Iterable[str]) -> str:
        """The SHA-256 of what the inputs of a job contain that no rule makes: its code, the model's files, the weights.

        A file that is missing has none; Snakemake says so.
        """
        made = (f"{self.results}/", f"{BACKENDS_DIRECTORY}/")
        given = [Path(name) for name in inputs if not name.startswith(made)]
        return sha256_of(canonical([known_sha256(path) for path in given if path.is_file()]).encode())

    def fingerprint(self, *scripts: str, packages: Iterable[str] = ()) -> str:
        """The SHA-256 of what scripts and their modules contain, and of the versions of their libraries."""
        code = [sha256(Path(path)) for path in self.code(*scripts)]
        return sha256_of(canonical({"code": code, "libraries": self.libraries(*scripts, packages=packages)}).encode())

    def libraries(
        self, *scripts: str, files: Iterable[str] = (), packages: Iterable[str] = (), model_file: bool = False
    ) -> dict[str, str]:
        """Locked versions of what scripts, with their modules, and further `files` import, and of `packages`."""
        called = [*self.model_file, *self._imported()] if model_file else []
        read = dict.fromkeys([*self.code(*scripts, model_file=model_file), *called, *files])
        return versions((Path(name) for name in read if name.endswith(".py")), packages)

"""The settings of every rule, from the plan of a run: a method per rule, whose arguments are wildcards of the rule."""

from dataclasses import dataclass, replace

from engines.options import TensorRtOptions
from model import shapes
from model.shapes import Shapes
from model.signature import Signature, names
from plan.constraints import parsed
from plan.loads import Grid, Windows, headline
from plan.served import signature, tensors
from plan.settings.dataset import Dataset
from plan.settings.deploy import Deploy
from plan.settings.engine import AotInductor, LowPrecision, OpenVino, Quantize, TensorRt, TensorRtRtx
from plan.settings.export import Export, Parity, Reference, Tolerance, TorchScript
from plan.settings.gate import Gate
from plan.settings.health import Bounds, HealthCheck, Judgement
from plan.settings.perf import Contestant, HeadToHead, InProcess, Sweep, Target
from plan.settings.provenance import Provenance
from plan.settings.report import Report
from plan.settings.repository import (
    BlsRepository,
    EnsembleRepository,
    Names,
    NativeRepository,
    PyTritonRepository,
    PyTritonServing,
    Repository,
)
from plan.settings.train import Accept, Train
from plan.settings.tune import Choice, Environment, Goal, Halving, Launch, Lists, Proof, Search, Sent, TuneReport
from plan.workflow_plan import Plan
from serve.variants import VARIANTS, computing

# Inputs that are made up, for each shape.
SAMPLES = 16
BOUNDS = ("min", "opt", "max")


@dataclass(frozen=True)
class RuleSettings:
    """What each rule has to know of the configuration, and no more: another value reruns it."""

    plan: Plan

    def dataset(self) -> Dataset:
        """The source, and what the model file says that the content of this data set follows from."""
        section, declared = self.plan.config.dataset, self.plan.declared
        keys = declared.datasets.get(section.source, []) if section.source else []
        return Dataset(section.source, {key: getattr(section, key) for key in keys})

    def train(self) -> Train:
        """All of `train` but its bound, and the arguments of `build`."""
        config = self.plan.config
        return Train(arguments=config.model.arguments, **config.train.model_dump(exclude={"min_accuracy"}))

    def accept(self) -> Accept:
        """The bound of `train`."""
        return Accept(self.plan.config.train.min_accuracy)

    def reference(self) -> Reference:
        """Nothing of the batch sizes, unless inputs are made up."""
        return Reference(signature(self.plan.config.model), self._raw(), self._made_up())

    def export(self) -> Export:
        """The opset, and the names of inputs, outputs and axes."""
        return Export(self.plan.config.export.opset, signature(self.plan.config.model))

    def export_torchscript(self) -> TorchScript:
        """Whether there are batches."""
        return TorchScript(self.plan.config.model.batching)

    def parity(self) -> Parity:
        """The tolerance, and the shapes at which it holds."""
        config = self.plan.config
        tolerance = Tolerance(**config.export.tolerance.model_dump())
        return Parity(tolerance, self._tolerances(), config.profile.model_dump(), signature(config.model))

    def low_precision(self, precision: str) -> LowPrecision:
        """The precision to convert to."""
        return LowPrecision(precision)

    def quantize(self) -> Quantize:
        """What to calibrate with, where there is no data set."""
        return Quantize(signature(self.plan.config.model), [] if self.plan.dataset else self._made_up())

    def engine_openvino(self, engine: str) -> OpenVino:
        """Profile and precision."""
        return OpenVino(self.plan.config.profile.model_dump(), VARIANTS[engine].precision)

    def engine_aotinductor(self, engine: str) -> AotInductor:
        """Profile, device and precision."""
        config = self.plan.config
        return AotInductor(
            profile=config.profile.model_dump(),
            inputs=tensors(config.model.inputs),
            device=config.serving.device,
            batching=config.model.batching,
            precision=VARIANTS[engine].precision,
        )

    def engine_tensorrt_rtx(self) -> TensorRtRtx:
        """Profiles, precision and GPUs."""
        section = self.plan.config.engine.tensorrt_rtx
        return TensorRtRtx(self._profiles(), section.precision, list(section.targets))

    def engine_tensorrt(self) -> TensorRt:
        """Profiles, and all of `engine.tensorrt`."""
        options = TensorRtOptions(**self.plan.config.engine.tensorrt.model_dump())
        return TensorRt(self._profiles(), options)

    def repository(self, variant: str) -> Repository:
        """Of a variant that workflow/backends/ serves."""
        served = self.plan.served(variant)
        serving = replace(served.serving, cuda_graphs=self.plan.config.serving.cuda_graphs)
        return Repository(served.name, served.signature, served.profile, serving, served.backend)

    def repository_native(self, variant: str) -> NativeRepository:
        """Of a variant that Triton's own backend serves."""
        served, native = self.plan.served(variant), VARIANTS[variant].native
        assert native is not None  # of this kind
        serving = replace(served.serving, cuda_graphs=self.plan.config.serving.cuda_graphs)
        own = (served.name, native.backend, native.file)
        return NativeRepository(*own, served.signature, served.profile, serving)

    def repository_pytriton(self, variant: str) -> PyTritonRepository:
        """Of a PyTriton server."""
        config, served = self.plan.config, self.plan.served(variant)
        runs = Names(names(tensors(config.model.inputs)), names(tensors(config.model.outputs)))
        bounds = {"min": config.profile.min, "max": config.profile.max}
        serving = PyTritonServing(served.device, served.threads, config.serving.max_queue_delay_us)
        return PyTritonRepository(served.name, served.signature, runs, bounds, serving)

    def repository_bls(self) -> BlsRepository:
        """Of the model that calls another one."""
        served = self.plan.served("bls")
        return BlsRepository(served.name, served.signature, served.serving)

    def repository_ensemble(self) -> EnsembleRepository:
        """Of the three models that Triton connects."""
        served, low = self.plan.served("ensemble"), self.plan.config.profile.min
        return EnsembleRepository(served.name, served.signature, low, served.serving)

    def healthcheck(self, variant: str) -> HealthCheck:
        """What a variant promises, and how many samples are sent."""
        served = self.plan.served(variant)
        return HealthCheck(
            variant=variant,
            name=served.name,
            server=served.server,
            computes=served.registered.computes,
            model=served.signature,
            profile=served.profile,
            largest=served.largest,
            samples=self.plan.config.healthcheck.samples,
        )

    def judgement(self, variant: str) -> Judgement:
        """The bounds that answers must keep."""
        served = self.plan.served(variant)
        section, precision = self.plan.config.healthcheck, served.runs.precision
        if precision != "fp32":
            lower = getattr(section.lower_precisions, precision).model_dump()
            return Judgement(Bounds(min_accuracy=section.min_accuracy, **lower), {})
        bounds = Bounds(section.min_accuracy, section.min_agreement, section.max_abs_error)
        return Judgement(bounds, {} if served.registered.raw else self._tolerances(served.signature))

    def sweep(self, variant: str, repeat: str) -> Sweep:
        """The load levels; the objective is that of requests sent at a rate alone."""
        config, served = self.plan.config, self.plan.served(variant)
        return Sweep(
            variant=variant,
            repeat=int(repeat),
            server=served.server,
            target=self._target(variant),
            grid=self._grid(),
            windows=self._windows(),
            slo_ms=config.sweep.slo_ms if config.sweep.request_rates else None,
            max_foreign_cpu=config.sweep.max_foreign_cpu,
        )

    def head_to_head(self) -> HeadToHead:
        """All variants, at the load to compare them at; a turn has windows of half the length."""
        config, names = self.plan.config, self.plan.variants
        windows = self._windows()
        return HeadToHead(
            server=config.server,
            contestants=[self._contestant(name) for name in names],
            baseline="pytriton" if "pytriton" in names else names[0],
            load=headline(self._grid().loads),
            windows=replace(windows, window_ms=windows.window_ms // 2),
            rounds=config.sweep.rounds,
            until=config.sweep.until,
            added_rounds=config.sweep.added_rounds if config.sweep.until else 0,
            max_foreign_cpu=config.sweep.max_foreign_cpu,
        )

    def in_process(self, variant: str, repeat: str) -> InProcess:
        """The batches opt and max of the profile."""
        config = self.plan.config
        return InProcess(
            variant=variant,
            repeat=int(repeat),
            model=signature(config.model),
            shapes=self.plan.sample_shapes,
            batch_sizes=self._batches(),
            device=config.serving.device,
            window_ms=config.sweep.window_ms,
        )

    def provenance(self) -> Provenance:
        """The whole configuration."""
        return Provenance(self.plan.config.model_dump(mode="json"))

    def perf_report(self) -> Report:
        """Whose model each variant serves, on how many devices, and how much was measured."""
        config = self.plan.config
        return Report(
            models={name: computing(name, config.serving.inner) for name in self.plan.variants},
            gpus={name: self.plan.served(name).gpus for name in self.plan.variants},
            loads=len(self._grid().loads),
            rounds=config.sweep.rounds,
            batches=len(self.plan.sample_shapes) * len(self._batches()),
        )

    def perf_gate(self) -> Gate:
        """What is let pass."""
        section = self.plan.config.compare
        return Gate(section.margin_percent, section.against_ceiling)

    def tune_environment(self) -> Environment:
        """The program."""
        return Environment(self.plan.config.tune.model_analyzer)

    def tune_search(self, variant: str) -> Search:
        """The space; its goal only where that steers the search."""
        config, section = self.plan.config, self.plan.config.tune
        return Search(
            server=config.server,
            launch=self.launch(),
            mode=section.mode,
            search=self._lists(),
            max_trials=section.max_trials,
            steering=None if section.mode == "manual" else self.tune_candidate(),
            batch_size=config.sweep.batch_sizes[0],
            windows=self._sent(),
            model=self.plan.served(variant).signature,
            inputs=tensors(config.model.inputs),
        )

    def tune_halving(self, variant: str) -> Halving:
        """The space and its goal; a turn has windows of half the length, as in head_to_head."""
        config, windows = self.plan.config, self._sent()
        return Halving(
            server=config.server,
            search=self._lists(),
            goal=self.tune_candidate(),
            batch_size=config.sweep.batch_sizes[0],
            windows=replace(windows, window_ms=windows.window_ms // 2),
            target=self._target(variant),
            max_foreign_cpu=config.sweep.max_foreign_cpu,
        )

    def tune_candidate(self) -> Goal:
        """What is best, and what must hold."""
        section = self.plan.config.tune
        return Goal(list(section.objectives), parsed(section.constraints))

    def tune_proof(self, variant: str) -> Proof:
        """The rounds."""
        config = self.plan.config
        return Proof(
            server=config.server,
            launch=self.launch(),
            rounds=config.tune.rounds,
            windows=self._sent(),
            model=self.plan.served(variant).signature,
            inputs=tensors(config.model.inputs),
        )

    def tune_choice(self, variant: str) -> Choice:
        """What was searched and what for."""
        section, goal = self.plan.config.tune, self.tune_candidate()
        return Choice(
            variant=variant,
            launch=section.launch,
            mode=section.mode,
            search=self._lists(),
            shape=self.plan.sample_shapes[0],
            objectives=goal.objectives,
            constraints=goal.constraints,
        )

    def tune_report(self) -> TuneReport:
        """Names."""
        return TuneReport(self.plan.config.run, self.plan.config.model.name)

    def deploy(self) -> Deploy:
        """Image and resources, and what a probe sends."""
        config = self.plan.config
        image = config.serving.image.removeprefix("docker://")
        smallest = shapes.batch(config.shapes["min"])
        return Deploy(image=image, **config.deploy.model_dump(exclude={"variant"}), smallest_batch=smallest)

    def launch(self) -> Launch:
        """Who starts the server of a search, and what it has to know for that."""
        config, mode = self.plan.config, self.plan.config.tune.launch
        if mode == "docker":
            return Launch(mode, image=config.serving.image.removeprefix("docker://"))
        return Launch(mode, **(config.tune.remote.model_dump() if mode == "remote" else {}))

    def _target(self, variant: str) -> Target:
        """A variant as a load asks it; where it takes raw samples, the model that it calls counts the batches."""
        config, served = self.plan.config, self.plan.served(variant)
        raw = served.registered.raw
        return Target(
            name=served.name,
            counted=self.plan.served(config.serving.inner).name if raw else served.name,
            device=served.device,
            model=served.signature,
            inputs=[] if raw else tensors(config.model.inputs),
        )

    def _contestant(self, variant: str) -> Contestant:
        served = self.plan.served(variant)
        return Contestant(variant, self._target(variant), served.kind == "pytriton", served.registered.raw)

    def _batches(self) -> list[int]:
        """The batches of the profile that are measured without a server."""
        return sorted({shapes.batch(self.plan.config.shapes[bound]) for bound in ("opt", "max")})

    def _grid(self) -> Grid:
        """What decides the load levels; distributions of requests count where there are rates."""
        sweep = self.plan.config.sweep
        return Grid(
            protocols=[*sweep.protocols],
            batch_sizes=[*sweep.batch_sizes],
            concurrencies=[*sweep.concurrencies],
            request_distributions=[*sweep.request_distributions] if sweep.request_rates else [],
            request_rates=[*sweep.request_rates],
            shared_memory=[*sweep.shared_memory],
            shapes=self.plan.sample_shapes,
        )

    def _windows(self) -> Windows:
        sweep = self.plan.config.sweep
        length = sweep.sequence_length if self.plan.config.model.state else None
        own = (sweep.window_ms, sweep.stability_percent, sweep.max_windows, sweep.samples)
        return Windows(*own, sequence_length=length)

    def _sent(self) -> Sent:
        protocol, shape = self.plan.config.sweep.protocols[0], self.plan.sample_shapes[0]
        return Sent(**vars(self._windows()), protocol=protocol, shape=shape)

    def _lists(self) -> Lists:
        return Lists(**self.plan.config.tune.search.model_dump())

    def _profiles(self) -> list[dict[str, str]]:
        """Those of an engine that may have several; each batch runs with the narrowest one that admits it."""
        return [profile.model_dump() for profile in (self.plan.config.profile, *self.plan.config.extra_profiles)]

    def _raw(self) -> Signature | None:
        """`model.raw` where there are raw samples."""
        raw = self.plan.config.model.raw
        return signature(raw) if self.plan.raw and raw else None

    def _tolerances(self, served: Signature | None = None) -> dict[str, dict[str, float]]:
        """What outputs allow that differs from the rest, by their own names or those of a served model, and key."""
        own = self.plan.config.model.outputs
        given = [one.tolerance.model_dump(exclude_none=True) if one.tolerance else {} for one in own]
        return {name: keys for name, keys in zip(names(served.outputs if served else tensors(own)), given) if keys}

    def _made_up(self) -> list[Shapes]:
        """Shapes of inputs that are made up: sizes of opt, min and max where axes vary or there is no data set."""
        config = self.plan.config
        if self.plan.dataset and not shapes.axes(tensor.dims for tensor in config.model.inputs):
            return []
        found: list[Shapes] = []
        for bound in ("opt", "min", "max"):
            sizes = {name: [SAMPLES, *dims] for name, dims in shapes.sample(config.shapes[bound]).items()}
            if sizes not in found:
                found.append(sizes)
        return found

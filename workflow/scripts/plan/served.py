"""A variant as it is served: its names, tensors, bounds and threads, from the configuration and the registry."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from model import shapes
from model.signature import Signature, Tensor
from plan.config import Config
from plan.config import model as described
from serve.serving import Serving
from serve.variants import ENCODED, VARIANTS, Variant, kind_of, model_of


@dataclass(frozen=True)
class Served:
    """One variant under a configuration."""

    config: Config
    variant: str

    @property
    def registered(self) -> Variant:
        """Its own entry in the registry."""
        return VARIANTS[self.variant]

    @property
    def runs(self) -> Variant:
        """The entry whose runtime, artifact and engine serve it: its own, or that of `serving.inner`."""
        return model_of(self.variant, self.config.serving.inner)

    @property
    def kind(self) -> str:
        """Its kind on the configured server."""
        return kind_of(self.variant, self.config.server)

    @property
    def backend(self) -> str | None:
        """The engine of workflow/backends/native/ that serves it; None in Triton's Python backend and elsewhere."""
        built = self.config.serving.backend == "native" and self.kind == "model"
        return self.registered.backend if built else None

    @property
    def name(self) -> str:
        """The name of the served model."""
        return self.config.pytriton.name if self.kind == "pytriton" else f"{self.config.model.name}_{self.variant}"

    @property
    def signature(self) -> Signature:
        """Inputs and outputs as clients see them."""
        if self.registered.raw:
            assert self.config.model.raw is not None  # plan.config has checked it
            raw = signature(self.config.model.raw)
            return replace(raw, inputs=[*raw.inputs, ENCODED]) if self.kind == "bls" else raw
        own = signature(self.config.model)
        if self.kind != "pytriton":
            return own
        names = self.config.pytriton
        renamed = _renamed(own.inputs, names.inputs), _renamed(own.outputs, names.outputs)
        return Signature(*renamed, own.batching)

    @property
    def profile(self) -> dict[str, str]:
        """The bounds that it knows: opt is the engines' alone."""
        bounds = self.config.profile
        low_and_high = {"min": bounds.min, "max": bounds.max}
        return {**low_and_high, "opt": bounds.opt} if self.runs.engine else low_and_high

    @property
    def largest(self) -> dict[str, int]:
        """The size of every axis beyond which it refuses a request.

        Triton bounds the batch; what takes raw samples, and a backend without an engine, has no other bound.
        """
        high = self.config.shapes["max"]
        # A request of a sequence has one sample; Triton makes the batches, of several sequences.
        most = 1 if self.config.model.state else shapes.batch(high)
        batch = {"batch": most} if self.config.model.batching else {}
        if self.registered.raw or (self.kind == "native" and self.registered.engine is None):
            return batch
        named = {
            axis: size
            for tensor in self.config.model.inputs
            for axis, size in zip(tensor.dims, high[tensor.name][1:])
            if isinstance(axis, str)
        }
        return {**batch, **named}

    @property
    def device(self) -> str:
        """Where its model runs: where the config says, or on CPU when it does not compute."""
        wanted = self.config.serving.device
        return wanted if wanted in self.runs.devices else "cpu"

    @property
    def preferred_batch_size(self) -> int | None:
        """The batch of `profile.opt` for an engine that is tuned for it; any other batches whatever waits."""
        tuned = self.runs.tuned and self.config.model.batching
        return shapes.batch(self.config.shapes["opt"]) if tuned else None

    @property
    def gpus(self) -> int:
        """On how many devices its model runs: PyTriton's server has one, and so has the CPU."""
        several = self.device == "cuda" and self.registered.kind != "pytriton"
        return self.config.serving.gpus if several else 1

    @property
    def threads(self) -> int | str:
        """CPU threads of an instance."""
        asked = self.config.serving.threads
        return self.runs.threads if asked == "auto" else asked

    @property
    def serving(self) -> Serving:
        """How its instances are served; a model that calls another one runs on CPU itself."""
        asked = self.config.serving
        device = "cpu" if self.registered.raw else self.device
        return Serving(
            device=device,
            instances=asked.instances,
            threads=self.threads,
            max_queue_delay_us=asked.max_queue_delay_us,
            preferred_batch_size=self.preferred_batch_size,
            gpus=self.gpus,
        )

    @property
    def server(self) -> str:
        """Which Triton serves it: PyTriton has its own."""
        return "bundled" if self.kind == "pytriton" else self.config.server


def signature(model: described.Model | described.Raw) -> Signature:
    """Inputs and outputs of a section of the config."""
    own = tensors(model.inputs), tensors(model.outputs)
    return Signature(*own, model.batching, model.state) if isinstance(model, described.Model) else Signature(*own)


def tensors(found: Iterable[described.Tensor]) -> list[Tensor]:
    """Tensors of the config, as scripts take them."""
    return [Tensor(one.name, one.dtype, list(one.dims), one.scores) for one in found]


def _renamed(own: list[Tensor], names: Iterable[str]) -> list[Tensor]:
    return [replace(tensor, name=name) for tensor, name in zip(own, names)]

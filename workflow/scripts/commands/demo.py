"""A page to draw on: serve the variants and a local page, and show what each of them answers to a drawing.

Builds what is missing, starts one Triton with all variants of Triton repositories and a server for each PyTriton
variant, and prints the address of the page. Ctrl-C stops it all. Loopback only; the page needs nothing from outside.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
from aiohttp import web
from tritonclient.utils import InferenceServerException

from commands.client import decode, encode, interpret
from commands.serve import build, check_ports
from model.source import load_file
from plan import packages
from plan.configured import PROJECT, add_overlays, configured
from program import cli
from program.cli import UserError, log
from program.terminal import terminal
from serve import server
from serve.endpoint import Endpoint
from serve.repository import together
from serve.variants import VARIANTS, in_precisions

PAGE = PROJECT / "workflow" / "demo"
FILES = {"page.css": "text/css", "page.js": "text/javascript"}
LARGEST = 1024**2  # bytes of an image
PATIENCE = 10.0  # seconds that an answer may take
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class Served:
    """A running variant. Its requests wait for each other in a thread of their own, so that none holds up others'."""

    def __init__(self, variant: str, url: str, model: str) -> None:
        self.variant = variant
        self.endpoint = Endpoint("grpc", url, model)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=variant)
        described = self.endpoint.metadata()
        self._outputs = list(described["outputs"])
        types = {name: tensor["datatype"] for name, tensor in described["inputs"].items()}
        # A model that takes the file as it is decodes it itself.
        self._input = next((name for name, datatype in types.items() if datatype == "BYTES"), next(iter(types)))
        self._datatype = types[self._input]

    def ask(self, image: bytes, source: ModuleType) -> dict[str, Any]:
        """The answer to an image file and the time of the request in milliseconds, or the server's error."""
        array = encode(image, self._datatype, source)
        start = time.perf_counter()
        try:
            outputs = self.endpoint.infer({self._input: array}, self._outputs)
        except InferenceServerException as error:
            return {"error": error.message()}
        milliseconds = (time.perf_counter() - start) * 1000
        return {**interpret(dict(zip(self._outputs, outputs)), source), "milliseconds": milliseconds}

    async def answer(self, image: bytes, source: ModuleType) -> dict[str, Any]:
        """`ask` in this variant's thread, with the variant's name."""
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self.ask, image, source)
        try:
            found = await asyncio.wait_for(asked, PATIENCE)
        except TimeoutError:
            found = {"error": f"no answer within {PATIENCE:.0f} s"}
        return {"variant": self.variant, **found}

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.endpoint.close()


@web.middleware
async def of_this_machine(request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
    """Refuse what another page sends here through a browser, by a name that it gave this address, or across origins."""
    assert request.transport is not None
    port = request.transport.get_extra_info("sockname")[1]
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    origin = request.headers.get("Origin")
    if request.host not in hosts or (origin is not None and origin.removeprefix("http://") not in hosts):
        raise web.HTTPForbidden(text="The page answers under its own address alone.")
    return await handler(request)  # type: ignore[no-any-return]


def application(run: str, variants: Sequence[Served], source: ModuleType) -> web.Application:
    """The page and what it asks: POST /ask takes an image file, and gives the answers of all variants as JSON."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    content = environment.get_template("page.html.j2").render(run=run, variants=[one.variant for one in variants])
    turn = asyncio.Lock()

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=content, content_type="text/html", headers=HEADERS)

    async def file(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound
        text = (PAGE / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=FILES[name], headers=HEADERS)

    async def ask(request: web.Request) -> web.Response:
        image = await request.read()
        # One after another: together they would take the cores from each other, and latencies would say nothing. Images
        # are decoded in turn too, because each may take much memory.
        async with turn:
            try:
                await asyncio.to_thread(decode, image, source)
            except ValueError as error:
                raise web.HTTPBadRequest(text=f"The request is {error}.") from error
            return web.json_response([await one.answer(image, source) for one in variants], headers=HEADERS)

    result = web.Application(client_max_size=LARGEST, middlewares=[of_this_machine])
    result.add_routes([web.get("/", page), web.get("/{name}", file), web.post("/ask", ask)])
    return result


async def show(run: str, variants: Sequence[Served], source: ModuleType, port: int) -> None:
    """Serve the page until this is cancelled."""
    runner = web.AppRunner(application(run, variants, source), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, server.HOST, port).start()
        print(f"Draw on http://{server.HOST}:{port}\nCtrl-C stops it.", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


@contextmanager
def started(run: Path, variants: Sequence[str], kind: str) -> Iterator[list[Served]]:
    """The variants, in order, all ready: one Triton for all that it can serve, a server for each of the others.

    `kind`: which Triton, as `server` of the config.
    """
    with ExitStack() as stack:
        urls: dict[str, tuple[str, str]] = {}

        def start(name: str, repository: Path) -> tuple[server.Server, list[str]]:
            log.info("starting %s", name)
            models = server.models(repository)
            log_file = run / "logs" / "demo" / f"{name}.server.log"
            return stack.enter_context(server.running(repository, models, log_file, kind=kind)), models

        ours = [name for name in variants if VARIANTS[name].kind != "pytriton"]
        if ours:
            merged = stack.enter_context(together([run / "repository" / name for name in ours]))
            running, models = start("triton", merged)
            urls |= {name: (running.grpc, next(one for one in models if one.endswith(f"_{name}"))) for name in ours}
        for name in [one for one in variants if one not in ours]:
            running, (model,) = start(name, run / "repository" / name)
            urls[name] = (running.grpc, model)
        served = [Served(name, *urls[name]) for name in variants]
        for one in served:
            stack.callback(one.close)
        yield served


def model_file(config: Mapping[str, Any]) -> ModuleType:
    """The configuration's model file. Raises UserError when it cannot read images."""
    path = PROJECT / config["model"]["file"]
    source = load_file(path)
    if not hasattr(source, "decode"):
        raise UserError(f"{path} has no function decode.", "workflow/scripts/model/interface.py says what it does")
    return source


def main(options: argparse.Namespace) -> None:
    check_ports({"page": options.port})
    config = configured(options.configfile)
    packages.use(config["model"]["requirements"], PROJECT)
    source = model_file(config)
    all_of_run = in_precisions(config["variants"], config["precisions"])
    variants = options.variants or [name for name in all_of_run if VARIANTS[name].computes]
    run = build(variants, options.configfile)
    with started(run, variants, config["server"]) as served:
        try:
            with terminal():
                asyncio.run(show(config["run"], served, source, options.port))
        except KeyboardInterrupt:
            log.info("stopping")


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    names = [name for name, variant in VARIANTS.items() if variant.computes]
    result.add_argument("--variants", nargs="+", choices=names, help="default: all of the run")
    add_overlays(result)
    result.add_argument("--port", type=int, default=8080, help="of the page (default: %(default)s)")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())

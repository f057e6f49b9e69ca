"""What the demo's page refuses, without servers behind it."""

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from commands.demo import HEADERS, LARGEST, application
from models import mnist


def asked(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer; `{port}` in a header is that of the page."""

    async def ask() -> tuple[int, str, dict[str, str]]:
        page = application("<script>alert(1)</script>", [], SimpleNamespace(decode=mnist.decode))
        async with TestClient(TestServer(page)) as client:
            sent = {name: value.format(port=client.port) for name, value in headers.items()}
            async with client.request(method, path, data=body, headers=sent) as answer:
                return answer.status, await answer.text(), dict(answer.headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}"])
def test_own_address(host: str) -> None:
    status, text, headers = asked("GET", "/", Host=host, Origin=f"http://{host}")
    assert status == 200
    assert HEADERS.items() <= headers.items()
    # The name of a run is text.
    assert "<script>alert" not in text


@pytest.mark.parametrize("host", ["attacker.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.attacker.example"])
@pytest.mark.parametrize("path", ["/", "/page.js", "/ask"])
def test_other_names_of_this_address_are_refused(host: str, path: str) -> None:
    assert asked("POST" if path == "/ask" else "GET", path, Host=host)[0] == 403


@pytest.mark.parametrize("origin", ["http://attacker.example", "https://127.0.0.1:{port}", "null", ""])
def test_pages_of_other_origins_may_not_ask(origin: str) -> None:
    assert asked("POST", "/ask", Origin=origin)[0] == 403


@pytest.mark.parametrize(("size", "status"), [(LARGEST + 1, 413), (LARGEST, 400), (0, 400)])
def test_size_of_what_is_sent(size: int, status: int) -> None:
    assert asked("POST", "/ask", bytes(size))[0] == status

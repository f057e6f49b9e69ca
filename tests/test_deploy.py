"""What make deploy writes: valid for the APIs that read it, and served by the bundled Triton."""

import json
import os
import shutil
import subprocess
from functools import reduce
from importlib.resources import files
from operator import getitem
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import numpy as np
import psutil
import pytest
import requests
import yaml

import deploy
import policies
from conftest import DEFAULT, ROOT, Programs, Project, health
from model import reference
from processes import Foreground, wait_for
from serve import install, modelconfig, server
from serve.repository import configs

IMAGE = DEFAULT["serving"]["image"].removeprefix("docker://")
SETTINGS = {
    "image": IMAGE,
    **{key: value for key, value in DEFAULT["deploy"].items() if key != "variant"},
    "smallest_batch": 1,
}
TEMPLATES = ROOT / "workflow" / "deploy"
KUBERNETES = "1.33"
MANIFESTS = {"deployment", "service", "autoscaler", "disruption", "network"}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("health") / "health.json"
    path.write_text(health("null"))
    return path


@pytest.fixture(scope="module")
def reference_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "reference.npz"
    images = np.ones((4, 1, 28, 28), np.float32)
    reference.save(path, [reference.Reference({"input": images}, {"output": np.zeros((4, 10), np.float32)})])
    return path


@pytest.fixture(scope="module")
def written(
    null_repository: Path, healthy: Path, reference_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The deployment of a model that computes nothing."""
    target = tmp_path_factory.mktemp("written") / "deploy"
    found = Programs(target.parent)(
        "deploy.py", "--health", healthy, "--repository", null_repository, "--templates", TEMPLATES,
        "--reference", reference_file,
        "--deploy", target, settings=SETTINGS | {"cpus": 8},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return target


@pytest.fixture
def deployed(written: Path, tmp_path: Path) -> Path:
    """A copy of it, in which a test may serve."""
    return shutil.copytree(written, tmp_path / "deploy")


def manifest(deployed: Path, name: str) -> Any:
    return yaml.safe_load((deployed / "kubernetes" / f"{name}.yaml").read_text())


def test_manifests_are_valid_for_the_kubernetes_api(deployed):
    names = manifest(deployed, "kustomization")["resources"]
    assert {name.removesuffix(".yaml") for name in names} == MANIFESTS
    for name in MANIFESTS:
        kubernetes_validate.validate(manifest(deployed, name), KUBERNETES, strict=True)


def test_invalid_manifest_would_be_found(deployed):
    broken = manifest(deployed, "deployment")
    broken["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


def test_compose_file_is_valid(deployed):
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    compose = yaml.safe_load((deployed / "compose.yaml").read_text())
    jsonschema.validate(compose, schema)
    service = compose["services"]["triton"]
    assert service["read_only"] and service["user"] == "1000:1000"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_pods_are_probed_by_an_inference(deployed):
    (container,) = manifest(deployed, "deployment")["spec"]["template"]["spec"]["containers"]
    commands = {name: container[f"{name}Probe"]["exec"]["command"] for name in ("startup", "readiness", "liveness")}
    probe = "/probe/probe.sh"
    assert commands == {"startup": [probe], "readiness": [probe], "liveness": [probe, "live"]}
    compose = yaml.safe_load((deployed / "compose.yaml").read_text())
    assert compose["services"]["triton"]["healthcheck"]["test"] == ["CMD", probe]
    assert "COPY probe /probe" in (deployed / "Dockerfile").read_text().splitlines()


@pytest.mark.slow
def test_probe_tells_what_triton_does_not(deployed, null_repository, needs, tmp_path):
    needs("curl")
    with server.running(null_repository, ["small"], tmp_path / "triton.log") as running:
        url, process = f"http://{running.http}/v2/models/small/ready", psutil.Process(running.process.pid)

        def probe(*arguments: str) -> int:
            command = [deployed / "probe" / "probe.sh", *arguments]
            return subprocess.run(command, env=os.environ | {"HTTP_PORT": str(running.ports.http)}).returncode

        assert (probe(), probe("live")) == (0, 0)
        process.suspend()
        assert (probe(), probe("live")) == (28, 0)
        process.resume()
        (stub,) = process.children(recursive=True)
        stub.kill()
        assert (probe(), probe("live")) == (22, 22)
        assert requests.get(url, timeout=5).ok
    assert (probe(), probe("live")) == (7, 7)


@pytest.fixture
def deployment(deployed: Path) -> policies.Deployment:
    dockerfile = (deployed / "Dockerfile").read_text().splitlines()
    return {**{name: manifest(deployed, name) for name in MANIFESTS}, "Dockerfile": dockerfile}


@pytest.mark.parametrize("policy", policies.POLICIES)
def test_deployment_keeps_to_the_policies(deployment, policy):
    assert [*policy(deployment)] == []


POD = ("deployment", "spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
SECRET = {"name": "HF_TOKEN", "value": "x"}


BROKEN = [
    (policies.not_root, (*POD, "securityContext", "runAsUser"), 0, "the pod may run as root"),
    (policies.not_root, ("Dockerfile",), ["FROM image"], "the image runs as root"),
    (policies.read_only, (*CONTAINER, "securityContext"), {}, "triton writes to its root file system"),
    (policies.read_only, (*POD, "volumes", 0), {"name": "a", "hostPath": {}}, "volume a is the machine's, or "),
    (policies.read_only, (*POD, "volumes", 0), {"name": "a", "emptyDir": {}}, "volume a is the machine's, or "),
    (policies.no_privileges, (*POD, "automountServiceAccountToken"), True, "the pod gets a service account token"),
    (policies.no_privileges, (*POD, "securityContext"), {}, "system calls are not filtered"),
    (policies.no_privileges, (*POD, "hostNetwork"), True, "the pod has hostNetwork"),
    (policies.no_privileges, (*CONTAINER, "securityContext", "privileged"), True, "triton may gain privileges"),
    (
        policies.no_privileges,
        (*CONTAINER, "securityContext", "capabilities", "add"),
        [1],
        "triton has capabilities",
    ),
    (policies.limits, (*CONTAINER, "resources", "limits"), {"cpu": "1"}, "triton has no limit of memory"),
    (policies.closed_network, ("network", "spec", "policyTypes"), ["Ingress"], "the pods may go out"),
    (policies.closed_network, ("network", "spec", "egress"), [{}], "the pods may go out"),
    (policies.closed_network, ("network", "spec", "ingress", 0, "from"), [], "anyone may come in, or at any port"),
    (policies.no_secrets, ("Dockerfile",), ["ENV API_KEY=1"], "the image holds a secret: ENV API_KEY=1"),
    (policies.no_secrets, ("Dockerfile",), ["COPY . /models"], "the image takes other files: COPY . /models"),
    (policies.no_secrets, (*CONTAINER, "env"), [SECRET], "triton gets a secret"),
]


@pytest.mark.parametrize(("policy", "place", "value", "fault"), BROKEN)
def test_policy_finds_what_breaks_it(deployment, policy, place, value, fault):
    *above, last = place
    reduce(getitem, above, deployment)[last] = value
    (found,) = policy(deployment)
    assert found.startswith(fault)


def test_what_the_python_backend_writes_to_is_mounted(deployment):
    (container,) = deployment["deployment"]["spec"]["template"]["spec"]["containers"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp", "/dev/shm"]


def test_nothing_of_the_environment_is_deployed_and_the_digest_of_an_image_stays(
    script, null_repository, healthy, reference_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", secret := "hf_0123456789abcdef")
    image = f"nvcr.io/nvidia/tritonserver@sha256:{'0' * 64}"
    found = script(
        "deploy.py", "--health", healthy, "--repository", null_repository, "--templates", TEMPLATES,
        "--reference", reference_file, "--deploy", "deploy", settings=SETTINGS | {"image": image},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    files = [path for path in (tmp_path / "deploy").rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    assert (tmp_path / "deploy" / "Dockerfile").read_text().splitlines()[1] == f"FROM {image}"


def test_selectors_find_the_pods(deployed):
    pods = manifest(deployed, "deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        manifest(deployed, "deployment")["spec"]["selector"]["matchLabels"],
        manifest(deployed, "service")["spec"]["selector"],
        manifest(deployed, "disruption")["spec"]["selector"]["matchLabels"],
        manifest(deployed, "network")["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= pods.items() for selector in selectors)
    assert manifest(deployed, "autoscaler")["spec"]["scaleTargetRef"]["name"] == pods["app.kubernetes.io/name"]


def test_autoscaler_asks_for_the_metric_that_the_adapter_makes(deployed, null_server):
    (metric,) = manifest(deployed, "autoscaler")["spec"]["metrics"]
    (rule,) = manifest(deployed, "prometheus-adapter")["rules"]["custom"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    # And the adapter for those that Triton has.
    text = requests.get(f"http://{server.HOST}:{null_server.ports.metrics}/metrics", timeout=10).text
    for name in ("nv_inference_queue_duration_us", "nv_inference_request_success"):
        assert name in rule["metricsQuery"]
        assert f'{name}{{model="small"' in text


def test_threads_are_a_number_of_the_container_not_of_the_machine(deployed):
    (config,) = configs(deployed / "repository")
    assert config.parameters["threads"].string_value == "4"


@pytest.mark.parametrize(("asked", "fixed"), [("auto", "2"), ("all", "4"), ("3", "3")])
def test_threads_of_the_instances(asked, fixed):
    config = modelconfig.parse("instance_group {count: 2}")
    config.parameters["threads"].string_value = asked
    deploy.fix_threads(config, 8)
    assert config.parameters["threads"].string_value == fixed


@pytest.mark.parametrize(
    ("backend", "package"),
    [
        ("endpoints_openvino", "openvino"),
        ("endpoints_torchscript", "torch"),
        ("endpoints_null", None),
        ("python", None),
    ],
)
def test_what_a_native_backend_links(backend, package):
    assert deploy.linked(modelconfig.parse(f'backend: "{backend}"')) == package


def test_image_has_what_the_models_import(deployed):
    requirements = (deployed / "requirements.txt").read_text().splitlines()[1:]
    assert [line.split("==")[0] for line in requirements] == ["numpy"]
    assert (deployed / "Dockerfile").read_text().splitlines()[1] == f"FROM {SETTINGS['image']}"


def test_same_repository_has_the_same_image_name(deployed, script, null_repository, healthy, reference_file, tmp_path):
    found = script(
        "deploy.py", "--health", healthy, "--repository", null_repository, "--templates", TEMPLATES,
        "--reference", reference_file,
        "--deploy", tmp_path / "again", settings=SETTINGS | {"cpus": 8},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    for path in filter(Path.is_file, deployed.rglob("*")):
        assert (tmp_path / "again" / path.relative_to(deployed)).read_bytes() == path.read_bytes()


def test_unhealthy_variant_is_not_deployed(script, null_repository, tmp_path):
    (tmp_path / "health.json").write_text(health("null", "grpc: not ready"))
    found = script(
        "deploy.py", "--health", "health.json", "--repository", null_repository, "--templates", TEMPLATES,
        "--reference", "unread.npz",
        "--deploy", tmp_path / "deploy", settings=SETTINGS,
    )  # fmt: skip
    assert found.returncode == 2
    assert "error: null is unhealthy: grpc: not ready. Hint: see health.json" in found.stderr
    assert not (tmp_path / "deploy").exists()


def test_run_script_without_triton_says_so(deployed):
    found = subprocess.run(["sh", deployed / "run.sh"], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert found.returncode == 2
    assert found.stderr.startswith("run.sh: error: tritonserver is not there. Hint: ")


@pytest.fixture
def ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> server.Ports:
    """The environment in which run.sh finds the bundled Triton, and free ports."""
    parts, ports = install.bundled(tmp_path / "triton"), server.free_ports()
    found = parts.env | {"TRITON": str(parts.binary), "BACKENDS": str(parts.backend_directory)}
    found |= {f"{name.upper()}_PORT": str(port) for name, port in vars(ports).items()}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return ports


def contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_run_script_serves_the_tuned_repository(tuned_run: tuple[Project, Path], ports: server.Ports, command):
    deploy = tuned_run[0].root / "artifacts" / "test" / "deploy"
    why = json.loads((deploy.parent / "tune" / "openvino" / "choice.json").read_text())["why"]
    assert why in (deploy / "README.md").read_text()
    before = contents(deploy)
    url = f"{server.HOST}:{ports.http}"

    def answer() -> str:
        return command("client", "--image", ROOT / "docs/images/seven.png", "--url", url).stdout

    with Foreground(["sh", deploy / "run.sh"], tuned_run[0].root, terminal=False) as running:
        assert wait_for(answer, "an answer").startswith("7 ")
        assert running.interrupt() == 0
    # Serving left the directory as it was, but for the bytecode of Triton's Python, which no variable turns off.
    assert contents(deploy) == before

"""What a deployment has to keep to, beyond the schemas of Kubernetes: each policy gives the faults that it finds.

A deployment is a dict of its manifests by name, and its Dockerfile's lines under `Dockerfile`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

Deployment = dict[str, Any]
_SECRET = re.compile(r"token|secret|passw|credential|api_?key|private", re.IGNORECASE)


def _pod(deployment: Deployment) -> dict[str, Any]:
    return deployment["deployment"]["spec"]["template"]["spec"]


def _containers(deployment: Deployment) -> list[dict[str, Any]]:
    return [*_pod(deployment).get("initContainers", []), *_pod(deployment)["containers"]]


def not_root(deployment: Deployment) -> Iterator[str]:
    """The pod, and the image by itself."""
    context = _pod(deployment).get("securityContext", {})
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield "the pod may run as root"
    users = [line.split()[1] for line in deployment["Dockerfile"] if line.startswith("USER ")]
    if not users or users[-1].split(":")[0] in ("0", "root"):
        yield "the image runs as root"


def read_only(deployment: Deployment) -> Iterator[str]:
    """No container writes to its image, or to the machine."""
    for one in _containers(deployment):
        if not one.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield f"{one['name']} writes to its root file system"
    for volume in _pod(deployment).get("volumes", []):
        if "hostPath" in volume or "sizeLimit" not in volume.get("emptyDir", {"sizeLimit": ""}):
            yield f"volume {volume['name']} is the machine's, or has no limit"


def no_privileges(deployment: Deployment) -> Iterator[str]:
    """Nothing of the kernel, of the machine or of the cluster's API."""
    pod = _pod(deployment)
    if pod.get("automountServiceAccountToken", True):
        yield "the pod gets a service account token"
    if pod.get("securityContext", {}).get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "system calls are not filtered"
    yield from (f"the pod has {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    for one in _containers(deployment):
        context = one.get("securityContext", {})
        if context.get("privileged") or context.get("allowPrivilegeEscalation", True):
            yield f"{one['name']} may gain privileges"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{one['name']} has capabilities"


def limits(deployment: Deployment) -> Iterator[str]:
    """Of processors and memory, so that a neighbour is not starved."""
    for one in _containers(deployment):
        missing = {"cpu", "memory"} - one.get("resources", {}).get("limits", {}).keys()
        yield from (f"{one['name']} has no limit of {name}" for name in sorted(missing))


def closed_network(deployment: Deployment) -> Iterator[str]:
    """Denied by default in both directions; nothing goes out, and who comes in is named, with the port."""
    spec = deployment["network"]["spec"]
    if {*spec.get("policyTypes", [])} != {"Ingress", "Egress"} or spec.get("egress"):
        yield "the pods may go out"
    for rule in spec.get("ingress", []):
        if not rule.get("from") or not rule.get("ports"):
            yield "anyone may come in, or at any port"


def no_secrets(deployment: Deployment) -> Iterator[str]:
    """Neither in the image nor in the manifests: there is nothing that needs one."""
    for line in deployment["Dockerfile"]:
        if line.startswith(("ARG", "ENV")) and _SECRET.search(line):
            yield f"the image holds a secret: {line}"
        if line.startswith(("COPY", "ADD")) and line.split()[1] not in ("repository", "probe", "requirements.txt"):
            yield f"the image takes other files: {line}"
    for one in _containers(deployment):
        if one.get("envFrom") or any(_SECRET.search(f"{name}") for name in one.get("env", [])):
            yield f"{one['name']} gets a secret"


POLICIES: tuple[Callable[[Deployment], Iterator[str]], ...] = (
    *(not_root, read_only, no_privileges, limits, closed_network, no_secrets),
)

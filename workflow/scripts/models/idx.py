"""The IDX format of the MNIST files (http://yann.lecun.com/exdb/mnist/): big-endian header, then unsigned bytes."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from program.cli import UserError

_UNSIGNED_BYTE = 8


def read(path: Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or not: uint8 of the shape in its header.

    Raises UserError naming the file when it is missing, damaged, cut short, or not IDX.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is damaged: {error}.", "fetch it again") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE or len(data) < 4 + 4 * data[3]:
        raise UserError(f"{path} is not an IDX file of unsigned bytes.")
    axes = data[3]
    shape = struct.unpack_from(f">{axes}I", data, 4)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * axes)
    if values.size != int(np.prod(shape)):
        raise UserError(f"{path} holds {values.size} bytes where its header says {shape}.", "fetch it again")
    return values.reshape(shape)

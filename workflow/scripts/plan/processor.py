"""What a processor has instructions for, from its flags in /proc/cpuinfo."""

from collections.abc import Collection, Iterable
from pathlib import Path

# By the names that people use; any of the flags will do.
FEATURES = {
    "AVX-512": {"avx512f"},
    "VNNI": {"avx512_vnni", "avx_vnni"},
    "bf16": {"avx512_bf16", "amx_bf16"},
    "fp16": {"avx512_fp16", "amx_fp16"},
    "AMX": {"amx_tile"},
}
# Which feature multiplies in a precision. All processors have fp32; AMX has int8 wherever it is.
_TAKES = {"int8": ("VNNI", "AMX"), "bf16": ("bf16",), "fp16": ("fp16",)}


def flags() -> list[str]:
    """The flags of the first processor; empty where it has none of x86's."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    found = next((line for line in lines if line.startswith("flags")), "")
    return found.partition(":")[2].split()


def features(found: Collection[str]) -> list[str]:
    """Which of FEATURES a processor with these flags has."""
    return [name for name, any_of in FEATURES.items() if not any_of.isdisjoint(found)]


def emulated(precision: str, found: Collection[str]) -> bool:
    """Whether a processor with these flags has no instructions for a precision; not known of one without flags."""
    return bool(found) and precision in _TAKES and not {*_TAKES[precision]} & {*features(found)}


def warnings(precisions: Iterable[str], found: Collection[str]) -> list[str]:
    """A line for each precision that a processor with these flags emulates."""
    return [
        f"precisions: this processor has no instructions for {name} and emulates it: its speed says nothing of"
        " processors that have them. Hint: measure on one of those, or leave it out of precisions"
        for name in dict.fromkeys(precisions)
        if emulated(name, found)
    ]

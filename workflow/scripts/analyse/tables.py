"""Recorded points as tables: read from CSV or from perf_summary.json, and back to records."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from program.cli import UserError
from program.files import anew, reading, whole_file
from record.points import HEAD_TO_HEAD_COLUMNS, IN_PROCESS_COLUMNS, REPEAT_COLUMNS
from record.recorded import require_same

_WORDS = {"variant", "protocol", "load_mode", "shared_memory", "shape", "status", "reason", "command", "indicative"}
# Text that may be missing. Not left to be guessed: an id of a job such as 81755e7176354975a… begins like a number, and
# the size of its exponent ends pandas' parser with a segmentation fault.
_MARKS = {"started", "job", "host"}


def read(path: Path) -> pd.DataFrame:
    """Read a table. The variant `null` stays a word; only empty cells are missing values."""
    return _read(path).astype({"concurrency": "Int64"})


def read_repeats(paths: Iterable[Path]) -> pd.DataFrame:
    """All repeats of all variants as one table. Raises UserError, as the others, when a file is damaged."""
    return pd.concat([_checked(path, read(path), REPEAT_COLUMNS) for path in paths], ignore_index=True)


def read_rounds(path: Path | None) -> pd.DataFrame:
    """The turns of head_to_head; none without the file."""
    if path is None:
        return pd.DataFrame(columns=HEAD_TO_HEAD_COLUMNS)
    return _checked(path, read(path), HEAD_TO_HEAD_COLUMNS)


def read_in_process(paths: Iterable[Path]) -> pd.DataFrame:
    """All repeats of the models without a server; those of a variant that was not measured have no rows."""
    read = [_checked(path, _read(path), IN_PROCESS_COLUMNS) for path in paths]
    tables = [table for table in read if len(table)]
    return pd.concat(tables) if tables else pd.DataFrame(columns=IN_PROCESS_COLUMNS)


def require_complete(
    repeats: Sequence[Path], rounds: Path | None, in_process: Sequence[Path], loads: int, least: int, batches: int
) -> None:
    """Raises UserError for a file that lacks rows: cut at the end of a line it would read well.

    loads, batches: the rows of one repeat with and without a server, where a variant that is unhealthy has none.
    least: the rounds in which every variant that has a turn has one; those that were added have the same variants.
    """
    for path in repeats:
        _require_rows(path, len(read(path)), [loads])
    for path in in_process:
        _require_rows(path, len(_read(path)), [0, batches])
    if rounds is not None and len(turns := read(rounds)):
        added = turns["round"][turns["round"] > least].value_counts()
        whole = least * turns["variant"].nunique() + len(added) * int(added.max() if len(added) else 0)
        _require_rows(rounds, len(turns), [whole])


def _require_rows(path: Path, found: int, wanted: Sequence[int]) -> None:
    if found not in wanted:
        raise UserError(f"{path} is damaged: it has {found} rows, not {wanted[-1]}.", anew(path))


def _read(path: Path) -> pd.DataFrame:
    with reading(path):
        _require_whole_lines(path.read_text(encoding="utf-8"))
        return _parsed(path)


def _require_whole_lines(text: str) -> None:
    """Raises ValueError for CSV that is cut in a line, which pandas takes for cells that are empty."""
    if not text.endswith("\n"):
        raise ValueError("its last line is cut off")
    head, *rows = csv.reader(io.StringIO(text))
    if short := next((number for number, row in enumerate(rows, 2) if len(row) != len(head)), None):
        raise ValueError(f"line {short} has other cells than the first")


def _parsed(path: Path) -> pd.DataFrame:
    columns = pd.read_csv(path, nrows=0).columns
    na_values = {column: [""] for column in columns if column not in _WORDS}
    text = {column: str for column in columns if column in _WORDS | _MARKS}
    return pd.read_csv(path, keep_default_na=False, na_values=na_values, dtype=text)


def _checked(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The table. Raises UserError when it has other columns: another version of the workflow wrote it."""
    require_same(path, table.columns, columns)
    return table


def write(path: Path, table: pd.DataFrame, columns: list[str]) -> None:
    """Write `columns` of a table as CSV; a column that the table lacks is empty."""
    with whole_file(path) as temporary:
        table.reindex(columns=columns).to_csv(temporary, index=False, lineterminator="\n")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table with None for what is missing."""
    found = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(column): value for column, value in row.items()} for row in found]

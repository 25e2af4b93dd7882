"""Tables of the dataset as DataFrames. pandas is imported when the first one is made."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from laion_fmri._errors import DataIntegrityError
from laion_fmri.config import _named

if TYPE_CHECKING:
    import pandas as pd


def read(text: bytes, sep: str, file: Path, roots: Iterable[str] | None = None) -> pd.DataFrame:
    """A table with numbers where a column holds nothing else.

    `file` is what messages name: a path, or with `roots` the place of a file of the dataset in one of them.

    ``n/a`` and empty cells are missing values in a column of numbers, and texts in a column of texts: there
    is an image whose name begins with NA, and one may be called so.
    """
    import pandas as pd

    # The TSV tables of the dataset have no quotes: a quotation mark is a part of the text.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if sep == "\t" else csv.QUOTE_MINIMAL
    try:
        table = pd.read_csv(BytesIO(text), sep=sep, quoting=quoting, keep_default_na=False)
    except pd.errors.EmptyDataError:
        raise _damaged("is empty, not even a header is in it", file, roots) from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        fault = str(error).strip()
        raise _damaged(f"is not readable as a table: {fault}", file, roots) from None
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            continue
        present = ~column.isin(["", "n/a"])
        if present.all() or not present.any():
            continue
        numbers = pd.to_numeric(column[present], errors="coerce")
        if numbers.notna().all():
            table[name] = numbers.reindex(table.index).astype("float64")
    return table


def _damaged(fault: str, file: Path, roots: Iterable[str] | None) -> DataIntegrityError:
    """The error of a table that pandas cannot read."""
    root = next((root for root in roots or [] if (Path(root) / file).is_file()), None)
    path = file if root is None else Path(root) / file
    error = DataIntegrityError(f"{path} {fault}")
    if roots is not None:
        place = _named(root)
        error.hint = f'laion_fmri.download.download([], prefix="{file.as_posix()}", verify=True{place})'
    return error

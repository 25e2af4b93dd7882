"""Tables of the dataset as DataFrames. pandas is imported when the first one is made."""

from __future__ import annotations

import csv
from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


def read(text: bytes, sep: str) -> pd.DataFrame:
    """A table with numbers where a column holds nothing else.

    ``n/a`` and empty cells are missing values in a column of numbers, and texts in a column of texts: there
    is an image whose name begins with NA, and one may be called so.
    """
    import pandas as pd

    # The TSV tables of the dataset have no quotes: a quotation mark is a part of the text.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if sep == "\t" else csv.QUOTE_MINIMAL
    table = pd.read_csv(BytesIO(text), sep=sep, quoting=quoting, keep_default_na=False)
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

"""The yardstick of loading: DuckDB copies each CSV file to a Parquet file (zstd), types as it finds them, and does nothing else.

A file whose later rows do not have the types of its first ones is copied as text.

Run as ``python -m bench.plain_copy FOLDER OUT``: every ``*.csv`` below the folder, one statement a file. Zips must have been
unpacked before (:mod:`bench.district`); unpacking is not part of the yardstick's time, but is part of ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from bench.places import THREADS


def main(folder: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {THREADS}")
        for number, file in enumerate(sorted(folder.rglob("*.csv"))):
            source, target = str(file).replace("'", "''"), str(out / f"{number}.parquet").replace("'", "''")
            to = f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
            try:
                connection.execute(f"COPY (FROM read_csv('{source}')) {to}")
            except duckdb.ConversionException:
                connection.execute(f"COPY (FROM read_csv('{source}', all_varchar = true)) {to}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""``python -m bench``: run the figures, print them, write ``bench/results/<date>.json``.

Parses arguments and puts the parts together; what a figure is stands in ``figures.py``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from bench.figures import RUN
from bench.measured import CommandFailed
from bench.report import table, write_results
from bench.sizes import FIGURES, Sizes

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    goal = Sizes()
    parser = argparse.ArgumentParser(prog="python -m bench", description="Performance figures, each beside a yardstick.")
    parser.add_argument("figures", nargs="*", metavar="figure", help=f"of {', '.join(FIGURES)} (default: all)")
    parser.add_argument("--students", type=int, default=goal.students, help="historical load and daily increment (default: %(default)s)")
    parser.add_argument("--years", type=int, default=goal.years, help="the same (default: %(default)s)")
    parser.add_argument("--graph-students", type=int, default=goal.graph_students, help="whole graph (default: %(default)s)")
    parser.add_argument("--graph-years", type=int, default=goal.graph_years, help="the same (default: %(default)s)")
    parser.add_argument("--model-students", type=int, default=goal.model_students, help="dropout model (default: %(default)s)")
    parser.add_argument("--model-years", type=int, default=goal.model_years, help="the same (default: %(default)s)")
    parser.add_argument("--grown-students", type=int, default=goal.grown_students, help="growth model (default: %(default)s)")
    parser.add_argument("--taught-rows", type=int, default=goal.taught_rows, help="value-added model (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=goal.repeats, help="loads of the code location (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="keep districts and lakes here and use them again (default: a temporary folder)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON files (default: %(default)s)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.figures if name not in RUN]:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(FIGURES)}")
    sizes = Sizes(
        options.students, options.years, options.graph_students, options.graph_years, options.model_students, options.model_years,
        options.grown_students, options.taught_rows, options.repeats,
    )  # fmt: skip
    wanted = [name for name in FIGURES if name in options.figures or not options.figures]
    with tempfile.TemporaryDirectory(prefix="bench.") if options.folder is None else nullcontext(str(options.folder)) as folder:
        figures = []
        for name in wanted:
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                figures.append(RUN[name](Path(folder).absolute(), sizes))
            except CommandFailed as error:
                print(error, file=sys.stderr)
                return 1
            target = write_results(options.results, figures, sizes, dt.datetime.now(dt.UTC).date())
    print(table(figures, sizes))
    print(f"written to {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m la_assets.row_policies``: print the row-level security that Redshift should have; ``--apply`` makes it so.

Run it after the first load, and whenever a table gets a rule in ``la_assets/access/readable.py``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from la_assets.access.readable import READABLE
from la_assets.student_access import readable_tables
from la_resources.district import load_district
from la_resources.environments import Places
from la_resources.lake import Lake
from la_resources.redshift import row_policies
from la_resources.redshift.engine import Redshift
from la_resources.redshift.settings import RedshiftSettings


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m la_assets.row_policies", description="Row-level security of Redshift, as SQL.")
    parser.add_argument("--apply", action="store_true", help="run it on the Redshift that the environment names, in one transaction")
    parser.add_argument("--loader", default="loader", help="database user that loads tables, for the printed text (default: %(default)s)")
    options = parser.parse_args(arguments)
    tables, withheld = readable_tables(), load_district(os.environ.get("LA_DISTRICT_FILE", "")).access.columns_for
    if not options.apply:
        made = [f"CREATE ROLE {role}" for role in (row_policies.READER, row_policies.LOADER)]
        made += row_policies.statements(tables, READABLE, withheld, options.loader)
    elif settings := RedshiftSettings.from_environment():
        made = row_policies.apply(Redshift(settings, Lake(Places.from_environment().lake)), tables, READABLE, withheld)
    else:
        print("there is no Redshift to apply this to: set LA_REDSHIFT_HOST (docs/redshift.md)", file=sys.stderr)
        return 1
    print(";\n".join(made) + ";")
    return 0


if __name__ == "__main__":
    sys.exit(main())

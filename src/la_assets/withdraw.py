"""Take a file's rows out of the landing tables again: `python -m la_assets.withdraw sis/attendance.csv`.

It says which tables and school years to rebuild, and with which command. A file that is still in the landing zone would be read
again by the next run, so it has to be moved away first, or `--read-again` says that this is what is wanted. Nothing is rebuilt here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from la_assets.landing.assets import intake
from la_resources.environments import LakeResource, LandingZoneResource, Places
from la_resources.sources.archives import Refused


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="path below the landing zone, as landing.files has it; inside a zip: archive.zip!member.csv")
    parser.add_argument("--read-again", action="store_true", help="the file stays in the landing zone and is read anew by the next run")
    options = parser.parse_args(arguments)
    try:
        places = Places.from_environment()
        desk = intake(LandingZoneResource(root=places.landing, mappings=list(places.mappings)), LakeResource(root=places.lake))
        there = (found.file.path if isinstance(found, Refused) else found.path for found in desk.zone.files())
        if not options.read_again and options.path in there:
            raise ValueError(f"{options.path} is still in the landing zone; move it away first, or say --read-again")
        changed = desk.withdraw(options.path)
    except (LookupError, RuntimeError, ValueError) as error:
        print(error.args[0] if error.args else error, file=sys.stderr)
        return 2
    if not changed:
        print(f"{options.path} is forgotten; it had no rows in the landing tables.")
        return 0
    print(f"The rows of {options.path} are gone from:")
    for table, school_year in changed:
        print(f"  {table:<40}{school_year}")
    years = sorted({school_year for _, school_year in changed})
    print("Rebuild what depends on them (with Dagster running, `make ui`):")
    print(f"  python -m la_assets.backfill --first {years[0]} --last {years[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Land what is in the stream now, by hand: ``python -m la_resources.streams``; the sensor ``stream_arrivals`` does the same by itself.

The stream is that of ``LA_STREAM``, the landing zone and the lake those of ``LA_LANDING_ROOT`` and ``LA_LAKE_ROOT`` (or the places of
the environment).
"""

from __future__ import annotations

import argparse
import sys

from la_resources.streams.consumer import Bounds, Consumer
from la_resources.streams.kinesis import Stream, StreamError, StreamSettings


def main(arguments: list[str] | None = None) -> int:
    """Run the consumer once; the process's exit code."""
    from la_resources.environments import Places
    from la_resources.storage import storage_at

    parser = argparse.ArgumentParser(prog="python -m la_resources.streams", description="Land what is in the stream now.")
    parser.add_argument("--seconds", type=float, default=600.0, help="no batch is begun later than this")
    parser.add_argument("--batch-records", type=int, default=Bounds.batch_records, help="records of a batch of one shard, at most")
    parser.add_argument("--first-year", default="2018-19", help="the oldest school year there is")
    told = parser.parse_args(arguments)
    settings = StreamSettings.from_environment()
    if not settings.name:
        print("LA_STREAM is not set: name the stream to read", file=sys.stderr)
        return 2
    places = Places.from_environment()
    zone, memory = storage_at(places.landing, "landing zone"), storage_at(places.lake, "lake")
    consumer = Consumer(Stream(settings), zone, memory, told.first_year, log=print)
    try:
        consumed = consumer.run(Bounds(seconds=told.seconds, records=10**9, batch_records=told.batch_records))
    except StreamError as error:
        print(error, file=sys.stderr)
        return 1
    for warning in consumed.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{consumed.records:,} records in {len(consumed.files):,} files" + ("" if consumed.idle else "; there is more"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

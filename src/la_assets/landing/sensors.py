"""The arrival sensors: new files start the landing of exactly their school years and tables, and what hangs on them.

``landing_arrivals`` lists the landing zone: its cursor is the position there (arrival time and path of the last file handled). Over a
bucket with a queue of arrivals ``queued_arrivals`` is told of files within seconds, and the listing, now seldom, finds what a lost
message missed. What becomes of a file is the same (``deliveries.py``).
"""

import json
from collections import Counter
from itertools import chain

import dagster as dg

from la_assets.landing.assets import intake
from la_assets.landing.deliveries import NewFiles, recorded_contents
from la_resources.arrival_messages import notices
from la_resources.arrival_queue import ArrivalQueue
from la_resources.environments import LakeResource, LandingZoneResource
from la_resources.landing_zone import Arrival

MESSAGES_PER_TICK = 500
_LISTING, _LISTING_BESIDE_A_QUEUE, _QUEUE = 30, 900, 5
"""Seconds between ticks."""


@dg.sensor(
    name="landing_arrivals",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=_LISTING_BESIDE_A_QUEUE if ArrivalQueue.from_environment() else _LISTING,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="New files in the landing zone: a run per school year that reads them and rebuilds what hangs on them.",
)
def landing_arrivals(
    context: dg.SensorEvaluationContext, landing_zone: LandingZoneResource, lake: LakeResource
) -> dg.SensorResult | dg.SkipReason:
    """One tick: the files that arrived since the last one, grouped by the school years that their content tells."""
    desk = intake(landing_zone, lake)
    waiting = desk.zone.arrivals(Arrival(**json.loads(context.cursor)) if context.cursor else None)
    if not waiting:
        return dg.SkipReason("no new file in the landing zone")
    new, told = NewFiles(desk, recorded_contents(context.instance)), Counter[str]()
    last = waiting[0]
    for arrival in waiting:
        found, _ = new.add(arrival.path)
        told[found] += 1
        if found == "later":
            break
        last = arrival
    cursor = json.dumps({"arrived": last.arrived, "path": last.path})
    if not new.deliveries:
        return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason(_in_words(told)))
    return dg.SensorResult(run_requests=new.run_requests(context), cursor=cursor)


@dg.sensor(
    name="queued_arrivals",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=_QUEUE,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Messages of the bucket's arrivals queue (`LA_ARRIVAL_QUEUE`): a run per school year, seconds after a file arrived.",
)
def queued_arrivals(
    context: dg.SensorEvaluationContext, landing_zone: LandingZoneResource, lake: LakeResource
) -> dg.SensorResult | dg.SkipReason:
    """One tick: take away the messages whose runs are recorded, then look at new ones.

    A message goes when nothing is left to do for it: its files were read, or are gone, or their runs are recorded, or it never told of
    a file. One of several files goes when that holds of all of them. Messages that nobody understands stay, and end in the
    dead-letter queue. The cursor holds, by handle, the contents that a message's runs were asked for; where such a run was never made,
    the message is forgotten and comes again.
    """
    queue, place = ArrivalQueue.from_environment(), _bucket(landing_zone)
    if queue is None:
        return dg.SkipReason("LA_ARRIVAL_QUEUE is not set: no queue tells of new files")
    if place is None:
        return dg.SkipReason(
            f"the landing zone {landing_zone.root} is no bucket: no queue tells of its files, `landing_arrivals` lists them"
        )
    before: dict[str, list[str]] = json.loads(context.cursor or "{}")
    messages = queue.receive(MESSAGES_PER_TICK)
    first = next(messages, None)
    if first is None and not before:
        return dg.SkipReason("no message")
    recorded = recorded_contents(context.instance)
    done = [handle for handle, contents in before.items() if recorded.issuperset(contents)]
    asked_for: dict[str, list[str]] = {}
    new, told = NewFiles(intake(landing_zone, lake), recorded), Counter[str]()
    for message in chain([first] if first else [], messages):
        asked, keep = [], False
        for notice in notices(message.body, *place):
            found, contents = new.add(notice.path) if notice.said == "arrived" else (notice.said, [])
            told[found] += 1
            asked += contents if found == "new" else []
            keep = keep or found in ("later", "not understood")
        if asked and not keep:
            asked_for[message.handle] = asked
        elif not keep:
            done.append(message.handle)
        if told["later"]:
            break
    if told["not understood"]:
        context.log.warning(f"{told['not understood']} message(s) of {queue.name} are none that S3 sends; they go to its dead letters")
    taken = queue.take_away(done)
    skipped = None if new.deliveries else dg.SkipReason(f"{_in_words(told) or 'no message'}; {taken} message(s) done with")
    return dg.SensorResult(run_requests=new.run_requests(context), cursor=json.dumps(asked_for), skip_reason=skipped)


def _in_words(told: Counter[str]) -> str:
    return "; ".join(f"{count} {what}" for what, count in sorted(told.items()))


def _bucket(landing_zone: LandingZoneResource) -> tuple[str, str] | None:
    """Bucket and prefix of a landing zone in S3."""
    scheme, _, rest = landing_zone.root.partition("://")
    bucket, _, prefix = rest.partition("/")
    return (bucket, prefix.strip("/")) if scheme == "s3" else None

"""Messages of the arrivals queue: what S3, SNS and EventBridge send, and what nobody sends; a real queue over HTTP, filled by S3 itself."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import served_s3

from la_resources.arrival_messages import SAID, Notice, notices
from la_resources.arrival_queue import ArrivalQueue, QueueError


def s3_event(*keys: str, event: str = "ObjectCreated:Put", bucket: str = "district") -> str:
    return json.dumps({"Records": [{"eventName": event, "s3": {"bucket": {"name": bucket}, "object": {"key": key}}} for key in keys]})


def said(body: str) -> list[Notice]:
    return notices(body, "district", "landing")


def test_a_key_is_decoded_as_s3_encodes_it() -> None:
    assert said(s3_event("landing/sis/May+2%2B3/fran%C3%A7ais.csv")) == [Notice("arrived", "sis/May 2+3/français.csv")]


def test_the_same_wrapped_by_sns_and_as_eventbridge_sends_it() -> None:
    inner = s3_event("landing/sis/a+b.csv")
    assert said(json.dumps({"Type": "Notification", "Message": inner})) == [Notice("arrived", "sis/a b.csv")]
    bridge = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "district"}, "object": {"key": "landing/a+b.csv"}},
    }
    assert said(json.dumps(bridge)) == [Notice("arrived", "a+b.csv")]
    assert said(json.dumps(bridge | {"detail-type": "Object Deleted"})) == [Notice("removed", "a+b.csv")]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (s3_event("landing/a.csv", event="ObjectRemoved:DeleteMarkerCreated"), "removed"),
        (s3_event("landing/a.csv", event="s3:ObjectCreated:CompleteMultipartUpload"), "arrived"),
        (s3_event("landing/a.csv", event="ObjectRestore:Completed"), "other event"),
        (s3_event("lake/attendance/daily/part.parquet"), "elsewhere"),
        (s3_event("landings/a.csv"), "elsewhere"),
        (s3_event("landing/a.csv", bucket="another"), "elsewhere"),
        (s3_event("landing/sis/"), "unfinished"),
        (s3_event("landing/sis/.hidden/a.csv"), "unfinished"),
        (s3_event("landing/sis/a.csv.tmp"), "unfinished"),
        (json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "district"}), "other event"),
        (json.dumps({"Records": []}), "other event"),
        (s3_event("landing/%FF.csv"), "not understood"),
        (json.dumps({"Records": "none"}), "not understood"),
        (json.dumps({"Records": [{"eventName": 1, "s3": {}}]}), "not understood"),
        ("[" * 100_000, "not understood"),
        ("null", "not understood"),
        ("", "not understood"),
    ],
)
def test_everything_else_has_its_own_word(body: str, what: str) -> None:
    assert [notice.said for notice in said(body)] == [what]


_NAMES = ["Records", "s3", "object", "key", "bucket", "name", "eventName", "Type", "Message", "source", "detail", "detail-type", "Event"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
    max_leaves=20,
)


@given(st.text() | _JSON.map(json.dumps))
def test_any_text_has_an_answer(body: str) -> None:
    found = said(body)
    assert found
    assert {notice.said for notice in found} <= set(SAID)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), min_size=1, max_size=5))
def test_a_message_of_several_objects_has_a_notice_for_each_with_its_own_path(names: list[str]) -> None:
    found = said(s3_event(*(f"landing/{quote_plus(name)}" for name in names)))
    assert [notice.path for notice in found] == names


# -- the queue --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(s3_server: str, bucket: str) -> ArrivalQueue:
    name = served_s3.watched(s3_server, bucket, "landing/")
    return ArrivalQueue(name, endpoint=s3_server)


def test_s3_fills_the_queue_and_messages_go_when_taken_away(queue: ArrivalQueue, bucket: str, s3_server: str) -> None:
    s3 = served_s3.client(s3_server)
    for key in ("landing/sis/a b.csv", "lake/x.parquet", "landing/sis/c.csv"):
        s3.put_object(Bucket=bucket.removeprefix("s3://"), Key=key, Body=b"x")
    messages = list(queue.receive(100))
    told = [notice for message in messages for notice in notices(message.body, bucket.removeprefix("s3://"), "landing")]
    assert sorted(n.path for n in told if n.said == "arrived") == ["sis/a b.csv", "sis/c.csv"]
    assert queue.take_away([m.handle for m in messages]) == len(messages)
    assert queue.take_away(["a handle of nobody"]) == 0


def test_a_tick_receives_no_more_than_it_asks_for(queue: ArrivalQueue, bucket: str, s3_server: str) -> None:
    for number in range(25):
        served_s3.client(s3_server).put_object(Bucket=bucket.removeprefix("s3://"), Key=f"landing/{number}.csv", Body=b"x")
    assert len(list(queue.receive(12))) == 12


def test_what_is_wrong_with_a_queue_names_it_and_the_next_step(s3_server: str, bucket: str) -> None:
    with pytest.raises(QueueError, match=r"no such queue.*LA_ARRIVAL_QUEUE"):
        list(ArrivalQueue("not-made", endpoint=s3_server).receive(1))
    with pytest.raises(QueueError, match=r"no answer.*next tick"):
        list(ArrivalQueue("http://127.0.0.1:1/1/arrivals", endpoint="http://127.0.0.1:1").receive(1))
    with served_s3.door(s3_server) as door:
        door.rule = lambda method, path, number: "refuse"
        with pytest.raises(QueueError, match="sqs:ReceiveMessage"):
            list(ArrivalQueue("arrivals", endpoint=door.url).receive(1))

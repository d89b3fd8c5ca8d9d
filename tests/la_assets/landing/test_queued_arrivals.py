"""The queue's sensor over a bucket whose arrivals S3 itself tells: when a run is asked for, and when a message is gone."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from la_assets.definitions import defs
from la_assets.landing import deliveries, sensors
from la_assets.landing.assets import landing
from la_assets.landing.sensors import landing_arrivals, queued_arrivals
from la_resources.environments import DistrictResource, LakeResource, LandingZoneResource
from tests import served_s3

MAPPINGS = Path(__file__).parents[3] / "data" / "mappings"
HEADER = "STUDENT_NUMBER,SCHOOL_NO,ATT_DATE,ABS_CODE,ABS_PORTION,TARDY_FLG,EARLY_DISM_FLG,MIN_ATT\n"
MARCH = HEADER + "5000037,0101,3/07/2022,U,1,N,N,0\n"
PATH = "sis/attendance/attendance_2021-22_03 (new).csv"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served_s3.served() as url:
        yield url


@dg.job
def a_run() -> None:
    """Stands for any job: only its record matters."""


class District:
    """A bucket with a queue, a lake in a folder, and both sensors over them."""

    def __init__(self, server: str, folder: Path) -> None:
        self.s3, self.sqs = served_s3.client(server), served_s3.client(server, "sqs")
        self.bucket = served_s3.new_bucket(server)
        self.queue = served_s3.watched(server, self.bucket, "landing/")
        self.url = self.sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        self.zone = LandingZoneResource(root=f"s3://{self.bucket}/landing", mappings=[str(MAPPINGS / "simulated_district")])
        self.lake = LakeResource(root=str(folder / "lake"))
        self.instance = dg.DagsterInstance.ephemeral()

    def put(self, content: str, path: str = PATH) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"landing/{path}", Body=content.encode())

    def tick(self, cursor: str | None = None, sensor: dg.SensorDefinition = queued_arrivals) -> dg.SensorResult:
        context = dg.build_sensor_context(cursor=cursor, repository_def=defs.get_repository_def(), instance=self.instance)
        result = sensor(context, landing_zone=self.zone, lake=self.lake)
        return result if isinstance(result, dg.SensorResult) else dg.SensorResult(skip_reason=result)

    def record(self, result: dg.SensorResult) -> None:
        for request in result.run_requests or []:
            self.instance.create_run_for_job(a_run, tags=request.tags)

    def messages(self) -> int:
        """In the queue, handed out or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"].values()))

    def come_again(self) -> None:
        """As when the visibility timeout is over."""
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"VisibilityTimeout": "0"})

    def land(self, key: str) -> None:
        resources = {"landing_zone": self.zone, "lake": self.lake, "district": DistrictResource()}
        assert dg.materialize([landing], partition_key=key, resources=resources | {"lake_io_manager": dg.mem_io_manager}).success


@pytest.fixture
def district(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> District:
    place = District(server, tmp_path)
    settings = {"LA_ARRIVAL_QUEUE": place.queue, "LA_SQS_ENDPOINT": server, "LA_S3_ENDPOINT": server, "LA_STAGING_ROOT": str(tmp_path)}
    for name, value in {**served_s3.ENVIRONMENT, **settings}.items():
        monkeypatch.setenv(name, value)
    return place


def keys(result: dg.SensorResult) -> list[str | None]:
    return [request.run_key for request in result.run_requests or []]


def test_a_message_goes_after_its_run_is_recorded_and_not_before(district: District) -> None:
    district.put(MARCH)
    asked = district.tick()
    assert [request.partition_key for request in asked.run_requests] == ["2021-07-01"]
    assert f"2021-07-01:{PATH}:" in asked.run_requests[0].run_key
    assert district.messages() == 1
    district.record(asked)
    assert keys(district.tick(asked.cursor)) == []
    assert district.messages() == 0


def test_a_run_that_was_never_made_is_asked_for_again_when_its_message_comes_again(district: District) -> None:
    district.come_again()
    district.put(MARCH)
    first = district.tick()
    assert district.messages() == 1
    for cursor in (first.cursor, None):  # the daemon was killed after the tick, or in it
        assert keys(district.tick(cursor)) == keys(first)
        assert district.messages() == 1


def test_a_daemon_killed_between_the_run_and_its_cursor_starts_nothing_twice(district: District) -> None:
    district.come_again()
    district.put(MARCH)
    district.record(district.tick())
    district.put(MARCH.replace("3/07", "2/07"), "sis/attendance/attendance_2021-22_02.csv")
    (key,) = keys(district.tick(None))
    assert "2021-22_02" in key, "the new file alone, although both messages came"
    assert district.messages() == 1


def test_messages_twice_and_in_any_order_are_one_run_of_what_is_there(district: District) -> None:
    district.put(HEADER)
    district.put(MARCH)
    district.s3.delete_object(Bucket=district.bucket, Key=f"landing/{PATH}")
    district.put(MARCH)
    bodies = [m["Body"] for m in district.sqs.receive_message(QueueUrl=district.url, MaxNumberOfMessages=10)["Messages"]]
    for body in reversed(bodies * 2):
        district.sqs.send_message(QueueUrl=district.url, MessageBody=body)
    asked = district.tick()
    assert len(keys(asked)) == 1
    assert asked.run_requests[0].tags["landing/files"] == "1"


def test_messages_without_a_file_to_read_are_taken_away_and_counted(district: District) -> None:
    district.put(MARCH, "sis/gone.csv")
    district.s3.delete_object(Bucket=district.bucket, Key="landing/sis/gone.csv")
    district.put("x", "sis/attendance/upload.csv.tmp")
    district.s3.put_object(Bucket=district.bucket, Key="landing/sis/", Body=b"")
    result = district.tick()
    assert keys(result) == []
    assert result.skip_reason.skip_message == "1 gone; 1 other event; 1 removed; 2 unfinished; 5 message(s) done with"
    assert district.messages() == 0


def test_a_file_that_a_backfill_has_read_starts_nothing(district: District) -> None:
    district.put(MARCH)
    district.land("2021-07-01")
    assert district.tick().skip_reason.skip_message == "1 other event; 1 read before; 2 message(s) done with"
    assert district.messages() == 0


def test_the_parts_of_a_large_upload_are_one_file(district: District) -> None:
    where = {"Bucket": district.bucket, "Key": f"landing/{PATH}"}
    upload = district.s3.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, body in enumerate((MARCH.encode().ljust(5 * 2**20), b"\n"), 1):
        tag = district.s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    early = district.tick()
    assert keys(early) == [], "no part is a file"
    district.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert len(keys(district.tick(early.cursor))) == 1


def test_what_nobody_understands_stays_for_the_dead_letters_and_stops_nothing(district: District) -> None:
    district.sqs.send_message(QueueUrl=district.url, MessageBody="{not json")
    district.put(MARCH)
    asked = district.tick()
    assert len(keys(asked)) == 1
    district.record(asked)
    district.tick(asked.cursor)
    assert district.messages() == 1


def test_a_message_of_several_files_goes_when_every_one_of_them_has_its_run(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    district.come_again()
    paths = {"2021-22": "sis/attendance/attendance_2021-22_03.csv", "2022-23": "sis/attendance/attendance_2022-23_03.csv"}
    for label, path in paths.items():
        district.put(MARCH.replace("2022", f"20{label[-2:]}"), path)
    found = [json.loads(m["Body"]) for m in district.sqs.receive_message(QueueUrl=district.url, MaxNumberOfMessages=10)["Messages"]]
    district.sqs.purge_queue(QueueUrl=district.url)
    records = [record for body in found for record in body.get("Records", [])]
    district.sqs.send_message(QueueUrl=district.url, MessageBody=json.dumps({"Records": records}))
    monkeypatch.setattr(deliveries, "FILES_PER_TICK", 1)
    first = district.tick()
    assert [request.partition_key for request in first.run_requests] == ["2021-07-01"], "one file a tick"
    district.record(first)
    district.land("2021-07-01")
    second = district.tick(first.cursor)
    assert [request.partition_key for request in second.run_requests] == ["2022-07-01"]
    assert district.messages() == 1, "the second file's run is not recorded yet"
    district.record(second)
    district.tick(second.cursor)
    assert district.messages() == 0


def test_a_tick_with_nothing_to_do_asks_the_queue_and_no_more(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    district.tick()  # S3's first message says that it will tell of files
    for name in ("intake", "recorded_contents"):
        monkeypatch.setattr(sensors, name, lambda *_: pytest.fail("nobody told of a file"))
    assert district.tick().skip_reason.skip_message == "no message"


def test_the_listing_finds_what_a_lost_message_missed_and_nothing_else(district: District) -> None:
    district.put(MARCH)
    district.record(district.tick())
    district.put(MARCH.replace("3/07", "2/07"), "sis/attendance/attendance_2021-22_02.csv")
    district.sqs.purge_queue(QueueUrl=district.url)
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=15)):  # it leaves files alone that have just arrived
        listed = district.tick(sensor=landing_arrivals)
    (key,) = keys(listed)
    assert "2021-22_02" in key
    district.record(listed)
    assert keys(district.tick(listed.cursor, sensor=landing_arrivals)) == []


def test_a_tick_without_a_queue_or_a_bucket_says_so(district: District, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    district.zone = LandingZoneResource(root=str(tmp_path), mappings=[])
    assert "is no bucket" in district.tick().skip_reason.skip_message
    monkeypatch.delenv("LA_ARRIVAL_QUEUE")
    assert "LA_ARRIVAL_QUEUE is not set" in district.tick().skip_reason.skip_message

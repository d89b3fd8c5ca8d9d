"""The bucket behaves like a bucket: what fails on the way is survived or said, nothing is half there, and nothing is left behind."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_lake import PART, ROWS, days
from tests import served_s3
from tests.served_s3 import Door

from la_resources import s3
from la_resources.lake import Lake
from la_resources.s3 import PART_BYTES, RewrittenError, S3Settings, S3Storage, StorageError
from la_resources.s3_landing_zone import S3LandingZone


@pytest.fixture
def behind(bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """A door between the product and the server."""
    with served_s3.door(s3_server) as door:
        monkeypatch.setenv("LA_S3_ENDPOINT", door.url)
        yield door


def name(bucket: str) -> str:
    return bucket.removeprefix("s3://")


def large(folder: Path) -> Path:
    """A file that goes in three parts."""
    file = folder / "large"
    file.write_bytes(os.urandom(2 * PART_BYTES + 1))
    return file


def uploads(bucket: str, server: str) -> list[str]:
    return [u["Key"] for u in served_s3.client(server).list_multipart_uploads(Bucket=name(bucket)).get("Uploads", [])]


def test_a_throttled_write_is_repeated_until_it_stands(bucket: str, behind: Door) -> None:
    behind.rule = lambda method, path, number: "slow down" if method == "PUT" and number <= 2 else "pass"
    Lake(bucket).publish(ROWS, "2023-24", days(3))
    assert Lake(bucket).scan(ROWS).collect().equals(days(3))
    assert [method for method, _ in behind.seen[:3]] == ["PUT", "PUT", "PUT"]


@pytest.mark.parametrize("doing", ["slow down", "hang up"])
def test_a_write_that_never_succeeds_says_so_and_the_old_rows_stand(
    bucket: str, behind: Door, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    lake = Lake(bucket)
    lake.publish(ROWS, "2023-24", days(3))
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    behind.rule = lambda method, path, number: doing if method == "PUT" else "pass"
    with pytest.raises(StorageError, match=rf"writing {bucket}/{PART}.*what stood before stands"):
        lake.publish(ROWS, "2023-24", days(9))
    assert lake.scan(ROWS).collect().equals(days(3))


def test_a_part_that_fails_for_good_leaves_neither_file_nor_parts(
    bucket: str, behind: Door, s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    behind.rule = lambda method, path, number: "slow down" if "partNumber=2" in path else "pass"
    with pytest.raises(StorageError, match="answered SlowDown"):
        S3Storage(bucket).put_file(large(tmp_path), "big")
    assert S3Storage(bucket).names("") == []
    assert uploads(bucket, s3_server) == []


def test_a_file_in_parts_arrives_whole_and_replaces_the_old_one_at_the_end(bucket: str, behind: Door, tmp_path: Path) -> None:
    storage, file = S3Storage(f"{bucket}/lake"), large(tmp_path)
    storage.put(b"old", "t/big")
    seen: list[bytes] = []
    behind.rule = lambda method, path, number: seen.append(served_s3.client(storage.settings.endpoint).get_object(
        Bucket=name(bucket), Key="lake/t/big")["Body"].read()) or "pass" if "partNumber=3" in path else "pass"  # fmt: skip
    storage.put_file(file, "t/big")
    assert seen == [b"old"]
    assert storage.get("t/big") == file.read_bytes()
    assert storage.fetch("t/big", tmp_path).read_bytes() == file.read_bytes()


def test_a_writer_killed_between_two_parts_leaves_the_old_file_and_its_parts_are_found(
    bucket: str, behind: Door, s3_server: str, tmp_path: Path
) -> None:
    storage, file = S3Storage(bucket), large(tmp_path)
    storage.put(b"old", "big")
    script = "import sys, pathlib; from la_resources.s3 import S3Storage; S3Storage(sys.argv[1]).put_file(pathlib.Path(sys.argv[2]), 'big')"
    writer = subprocess.Popen([sys.executable, "-c", script, bucket, str(file)])

    def kill_at_the_third_part(method: str, path: str, number: int) -> str:
        if "partNumber=3" in path:
            os.kill(writer.pid, signal.SIGKILL)
            return "hang up"
        return "pass"

    behind.rule = kill_at_the_third_part
    assert writer.wait(60) == -signal.SIGKILL
    behind.rule = lambda method, path, number: "pass"
    assert storage.get("big") == b"old"
    assert uploads(bucket, s3_server) == ["big"]
    assert storage.tidy(older_than=dt.timedelta(0)) == ["big"]
    assert uploads(bucket, s3_server) == []
    storage.put_file(file, "big")
    assert storage.get("big") == file.read_bytes()


@pytest.mark.parametrize(
    ("rule", "root", "message"),
    [
        ("refuse", "{bucket}", r"refused the credentials for bucket district-.*AccessDenied.*see that the role"),
        ("pass", "s3://no-such-bucket-anywhere", r"there is no bucket no-such-bucket-anywhere at http.*create it, or correct the root"),
    ],
)
def test_what_is_wrong_with_a_bucket_is_said_with_the_next_step_and_no_secret(
    bucket: str, behind: Door, rule: str, root: str, message: str
) -> None:
    behind.rule = lambda method, path, number: rule
    storage = S3Storage(root.format(bucket=bucket))
    for act in (lambda: storage.names("t"), lambda: storage.put(b"x", "t/a"), lambda: storage.get("t/a")):
        with pytest.raises(StorageError, match=message) as caught:
            act()
        assert not any(value in str(caught.value) for value in served_s3.ENVIRONMENT.values() if "test" in value)


def test_an_endpoint_that_is_not_there_is_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    monkeypatch.setenv("LA_S3_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"no answer .*; see whether S3 at http://127.0.0.1:9 can be reached"):
        S3Storage(bucket).names("t")


def test_without_credentials_the_next_step_is_a_role(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in served_s3.ENVIRONMENT:
        monkeypatch.delenv(setting)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    s3.client.cache_clear()
    with pytest.raises(StorageError, match=r"s3://district-.*no credentials"):
        S3Storage(bucket).names("t")
    s3.client.cache_clear()


def test_files_are_encrypted_as_the_settings_say(bucket: str, s3_server: str, tmp_path: Path) -> None:
    settings = S3Settings(endpoint=s3_server, path_style=True, encryption="aws:kms", kms_key="alias/lake")
    storage = S3Storage(bucket, settings)
    storage.put(b"x", "small")
    (tmp_path / "f").write_bytes(b"y")
    storage.put_file(tmp_path / "f", "whole")
    storage.put_file(large(tmp_path), "parts")
    for key in ("small", "whole", "parts"):
        told = served_s3.client(s3_server).head_object(Bucket=name(bucket), Key=key)
        assert (told["ServerSideEncryption"], told["SSEKMSKeyId"]) == ("aws:kms", "alias/lake")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"LA_S3_ENCRYPTION": "rot13"}, "'rot13' is not an encryption; choose AES256 or aws:kms"),
        ({"LA_S3_ENCRYPTION": "aws:kms"}, "LA_S3_KMS_KEY belong together"),
        ({"LA_S3_KMS_KEY": "k"}, "LA_S3_KMS_KEY belong together"),
    ],
)
def test_settings_that_do_not_fit_are_refused(told: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        S3Settings.from_environment(told)


@pytest.mark.parametrize("url", ["s3:///lake", "https://bucket/lake"])
def test_a_root_names_a_bucket(url: str) -> None:
    with pytest.raises(ValueError, match="an S3 root is s3://bucket"):
        S3Storage(url, S3Settings())


def test_removing_says_whether_there_was_something(bucket: str) -> None:
    storage = S3Storage(bucket)
    storage.put(b"x", "a/b")
    assert (storage.remove("a/b"), storage.remove("a/b"), storage.folders("")) == (True, False, [])


def test_more_files_than_one_answer_holds_are_all_listed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    storage = S3Storage(bucket)
    for n in range(8):
        storage.put(b"%d" % n, f"receipts/{n}.json")
        storage.put(b"%d" % n, f"folders/{n}/x")
    assert len(storage.names("receipts")) == len(storage.folders("folders")) == 8
    assert storage.get_all("receipts", "7.json") == {"7.json": b"7"}


# -- the landing zone -------------------------------------------------------------------------------------------------------


def landed(bucket: str, **files: bytes) -> S3LandingZone:
    zone = S3LandingZone(f"{bucket}/landing")
    for path, content in files.items():
        zone.storage.put(content, path.replace("__", "/"))
    return zone


def test_files_are_listed_as_in_a_folder(bucket: str) -> None:
    zone = landed(bucket, **{"sis__b.csv": b"12", "sis__a b+c.csv": b"1", "sis__.hidden": b"", "lms__x.csv.part": b""})
    served_s3.client(zone.storage.settings.endpoint).put_object(Bucket=name(bucket), Key="landing/lms/", Body=b"")  # a console's folder
    assert [(f.path, f.source, f.size, f.name) for f in zone.files()] == [
        ("sis/a b+c.csv", "sis", 1, "a b+c.csv"),
        ("sis/b.csv", "sis", 2, "b.csv"),
    ]
    assert [f.path for f in zone.files(["sis/b.csv", "sis/gone.csv"])] == ["sis/b.csv"]
    beside = zone.file("sis/b.csv").beside("A B+C.CSV")
    assert beside is not None
    assert beside.path == "sis/a b+c.csv"


def test_a_mark_changes_with_the_content(bucket: str) -> None:
    first = landed(bucket, a__f=b"one").file("a/f")
    assert first.mark == S3LandingZone(f"{bucket}/landing").file("a/f").mark
    assert landed(bucket, a__f=b"two").file("a/f").mark != first.mark


def test_arrivals_wait_until_their_second_is_over_and_come_again_after_a_position(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = landed(bucket, a__f=b"x")
    assert zone.arrivals() == []
    monkeypatch.setattr("la_resources.s3_landing_zone._SETTLED", dt.timedelta(seconds=-5))
    (arrival,) = zone.arrivals()
    assert abs(arrival.arrived / 1e9 - time.time()) < 5
    assert zone.arrivals(arrival) == [arrival]


def test_a_file_is_read_by_ranges_as_a_seekable_stream(bucket: str) -> None:
    content = os.urandom(3_000_000)
    with landed(bucket, a__f=content).file("a/f").open() as stream:
        assert stream.read(10) == content[:10]
        stream.seek(-5, os.SEEK_END)
        assert (stream.read(), stream.read()) == (content[-5:], b"")
        stream.seek(1_000)
        assert stream.read() == content[1_000:]
        with pytest.raises(ValueError, match="before the beginning"):
            stream.seek(-1)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(bucket: str, behind: Door) -> None:
    content = os.urandom(3_000_000)
    zone = landed(bucket, a__f=content)
    broken = iter(["cut", "hang up", "cut"])
    behind.rule = lambda method, path, number: next(broken, "pass") if method == "GET" else "pass"
    with zone.file("a/f").open() as stream:
        assert stream.read() == content


def test_a_file_replaced_while_it_is_read_is_noticed(bucket: str) -> None:
    zone = landed(bucket, a__f=b"x" * 3_000_000)
    with zone.file("a/f").open() as stream:
        stream.read(10)
        landed(bucket, a__f=b"y" * 3_000_000)
        stream.seek(2_000_000)
        with pytest.raises(RewrittenError, match="replaced while it was read"):
            stream.read()


def test_a_file_of_no_bytes_is_an_empty_stream(bucket: str) -> None:
    assert landed(bucket, a__f=b"").file("a/f").open().read() == b""


def test_an_object_of_no_bytes_in_the_lake_is_named(bucket: str) -> None:
    lake = Lake(bucket)
    lake.storage.put(b"", PART)
    with pytest.raises(StorageError, match=rf"{bucket}/{PART} is empty.*remove it, and materialise its school year again"):
        lake.scan(ROWS)

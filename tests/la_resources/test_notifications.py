"""People are told once that something is wrong and once that it is over, of no child and no secret, whatever the channel does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests import served_s3

from la_resources import notifications
from la_resources.notifications import Incident, Notifier, NotSentError, Topic, Webhook, as_told, channel_from_environment
from la_resources.storage import FolderStorage

LATE = Incident("table is late", ("attendance.daily",), what="it was not built in time", do="look at its page", link="http://ui/assets/x")
FAILED = Incident("run failed", ("forecasts.models", "mtss.tiers"), ("2023-24",), what="no space left", do="make room")


class Heard:
    """A channel that notes what it is told, and refuses as long as it is told to."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.refuse = False

    def send(self, subject: str, text: str) -> None:
        if self.refuse:
            raise NotSentError("no")
        self.subjects.append(subject)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def notifier(tmp_path: Path, heard: Heard) -> Notifier:
    return Notifier(FolderStorage(tmp_path), heard)


def test_an_incident_is_told_once_and_its_end_once(notifier: Notifier, heard: Heard) -> None:
    for _ in range(3):
        notifier.open(LATE)
        assert notifier.send() == []
    assert heard.subjects == ["table is late: attendance.daily"]
    for _ in range(3):
        notifier.close(LATE)
        notifier.send()
    assert heard.subjects[1:] == ["Over: table is late: attendance.daily"]
    assert notifier.open(replace(LATE, what="again")), "the same trouble after it was over is a new incident"
    notifier.send()
    assert len(heard.subjects) == 3


def test_the_same_trouble_has_one_name_and_other_years_another() -> None:
    assert FAILED.name == replace(FAILED, about=("mtss.tiers", "forecasts.models"), what="another text").name
    assert len({FAILED.name, LATE.name, replace(FAILED, school_years=("2022-23",)).name}) == 3


def test_what_cannot_be_sent_is_kept_and_sent_later(notifier: Notifier, heard: Heard) -> None:
    heard.refuse = True
    notifier.open(LATE)
    assert notifier.send() == ["table is late: no"]
    heard.refuse = False
    assert (notifier.send(), notifier.send()) == ([], [])
    assert heard.subjects == ["table is late: attendance.daily"]


def test_what_was_over_before_anybody_could_be_told_is_told_once(notifier: Notifier, heard: Heard) -> None:
    heard.refuse = True
    notifier.open(LATE)
    notifier.send()
    notifier.close(LATE)
    heard.refuse = False
    notifier.send()
    assert heard.subjects == ["Over: table is late: attendance.daily"]


def test_closing_what_is_not_open_says_nothing(notifier: Notifier, heard: Heard) -> None:
    assert not notifier.close(LATE)
    notifier.send()
    assert heard.subjects == []


def test_the_outbox_alone_is_a_list_that_people_can_read(tmp_path: Path) -> None:
    notifier = Notifier(FolderStorage(tmp_path))
    notifier.open(FAILED)
    assert notifier.send() == []
    (file,) = (tmp_path / "incidents").iterdir()
    told = json.loads(file.read_text())
    assert (told["about"], told["do"], told["closed"], told["told"]) == (["forecasts.models", "mtss.tiers"], "make room", "", 1)


def test_the_text_has_what_happened_where_and_the_next_step() -> None:
    subject, text = replace(FAILED, opened="2026-11-25T10:00:00+00:00").message()
    assert subject == "run failed: forecasts.models, mtss.tiers (2023-24)"
    assert text.splitlines() == [
        "run failed: forecasts.models, mtss.tiers (2023-24)", "no space left", "Next step: make room", "Since 2026-11-25T10:00:00+00:00."
    ]  # fmt: skip
    assert len(replace(FAILED, about=tuple(f"room.table_with_a_long_name_{n}" for n in range(40))).message()[0]) <= 100


@pytest.mark.parametrize(
    "quoted",
    [
        "0f3a9c1d2e4b5a69788796a5b4c3d2e1", "5000037", "ann.lee@school.org", "'Ann Lee'", '"Lee, Ann"', "2012-03-04",
        "a secret of forty characters, for the hashes",
    ],
)  # fmt: skip
def test_no_key_identifier_name_date_or_secret_of_an_error_is_told(quoted: str) -> None:
    environ = {"LA_STUDENT_KEY_SECRET": "a secret of forty characters, for the hashes", "HOME": "a place of the machine"}
    told = as_told(f"\n  attendance.daily: the key {quoted} is not unique in the lake\nTraceback {quoted}", environ)
    assert told == "attendance.daily: the key [...] is not unique in the lake"


def test_a_long_error_is_cut() -> None:
    assert len(as_told("word " * 200, {})) == notifications.MOST_WORDS


def test_sns_gets_subject_and_text(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in served_s3.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    sns, sqs = (served_s3.client(s3_server, service) for service in ("sns", "sqs"))
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    monkeypatch.setenv("LA_NOTIFY", "sns")
    monkeypatch.setenv("LA_NOTIFY_TOPIC", topic)
    monkeypatch.setenv("LA_SNS_ENDPOINT", s3_server)
    notifier = Notifier(FolderStorage(tmp_path), channel_from_environment())
    notifier.open(LATE)
    assert notifier.send() == []
    told = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert (told["Subject"], told["Message"].splitlines()[1]) == ("table is late: attendance.daily", "it was not built in time")
    with pytest.raises(NotSentError, match=r"SNS topic arn:.*:gone"):
        Topic(topic.replace("alerts", "gone"), endpoint=s3_server).send("s", "t")


@contextmanager
def chat(*answers: int) -> Iterator[tuple[str, list[dict]]]:
    """A chat's webhook that answers so, one after the other, the last one for ever; what it was sent."""
    seen: list[dict] = []
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(waiting.pop(0) if len(waiting) > 1 else waiting[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", seen
    finally:
        server.shutdown()
        server.server_close()


def test_a_webhook_that_stumbles_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "_FIRST_WAIT", 0.01)
    with chat(500, 503, 200) as (url, seen):
        Webhook(url).send("subject", "text")
    assert seen == [{"subject": "subject", "text": "subject\ntext"}] * 3


@pytest.mark.parametrize(("answer", "asked"), [(500, 3), (404, 1)])
def test_a_webhook_that_refuses_is_left_alone_after_a_few_times(monkeypatch: pytest.MonkeyPatch, answer: int, asked: int) -> None:
    monkeypatch.setattr(notifications, "_FIRST_WAIT", 0.01)
    with chat(answer) as (url, seen), pytest.raises(NotSentError, match=f"status {answer}"):
        Webhook(url).send("subject", "text")
    assert len(seen) == asked


def test_a_webhook_that_is_not_there_is_no_crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(notifications, "_FIRST_WAIT", 0.01)
    notifier = Notifier(FolderStorage(tmp_path), Webhook("http://127.0.0.1:9/hook"))
    notifier.open(LATE)
    assert notifier.send() == ["table is late: webhook: URLError"]


@pytest.mark.parametrize("told", [{"LA_NOTIFY": "pigeon"}, {"LA_NOTIFY": "sns"}, {"LA_NOTIFY": "webhook", "LA_NOTIFY_URL": "file:///etc"}])
def test_a_channel_that_cannot_be_is_refused(told: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"choose outbox, sns \(with LA_NOTIFY_TOPIC"):
        channel_from_environment(told)
    assert channel_from_environment({}) is None

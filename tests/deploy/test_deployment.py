"""What is deployed is valid, gives no more rights than it needs, and starts: as far as one machine can show it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import dagster as dg
import pytest
import yaml
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml

from tests import served_s3
from tests.redshift_server.postgres import Postgres

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
STORED = {"AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Kinesis::Stream"}
"""What moto makes from a template."""
KNOW_NO_RESOURCE = {
    "ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ec2:DescribeNetworkInterfaces",
    "ecs:ListAccountSettings", "ecs:TagResource",
}  # fmt: skip
"""Actions that IAM grants on everything or not at all (Service Authorization Reference)."""


class _Template(yaml.SafeLoader):
    """CloudFormation's short forms as the long ones."""


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value = loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node, deep=True)  # type: ignore[arg-type]
    name = "Ref" if tag == "Ref" else f"Fn::{tag}"
    return {name: value.split(".", 1) if tag == "GetAtt" and isinstance(value, str) else value}


_Template.add_multi_constructor("!", _long_form)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return yaml.load((DEPLOY / "cloudformation.yaml").read_text(), _Template)


def test_the_template_keeps_cloudformation_s_rules_without_a_warning() -> None:
    lint = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), str(DEPLOY / "cloudformation.yaml")], capture_output=True, text=True, check=False
    )
    assert (lint.returncode, lint.stdout) == (0, "")


def _statements(template: dict[str, Any]) -> list[dict[str, Any]]:
    roles = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::IAM::Role"]
    added = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::IAM::RolePolicy"]
    return [s for policy in [p for role in roles for p in role["Policies"]] + added for s in policy["PolicyDocument"]["Statement"]]


def test_no_role_may_do_anything_to_everything(template: dict[str, Any]) -> None:
    for statement in _statements(template):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if action.endswith("*")], statement
        if statement["Resource"] == "*":
            assert set(actions) <= KNOW_NO_RESOURCE or "ecs:cluster" in json.dumps(statement["Condition"]), statement


def test_tasks_may_read_what_arrives_but_not_change_it(template: dict[str, Any]) -> None:
    of_landing = [s for s in _statements(template) if "landing/*" in json.dumps(s["Resource"])]
    assert [s["Action"] for s in of_landing] == ["s3:GetObject"]


def test_redshift_writes_nothing_but_what_the_marts_are_handed_on_by_and_only_if_it_builds_them(template: dict[str, Any]) -> None:
    writing = [s for s in _statements(template) if s["Action"] == "s3:PutObject" and "lake" in json.dumps(s["Resource"])]
    assert [s["Resource"] for s in writing] == [{"Fn::Sub": "${Bucket.Arn}/lake/.unloaded/*"}]
    assert template["Resources"]["RedshiftUnloads"]["Condition"] == "MartsOnRedshift"
    assert template["Conditions"]["MartsOnRedshift"] == {"Fn::Equals": [{"Ref": "MartsEngine"}, "redshift"]}


def test_what_is_stored_is_encrypted_kept_and_closed(template: dict[str, Any]) -> None:
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for resource in template["Resources"].values():
        of_kind.setdefault(resource["Type"], []).append(resource)
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::Kinesis::Stream", "AWS::SQS::Queue"):
        assert all(r["DeletionPolicy"] == "Retain" for r in of_kind[kind])
    (bucket,) = (r["Properties"] for r in of_kind["AWS::S3::Bucket"])
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert all("KmsMasterKeyId" in r["Properties"] for r in of_kind["AWS::SQS::Queue"])
    (history,) = (r["Properties"] for r in of_kind["AWS::RDS::DBInstance"])
    assert (history["StorageEncrypted"], history["PubliclyAccessible"], history["DeletionProtection"]) == (True, False, True)
    (workgroup,) = (r["Properties"] for r in of_kind["AWS::RedshiftServerless::Workgroup"])
    assert workgroup["PubliclyAccessible"] is False


def test_no_secret_stands_in_the_template_and_none_is_an_open_setting(template: dict[str, Any]) -> None:
    for container in template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]:
        open_settings = {each["Name"] for each in container["Environment"]}
        hidden = {each["Name"] for each in container["Secrets"]}
        assert {"LA_STUDENT_KEY_SECRET", "DAGSTER_POSTGRES_PASSWORD"} <= hidden
        assert not [name for name in open_settings if re.search("PASSWORD|KEY_SECRET", name)]
    assert not re.search(r"Default:.*(password|secret)", (DEPLOY / "cloudformation.yaml").read_text(), re.IGNORECASE)


def test_every_setting_of_a_task_is_one_that_the_code_reads(template: dict[str, Any]) -> None:
    code = "\n".join(file.read_text() for file in [*(PROJECT / "src").rglob("*.py"), *DEPLOY.glob("*.yaml")])
    named = {each["Name"] for c in template["Resources"]["Task"]["Properties"]["ContainerDefinitions"] for each in c["Environment"]}
    assert [name for name in named if code.count(name) < 2 and f'"{name}"' not in code] == []


def test_bucket_queue_and_stream_come_up_and_a_file_is_told(template: dict[str, Any]) -> None:
    kept = {name: resource for name, resource in template["Resources"].items() if resource["Type"] in STORED}
    part = {**template, "Resources": {n: {k: v for k, v in r.items() if k != "DependsOn"} for n, r in kept.items()}}
    part["Parameters"] = {"District": template["Parameters"]["District"]}
    part["Outputs"], part["Conditions"] = {}, {}
    with served_s3.served() as endpoint:
        stacks = served_s3.client(endpoint, "cloudformation")
        stacks.create_stack(
            StackName="d", TemplateBody=json.dumps(part), Parameters=[{"ParameterKey": "District", "ParameterValue": "elm"}]
        )
        assert stacks.describe_stacks(StackName="d")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
        s3, sqs = served_s3.client(endpoint), served_s3.client(endpoint, "sqs")
        (bucket,) = (b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith("elm-"))
        assert bucket.startswith("elm-learning-analytics-")
        queue = sqs.get_queue_url(QueueName="elm-arrivals")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        # moto makes the bucket without its notifications: they are set here, as the template has them
        (written,) = template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
        rules = [{"Name": rule["Name"], "Value": rule["Value"]} for rule in written["Filter"]["S3Key"]["Rules"]]
        notified = {"QueueArn": arn, "Events": [written["Event"]], "Filter": {"Key": {"FilterRules": rules}}}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [notified]})
        s3.put_object(Bucket=bucket, Key="landing/sis/a file.csv", Body=b"x")
        s3.put_object(Bucket=bucket, Key="lake/t/part.parquet", Body=b"x")
        told = [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])]
        keys = [record["s3"]["object"]["key"] for message in told for record in message.get("Records", [])]
        assert [unquote_plus(key) for key in keys] == ["landing/sis/a file.csv"]
        described = served_s3.client(endpoint, "kinesis").describe_stream_summary(StreamName="elm-events")["StreamDescriptionSummary"]
        assert described["StreamStatus"] == "ACTIVE"


def test_the_file_for_dagster_plus_is_one_that_dagster_plus_reads() -> None:
    (location,) = load_dagster_cloud_yaml((PROJECT / "dagster_cloud.yaml").read_text()).locations
    assert (location.location_name, location.code_source.module_name) == ("learning_analytics", "la_assets.definitions")
    assert location.build is not None
    assert (PROJECT / (location.build.directory or "") / "Dockerfile").is_file()


def test_every_file_that_the_image_copies_is_there_and_let_through() -> None:
    let_through = [line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        source for line in (PROJECT / "Dockerfile").read_text().splitlines() if line.startswith("COPY") for source in line.split()[1:-1]
    ]
    for source in copied:
        assert (PROJECT / source).exists()
        assert any(source == allowed or source.startswith(f"{allowed}/") for allowed in let_through), source


def test_the_deployed_instance_runs_on_postgres_with_logs_in_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance's own file, but for the launcher, which needs ECS: a real PostgreSQL and S3 protocol behind it."""
    postgres = Postgres(tmp_path)
    postgres.start()
    try:
        postgres.create("dagster", "dagster", "of the tests")
        with served_s3.served() as endpoint:
            bucket = served_s3.new_bucket(endpoint)
            told = {"DAGSTER_POSTGRES_HOST": "127.0.0.1", "DAGSTER_POSTGRES_USER": "dagster", "DAGSTER_POSTGRES_PASSWORD": "of the tests",
                    "DAGSTER_POSTGRES_DB": "dagster", "LA_BUCKET": bucket, **served_s3.ENVIRONMENT}  # fmt: skip
            for name, value in told.items():
                monkeypatch.setenv(name, value)
            config = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
            assert config.pop("run_launcher")["class"] == "EcsRunLauncher"
            config["storage"]["postgres"]["postgres_db"]["port"] = postgres.port
            config["compute_logs"]["config"]["endpoint_url"] = endpoint
            home = tmp_path / "home"
            home.mkdir()
            (home / "dagster.yaml").write_text(yaml.safe_dump(config))

            @dg.asset
            def said() -> int:
                print("a line for the log")
                return 1

            with dg.DagsterInstance.from_config(str(home)) as instance:
                result = dg.materialize([said], instance=instance, resources={"io_manager": dg.mem_io_manager})
                assert result.success
                assert instance.get_run_by_id(result.run_id).is_success  # type: ignore[union-attr]
            logs = [o["Key"] for o in served_s3.client(endpoint).list_objects_v2(Bucket=bucket, Prefix="dagster-logs/").get("Contents", [])]
            assert any(key.endswith(".out") for key in logs)
    finally:
        postgres.stop()


def test_the_code_server_of_the_image_starts(tmp_path: Path) -> None:
    """The image's own command, with the settings of a task, asked for the code location over its port."""
    from tests.redshift_server.postgres import free_port

    line = next(line for line in (PROJECT / "Dockerfile").read_text().splitlines() if line.startswith("CMD"))
    port = free_port()
    command = [part if part != "4000" else str(port) for part in json.loads(line.removeprefix("CMD"))]
    environment = {**os.environ, **served_s3.ENVIRONMENT, "LA_ENVIRONMENT": "aws", "LA_BUCKET": "b", "DAGSTER_HOME": str(tmp_path)}
    server = subprocess.Popen([str(Path(sys.executable).with_name(command[0])), *command[1:]], env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            check = [str(Path(sys.executable).with_name("dagster")), "api", "grpc-health-check", "--port", str(port)]
            if subprocess.run(check, capture_output=True, check=False, env=environment).returncode == 0:
                return
            assert server.poll() is None
        pytest.fail("it did not answer")
    finally:
        server.terminate()
        server.wait(30)


def test_the_costs_of_the_page_are_those_of_the_prices() -> None:
    spec = importlib.util.spec_from_file_location("monthly_cost", DEPLOY / "monthly_cost.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.table() in (PROJECT / "docs" / "deployment.md").read_text()
    small, large = (sum(module.monthly(size).values()) for size in (5_000, 1_000_000))
    assert small < large < 3_000

"""What a district pays AWS a month with ``cloudformation.yaml``, by its size: ``python deploy/monthly_cost.py``.

Sizes are linear in students, from what was measured at 50,000 students with five school years: 1.5 GB of lake, 3.4 GB of landing files,
a minute of a two-core machine for a day's arrivals and three for a night. Prices stand in ``prices.yaml``.
"""

from __future__ import annotations

from pathlib import Path

import yaml

SIZES = (5_000, 50_000, 250_000, 1_000_000)
HOURS = 730
MEASURED_AT, LAKE_GB, LANDING_GB = 50_000, 1.5, 3.4
YEARS, KEPT_VERSIONS = 5, 30
DASHBOARD_HOURS, SCHOOL_DAYS = 4, 22
RUN_START_HOURS, DAY_HOURS, NIGHT_HOURS = 2 / 60, 1 / 60, 3 / 60


def prices() -> dict[str, float]:
    """US dollars by what is sold."""
    told = yaml.safe_load(Path(__file__).with_name("prices.yaml").read_text())
    return {name: float(each["price"]) for name, each in told.items()}


def monthly(students: int) -> dict[str, float]:
    """US dollars a month by service, for a district of so many students.

    Old versions of the year in progress are kept for thirty days; a large district runs on the same task, for longer.
    """
    p, share = prices(), students / MEASURED_AT
    stored = share * (LAKE_GB + LANDING_GB + KEPT_VERSIONS * LAKE_GB / YEARS)
    runs = 30 * (2 * RUN_START_HOURS + share * (DAY_HOURS + NIGHT_HOURS))
    loads = 30 * (0.25 + 0.05 * share)
    rpu = 8 if students <= 250_000 else 32
    return {
        "Dagster: UI, daemon, code (2 vCPU, 8 GB)": HOURS * (2 * p["fargate_vcpu_hour"] + 8 * p["fargate_gb_hour"]),
        "Dagster: runs (4 vCPU, 16 GB)": runs * (4 * p["fargate_vcpu_hour"] + 16 * p["fargate_gb_hour"]),
        "Run history (PostgreSQL)": HOURS * p["postgres_hour"] + 50 * p["postgres_gb_month"],
        "Redshift Serverless": rpu * (SCHOOL_DAYS * DASHBOARD_HOURS + loads) * p["redshift_rpu_hour"]
        + share * LAKE_GB * p["redshift_gb_month"],
        "Events (Kinesis)": HOURS * p["kinesis_stream_hour"],
        "Files (S3)": stored * p["s3_gb_month"] + 30 * p["s3_thousand_puts"],
        "Network (one NAT gateway)": HOURS * p["nat_hour"],
        "Secrets, key, alarms, logs": 3 * p["secret_month"] + p["key_month"] + 5 * p["alarm_month"] + 5 * p["logs_gb"],
    }


def table() -> str:
    """The costs as a Markdown table."""
    costs = {size: monthly(size) for size in SIZES}
    lines = ["| | " + " | ".join(f"{size:,} students" for size in SIZES) + " |", "|---|" + "---:|" * len(SIZES)]
    lines += [f"| {item} | " + " | ".join(f"{costs[size][item]:,.0f}" for size in SIZES) + " |" for item in costs[SIZES[0]]]
    lines.append("| **US dollars a month** | " + " | ".join(f"**{sum(costs[size].values()):,.0f}**" for size in SIZES) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())

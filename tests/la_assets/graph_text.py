"""The asset graph as text, kept in `graph.txt`, so that a change of the graph is seen in a review.

`PYTHONPATH=src python -m tests.la_assets.graph_text` (in the project's environment) writes it anew.
"""

from pathlib import Path

from la_assets.definitions import defs

SNAPSHOT = Path(__file__).with_name("graph.txt")


def graph_text() -> str:
    """A line per table with its group, a line with its inputs, a line with its checks; then jobs, schedules and sensors."""
    graph = defs.resolve_asset_graph()
    lines = []
    for key in sorted(graph.materializable_asset_keys):
        node = graph.get(key)
        lines.append(f"{'.'.join(key.path)}  [{node.group_name}]")
        if node.parent_keys:
            lines.append("  from    " + ", ".join(sorted(".".join(parent.path) for parent in node.parent_keys)))
        if node.check_keys:
            lines.append("  checks  " + ", ".join(sorted(check.name for check in node.check_keys)))
    lines += ["", "jobs       " + ", ".join(sorted(job.name for job in defs.jobs))]
    lines.append("schedules  " + ", ".join(sorted(schedule.name for schedule in defs.schedules)))
    lines.append("sensors    " + ", ".join(sorted(sensor.name for sensor in defs.sensors)))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(graph_text())

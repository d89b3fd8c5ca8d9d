"""What a worker of the Celery executor loads: ``celery -A la_resources.step_worker worker --queues dagster``.

Dagster's own task with this project's settings; what a step gives back (with previews of rows) does not stand in the worker's log. A
worker has the environment of the run (``LA_*``, the history's address): a step loads the code location as it is on the worker's
machine, so all machines run the same version.
"""

from __future__ import annotations

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from la_resources.executors import celery_settings

app = make_app(celery_settings())
execute_plan = create_task(app, resultrepr_maxsize=0)

"""What Airflow makes of a folder of DAGs, as JSON: python airflow_dags.py FOLDER OUT"""

import json
import sys
import time
import warnings

warnings.simplefilter("error")

import yaml  # noqa: E402
from airflow.dag_processing.dagbag import BundleDagBag  # noqa: E402

folder, out = sys.argv[1:]
begun = time.process_time()
bag = BundleDagBag(folder, bundle_path=folder, bundle_name="dags-folder")
seconds = time.process_time() - begun
import retune_dags  # noqa: E402


def described(task):
    return {
        "type": task.task_type,
        "pool": task.pool,
        "retries": task.retries,
        "backoff": task.retry_exponential_backoff,
        "timeout_hours": task.execution_timeout.total_seconds() / 3600,
        "owner": task.owner,
        "documented": bool(task.doc_md) if task.task_type == "RetuneOperator" else None,
        "upstream": sorted(task.upstream_task_ids),
        "mapped": task.get_closest_mapped_task_group() is not None,
        "outlets": [outlet.name for outlet in task.outlets],
    }


def assets(dag):
    condition = getattr(dag.timetable, "asset_condition", None)
    return sorted(asset.uri for asset in getattr(condition, "objects", [condition] if condition else []))


with open(out, "w") as file:
    json.dump(
        {
            "seconds": seconds,
            "defaults": yaml.safe_load(retune_dags.SETTINGS.read_text()) == retune_dags.DEFAULTS,
            "errors": bag.import_errors,
            "warnings": bag.captured_warnings,
            "dags": {
                dag.dag_id: {
                    "schedule": type(dag.timetable).__name__,
                    "assets": assets(dag),
                    "catchup": dag.catchup,
                    "max_active_runs": dag.max_active_runs,
                    "tags": sorted(dag.tags),
                    "documented": bool(dag.doc_md and dag.description),
                    "tasks": {task.task_id: described(task) for task in dag.tasks},
                }
                for dag in bag.dags.values()
            },
        },
        file,
    )

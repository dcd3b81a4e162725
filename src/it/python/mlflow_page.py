"""What an MLflow server has of a run of ours, read with MLflow's own Python client: mlflow_page.py SERVER RUN OUT."""

import hashlib
import json
import pathlib
import sys
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType


def digests(uri):
    """SHA-256 of each file under an artifact URI, as the client downloads it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            home = pathlib.Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder))
        except mlflow.exceptions.MlflowException:
            return {}
        files = [file for file in home.rglob("*") if file.is_file()]
        return {
            file.relative_to(home).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in files
        }


def page(client, run):
    info, data = run.info, run.data
    metrics = {}
    if info.lifecycle_stage == "active":
        for key in data.metrics:
            history = client.get_metric_history(info.run_id, key)
            metrics[key] = sorted([m.step, m.timestamp, repr(m.value)] for m in history)
    models = client.search_logged_models([info.experiment_id])
    models = [m for m in models if m.source_run_id == info.run_id]
    versions = client.search_model_versions(f"run_id = '{info.run_id}'")
    versions = [client.get_model_version(v.name, v.version) for v in versions]
    return {
        "id": info.run_id,
        "stage": info.lifecycle_stage,
        "status": info.status,
        "start": info.start_time,
        "end": info.end_time,
        "name": info.run_name,
        "tags": data.tags,
        "params": data.params,
        "metrics": metrics,
        "inputs": [
            {
                "name": i.dataset.name,
                "digest": i.dataset.digest,
                "source": i.dataset.source,
                "context": {t.key: t.value for t in i.tags},
            }
            for i in run.inputs.dataset_inputs
        ],
        "artifacts": digests(f"runs:/{info.run_id}/"),
        "models": [
            {"name": m.name, "status": str(m.status), "files": digests(f"models:/{m.model_id}")}
            for m in models
        ],
        "outputs": len(run.outputs.model_outputs) if run.outputs else 0,
        "versions": [
            {"name": v.name, "version": int(v.version), "aliases": list(v.aliases)} for v in versions
        ],
    }


def main(server, run, out):
    mlflow.set_tracking_uri(server)
    client = MlflowClient()
    experiments = [e.experiment_id for e in client.search_experiments(view_type=ViewType.ALL)]
    found = client.search_runs(
        experiments, f"tags.`retune.run` = '{run}'", run_view_type=ViewType.ALL
    )
    pathlib.Path(out).write_text(json.dumps([page(client, r) for r in found], sort_keys=True))


main(*sys.argv[1:])

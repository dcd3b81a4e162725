"""
Two DAGs, made of ``retune_dags.yaml`` beside this file: a dataset's new version trains what is trained on it.

``retune_ingest`` brings datasets into the store, and tells a new version to who waits for its Asset. ``retune_tune`` waits for
it: prepare, finetune and evaluate for each configuration, on the very version that was told. How to install and to run
them, and what happens when something dies: README.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import yaml
from airflow.sdk import DAG, Asset, AssetAlias, Param, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from retune_airflow import RetuneOperator

HERE = Path(__file__).resolve().parent
SETTINGS = HERE / "retune_dags.yaml"

# As many slots as trainings, or scorings, may run side by side: one for each GPU, or for what memory and cores allow.
TRAINING_POOL = "retune_training"

# As many slots as there is room for imports and preparations, a JVM of 3 GB each.
DATA_POOL = "retune_data"

# The same for every try of a task and after it was cleared, another for every other run: a retry goes on, and begins nothing.
REQUEST = "{{ dag.dag_id }}/{{ run_id }}/finetune/{{ ti.map_index }}"

DEFAULTS: dict[str, Any] = {
    "home": None,
    "store": "./retune-store",
    "store-name": None,
    "site": None,
    "spark-options": [],
    "owner": "retune",
    "retries": 5,
    "retry-seconds": 60,
    "ingest": {"schedule": "@daily", "datasets": {"wordnet": "conf/runs/quickstart.conf"}},
    "tune": {
        "configurations": {"conf/runs/quickstart.conf": ["wordnet"]},
        "options": [],
        "require": "better",
        "hours": 72,
    },
}


def with_defaults(given: Mapping[str, Any], defaults: Mapping[str, Any], place: str) -> dict[str, Any]:
    if unknown := sorted(set(given) - set(defaults)):
        raise ValueError(f"{SETTINGS}: {place} has no key {unknown[0]!r}. It has: {', '.join(defaults)}.")
    return {**defaults, **given}


def settings() -> dict[str, Any]:
    given = with_defaults(yaml.safe_load(SETTINGS.read_text()) or {}, DEFAULTS, "the file")
    for part in ("ingest", "tune"):
        given[part] = with_defaults(given[part], DEFAULTS[part], part)
    if not given["ingest"]["datasets"]:
        raise ValueError(f"{SETTINGS}: ingest.datasets is empty. Name one, with a configuration that says where it comes from.")
    for configuration, names in given["tune"]["configurations"].items():
        if unknown := sorted(set(names) - set(given["ingest"]["datasets"])):
            raise ValueError(f"{SETTINGS}: {configuration} is to be trained on {unknown[0]!r}, which ingest.datasets has not.")
    return given


GIVEN = settings()
HOME = Path(GIVEN["home"] or HERE.parent.parent)
STORE = HOME / GIVEN["store"]
URI = f"retune://{GIVEN['store-name'] or STORE.name}"

DATASETS = {name: Asset(uri=f"{URI}/datasets/{name}") for name in GIVEN["ingest"]["datasets"]}

# Which adapters a run has made is known when it has: an Asset retune://STORE/adapters/NAME for each name of a configuration.
ADAPTERS = AssetAlias(f"adapters of {URI}")

PLACE = {
    "home": HOME,
    "store": str(STORE),
    "site": GIVEN["site"],
    "spark_options": GIVEN["spark-options"],
}

DEFAULT_ARGS = {
    "owner": GIVEN["owner"],
    "retries": GIVEN["retries"],
    "retry_delay": timedelta(seconds=GIVEN["retry-seconds"]),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(hours=1),
    "execution_timeout": timedelta(hours=12),
}


def newest(events: Iterable[Any], version: int | None = None) -> dict[str, Any] | None:
    """What the newest of an Asset's events, the newest first, tells of a version, or of that version."""
    for event in events:
        if "version" in event.extra and version in (None, event.extra["version"]):
            return dict(event.extra)
    return None


def announce_version(context: Mapping[str, Any], result: dict[str, Any]) -> None:
    """An event for a version that is not what the last event told: a try that died before it could tell it is made up for."""
    name = context["task"].task_id
    version = result["datasets"][name]
    asset = DATASETS[name]
    told = newest(context["inlet_events"][asset].ascending(False).limit(100))
    if told is not None and told["version"] == version["version"]:
        context["ti"].xcom_push("return_value", result)
        raise AirflowSkipException(f"{asset.uri} is still at version {version['version']}: nothing to tell.")
    context["outlet_events"][asset].extra = {
        key: version[key] for key in ("version", "root_sha256", "rows", "source_sha256")
    }


def announce_adapter(context: Mapping[str, Any], result: dict[str, Any]) -> None:
    ti = context["ti"]
    trained = ti.xcom_pull(task_ids="finetune", map_indexes=ti.map_index)
    context["outlet_events"][ADAPTERS].add(
        Asset(uri=f"{URI}/adapters/{trained['name']}"),
        extra={
            "run": result["run"],
            "request": trained["request"],
            "adapter": trained["adapter"],
            "weights_sha256": trained["weights_sha256"],
            "verdict": result["verdict"],
            "before": result["before"],
            "after": result["after"],
            "versions": {name: version["version"] for name, version in context["task"].versions.items()},
        },
    )


with DAG(
    "retune_ingest",
    description="Bring datasets into Retune's store and tell new versions.",
    doc_md=__doc__,
    schedule=GIVEN["ingest"]["schedule"],
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={
        "options": Param(
            [],
            type="array",
            items={"type": "string"},
            description="More for retune ingest: --set, data.datasets.NAME.sha256=... for bytes that the configuration does not name yet.",
        )
    },
    render_template_as_native_obj=True,
    tags=["retune", "data"],
):
    for name, configuration in GIVEN["ingest"]["datasets"].items():
        RetuneOperator(
            task_id=name,
            doc_md=f"`retune ingest {configuration} --dataset {name}`; skipped where its version is no new one.",
            verb="ingest",
            configuration=configuration,
            options="{{ ['--dataset', task.task_id] + params.options }}",
            **PLACE,
            inlets=[DATASETS[name]],
            outlets=[DATASETS[name]],
            post_execute=announce_version,
            pool=DATA_POOL,
        )


with DAG(
    "retune_tune",
    description="Prepare, fine-tune and evaluate on the version of a dataset that was told.",
    doc_md=__doc__,
    schedule=reduce(or_, DATASETS.values()),
    max_active_runs=4,
    default_args=DEFAULT_ARGS,
    params={
        "configurations": Param(
            list(GIVEN["tune"]["configurations"]),
            type="array",
            items={"type": "string", "enum": list(GIVEN["tune"]["configurations"])},
            minItems=1,
            description="What is trained, a chain of tasks for each.",
        ),
        "versions": Param(
            {},
            type="object",
            properties={name: {"type": "integer", "minimum": 1} for name in DATASETS},
            additionalProperties=False,
            description="Of datasets, by name, such as {\"wordnet\": 1}; left out: what was told last.",
        ),
    },
    tags=["retune", "training"],
):

    @task(inlets=list(DATASETS.values()), pool=DATA_POOL)
    def choose(params=None, dag_run=None, triggering_asset_events=None, inlet_events=None) -> list[dict[str, Any]]:
        """What is trained on which versions; the same whenever it is asked again for this run."""
        triggering = {name: triggering_asset_events.get(asset) for name, asset in DATASETS.items()}

        def version(name: str) -> dict[str, Any]:
            asked = params["versions"].get(name)
            if triggering[name] and asked is None:
                told = newest(sorted(triggering[name], key=lambda event: event.timestamp, reverse=True))
            else:
                before = inlet_events[DATASETS[name]].ascending(False).before(dag_run.run_after.isoformat())
                told = newest(before, asked)
            if told is None and asked is None:
                raise AirflowFailException(
                    f"No version of {name} was told so far. Run retune_ingest, or say which: {{\"versions\": {{\"{name}\": 1}}}}."
                )
            return told or {"version": asked}

        chosen = [
            {"configuration": configuration, "versions": {name: version(name) for name in names}}
            for configuration, names in GIVEN["tune"]["configurations"].items()
            if configuration in params["configurations"]
            and (not any(triggering.values()) or any(triggering[name] for name in names))
        ]
        print("\n".join(f"{it['configuration']} on {it['versions']}" for it in chosen))
        return chosen

    @task_group(prefix_group_id=False)
    def tune(configuration: str, versions: dict[str, dict[str, Any]]) -> None:
        common = {
            "configuration": configuration,
            "versions": versions,
            **PLACE,
            "map_index_template": "{{ task.configuration }}",
        }
        scoring = {"request": REQUEST, "options": GIVEN["tune"]["options"], "pool": TRAINING_POOL}
        prepare = RetuneOperator(
            task_id="prepare",
            doc_md="`retune plan`: rows to examples, examples to steps; what is there is not made again.",
            verb="plan",
            pool=DATA_POOL,
            **common,
        )
        finetune = RetuneOperator(
            task_id="finetune",
            doc_md="`retune finetune --request DAG/RUN/finetune/INDEX`: a retry goes on from the last checkpoint.",
            verb="finetune",
            execution_timeout=timedelta(hours=GIVEN["tune"]["hours"]),
            **common,
            **scoring,
        )
        require = GIVEN["tune"]["require"]
        evaluate = RetuneOperator(
            task_id="evaluate",
            doc_md="`retune evaluate`: the same scores once more, bit for bit, and what is required of them.",
            verb="evaluate",
            outlets=[ADAPTERS],
            post_execute=announce_adapter,
            **common,
            **{**scoring, "options": [*scoring["options"], *(["--require", require] if require else [])]},
        )
        prepare >> finetune >> evaluate

    tune.expand_kwargs(choose())

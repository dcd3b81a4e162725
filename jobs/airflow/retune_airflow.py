"""Retune as a task of Airflow 3: one operator, and what its exit codes mean to a scheduler."""

from __future__ import annotations

import codecs
import json
import os
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context

DONE = 0

# Asking again gives the same answer: a defect, bad input, a check that did not hold.
FINAL = {1, 2, 4}

# The next try goes on from the last checkpoint, or finds the lease free. Negative: ended by that signal.
MEANING = {
    3: "it failed and can be resumed",
    5: "another driver holds the run",
    130: "it was interrupted",
    143: "it was interrupted",
}

# The driver is told to end when the process that started it is gone, whatever that died of: prctl(PR_SET_PDEATHSIG),
# which exec keeps, and so reach the JVM behind ./retune and spark-submit. A program of its own, since code between fork
# and exec of a process with threads may deadlock. That process may have died before the call: then nothing is started.
ENDS_WITH_ITS_TASK = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
if hasattr(libc, "prctl"):
    libc.prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit(143)
os.execv(sys.argv[2], sys.argv[2:])
"""


class RetuneOperator(BaseOperator):
    """
    A verb of Retune: ``./retune VERB CONFIGURATION ... --json`` on the worker, or ``jobs/submit.sh`` on a Spark cluster.

    What it says goes to the task's log as it is said. The JSON object that it ends with is the task's XCom.

    =========  ==================================  ==========================
    exit code  what it says                        what becomes of the task
    =========  ==================================  ==========================
    0          done                                success
    1          a defect of Retune                  failed
    2          bad input                           failed
    3          failed, can be resumed              retried
    4          a check did not hold                failed
    5          another driver holds the run        retried
    130, 143   interrupted                         retried
    others     killed, or Retune was not reached   retried
    =========  ==================================  ==========================

    A retry continues a run, and never begins a second one, if ``request`` is the same for all tries of the task and for
    no other: made of DAG, run, task and map index, without the number of the try.

    One driver at a time. ``on_kill`` (a timeout, "mark failed", a worker that shuts down) sends the driver's process
    group SIGTERM, and SIGKILL after ``grace_seconds``. A driver whose task process was killed is told to end by the
    kernel, and one whose supervisor was, by its task process, since nobody would stop it otherwise. On Linux; elsewhere,
    and in Spark's cluster mode, where the driver is another host's, it goes on, and the run's lease is what holds: the
    next try ends with 5 until the first driver has.

    No secret is an argument, so none is on a command line or in the log. Retune reads them where its site says, from files
    or from variables of the environment: the worker's, and those of ``environment``. Airflow's own variables, the
    connections to its database among them, are not passed on.

    :param verb: ingest, plan, finetune, evaluate or another that takes a configuration and ``--json`` (templated)
    :param configuration: a file, from ``home`` or in full (templated)
    :param versions: of the datasets, by name: ``{"version": 3, "source_sha256": "..."}``, as an Asset's event has them;
        the digest may be left out where the configuration pins the same bytes (templated)
    :param request: what a retry is recognised by (templated)
    :param options: more of what the verb takes (templated)
    :param store: a folder (templated)
    :param site: a file, from ``home`` or in full (templated)
    :param home: the folder of Retune, with ``retune`` and ``jobs/submit.sh``
    :param spark_options: what spark-submit takes; none: on the worker itself (templated)
    :param environment: more for the environment; ``{{ conn.mlflow.password }}`` is a secret that Airflow keeps (templated)
    :param grace_seconds: between SIGTERM and SIGKILL. Airflow itself kills the task process of a task that is marked 5
        seconds after it has told it; the driver then still has what it takes to end by itself.
    """

    template_fields: Sequence[str] = (
        "verb",
        "configuration",
        "versions",
        "request",
        "options",
        "store",
        "site",
        "spark_options",
        "environment",
    )
    template_fields_renderers = {"versions": "json", "options": "json", "environment": "json"}
    ui_color = "#e6f0e6"

    def __init__(
        self,
        *,
        verb: str,
        configuration: str,
        home: str | Path,
        versions: Mapping[str, Mapping[str, Any]] | None = None,
        request: str | None = None,
        options: Sequence[str] = (),
        store: str | None = None,
        site: str | None = None,
        spark_options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        grace_seconds: float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.verb = verb
        self.configuration = configuration
        self.home = str(home)
        self.versions = versions
        self.request = request
        self.options = options
        self.store = store
        self.site = site
        self.spark_options = spark_options
        self.environment = environment
        self.grace_seconds = grace_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._kill_at: float | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        command = self.command()
        self.log.info("%s", shlex.join(command))
        with tempfile.TemporaryFile() as stdout:
            code = self._run(command, stdout)
            stdout.seek(0)
            return self._outcome(code, _last_object(stdout.read().decode(errors="replace")))

    def command(self) -> list[str]:
        """What is run, in ``home``."""
        home = Path(self.home)
        if self.spark_options:
            command = [str(home / "jobs" / "submit.sh"), *self.spark_options, "--"]
        else:
            command = [str(home / "retune")]
        command += [self.verb, self.configuration]
        for name, version in sorted((self.versions or {}).items()):
            command += ["--version", f"{name}={version['version']}"]
            if version.get("source_sha256"):
                command += ["--set", f"data.datasets.{name}.sha256={version['source_sha256']}"]
        for option, value in (("--request", self.request), ("--store", self.store), ("--site", self.site)):
            if value:
                command += [option, str(value)]
        return [*command, *self.options, "--json"]

    def on_kill(self) -> None:
        """Runs as the handler of SIGTERM in the middle of :meth:`execute`, which then waits for the driver's end."""
        if self._process is not None and self._process.returncode is None and self._kill_at is None:
            self.log.warning("Told to end; telling the driver.")
            self._kill_at = time.monotonic() + self.grace_seconds
            self._signal(signal.SIGTERM)

    def _run(self, command: list[str], stdout: IO[bytes]) -> int:
        supervisor = os.getppid()
        self._kill_at = None
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", ENDS_WITH_ITS_TASK, str(os.getpid()), *command],
            cwd=self.home,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        lines = _Lines(lambda line: self.log.info("%s", line))
        try:
            self._follow(lines, supervisor)
        finally:
            # A timeout of Airflow's is an exception in the middle of it: the driver is still there.
            self.on_kill()
            self._follow(lines, None)
            lines.close()
            self._process.stderr.close()
        return self._process.returncode

    def _follow(self, lines: _Lines, supervisor: int | None) -> None:
        """Passes on what the driver says until it has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stderr, selectors.EVENT_READ)
            while True:
                ended = self._process.poll() is not None
                said = b""
                if selector.get_map() and selector.select(timeout=0 if ended else 0.5):
                    said = os.read(self._process.stderr.fileno(), 1 << 16)
                    if not said:
                        selector.unregister(self._process.stderr)
                elif not selector.get_map() and not ended:
                    time.sleep(0.1)
                lines.add(said)
                # Of executors that outlive it for a moment nothing is awaited.
                if ended and not said:
                    return
                if self._kill_at is not None and time.monotonic() > self._kill_at:
                    self._signal(signal.SIGKILL)
                if supervisor is not None and os.getppid() != supervisor:
                    raise AirflowException("The supervisor of this task is gone, so nobody could stop it: it ends.")

    def _signal(self, number: signal.Signals) -> None:
        # It leads a session, so its process group has its number, which is no other's before it has been waited for.
        if self._process.returncode is None:
            os.killpg(self._process.pid, number)

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "_AIRFLOW_"))}
        return kept | {k: str(v) for k, v in (self.environment or {}).items()}

    def _outcome(self, code: int, result: dict[str, Any] | None) -> dict[str, Any]:
        what = f"retune {self.verb} ended with exit code {code}"
        if code == DONE:
            if result is None or "error" in result:
                raise AirflowFailException(f"{what}, but not with a JSON object.")
            return result
        problems = "".join(
            f"\n{it['place']}: {it['message']} [{it['code']}]\n  {it['remedy']}"
            for it in ((result or {}).get("error") or {}).get("problems", [])
        )
        # 1 is also what spark-submit and Java end with where Retune was not reached: then there is no word of it.
        if code in FINAL and not (code == 1 and result is None):
            raise AirflowFailException(f"{what}.{problems}")
        meaning = MEANING.get(code, "it was killed, or did not start")
        raise AirflowException(f"{what}: {meaning}. The same request goes on.{problems}")


class _Lines:
    """Bytes as they come, given on line by line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def add(self, said: bytes) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(said)).split("\n")
        for line in lines:
            self._say(line.rstrip("\r"))

    def close(self) -> None:
        if self._rest:
            self._say(self._rest)
            self._rest = ""


def _last_object(stdout: str) -> dict[str, Any] | None:
    for line in reversed(stdout.splitlines()):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError:
                return None
            return value if isinstance(value, dict) else None
    return None

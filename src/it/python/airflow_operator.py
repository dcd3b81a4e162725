"""
RetuneOperator with programs in the place of Retune, which show what it was given and end as they are told:
python airflow_operator.py FOLDER_OF_DAGS FOLDER OUT
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

dags, folder, out = sys.argv[1:]
sys.path.insert(0, dags)

from airflow.sdk.execution_time.timeout import timeout  # noqa: E402
from retune_airflow import RetuneOperator  # noqa: E402

SECRET = "hunter2-of-a-test"
HOME = Path(folder)

# What Retune does with JSON, stderr and exit codes; the last argument but --json says what else.
PROGRAM = f"""#!{sys.executable}
import json, os, signal, sys, time
from pathlib import Path
what = sys.argv[-2]
def ends(number, frame):
    Path("told").write_text(signal.Signals(number).name)
    if what != "deaf":
        sys.exit(143)
if what in ("waits", "deaf"):
    signal.signal(signal.SIGTERM, ends)
    Path("pid").write_text(str(os.getpid()))
    for _ in range(600):
        time.sleep(0.1)
    sys.exit(9)
print("on the way to the answer")
print("sträßchen", file=sys.stderr)
print("the last line, without an end", end="", file=sys.stderr, flush=True)
code = int(what)
if code == 0:
    environment = sorted(name for name in os.environ if "AIRFLOW" in name)
    print(json.dumps({{"arguments": sys.argv, "airflow": environment, "secret": os.environ.get("A_SECRET")}}))
elif code < 64:
    problem = {{"place": "a.conf:1", "message": "is wrong.", "code": "a-code", "remedy": "Write it right."}}
    print(json.dumps({{"error": {{"exit": code, "problems": [problem]}}}}))
sys.exit(code if code < 64 else code - 64)
"""

(HOME / "jobs").mkdir()
for program in (HOME / "retune", HOME / "jobs" / "submit.sh"):
    program.write_text(PROGRAM)
    program.chmod(0o755)


def operator(what, **more):
    return RetuneOperator(
        task_id="finetune", home=HOME, verb="finetune", configuration="conf/a.conf", options=[what],
        environment={"A_SECRET": SECRET}, **more,
    )  # fmt: skip


def ended(task):
    try:
        return task.execute({})
    except BaseException as e:
        return f"{type(e).__name__}: {e}"


def wait_for(name):
    while not (HOME / name).exists() or not (HOME / name).read_text():
        time.sleep(0.05)
    return (HOME / name).read_text()


def forget():
    for name in ("told", "pid"):
        (HOME / name).unlink(missing_ok=True)


def gone(pid, within):
    for _ in range(int(within * 20)):
        try:
            # A child of nobody's may stay a zombie where process 1 does not wait for it.
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def in_a_process(what, then):
    """The operator in a process of its own, as Airflow has it: what ``then`` comes to, and how its driver ended."""
    forget()
    supervisor = os.fork()
    if supervisor == 0:
        task = os.fork()
        if task == 0:
            runs = operator(what, grace_seconds=1)
            signal.signal(signal.SIGTERM, lambda number, frame: runs.on_kill())
            (HOME / "end").write_text(ended(runs))
            os._exit(0)
        (HOME / "task").write_text(str(task))
        os.waitpid(task, 0)
        os._exit(0)
    (HOME / "end").unlink(missing_ok=True)
    driver = int(wait_for("pid"))
    then(int(wait_for("task")), supervisor)
    over = gone(driver, 20)
    os.waitpid(supervisor, 0)
    if over and what == "waits":
        wait_for("told")
    return {
        "gone": over,
        "told": (HOME / "told").read_text(),
        "end": None if then is kill_task else wait_for("end"),
    }


def kill_task(task, supervisor):
    os.kill(task, signal.SIGKILL)


def kill_supervisor(task, supervisor):
    os.kill(supervisor, signal.SIGKILL)


def terminate_task(task, supervisor):
    os.kill(task, signal.SIGTERM)


os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = SECRET
versions = {"words": {"version": 3, "source_sha256": "ab" * 32}, "more": {"version": 1}}
whole = dict(versions=versions, request="a/b", store="/data/store", site="jobs/sites/laptop.conf")
found = {
    "here": ended(operator("0", **whole)),
    "on a cluster": ended(operator("0", **whole, spark_options=["--master", "yarn"])),
    # From 64 on without a word of Retune's: 0, 1 and 2, and as if it were killed.
    "exits": {code: ended(operator(str(code))) for code in (1, 2, 3, 4, 5, 64, 65, 66, 64 + 137)},
}
forget()
try:
    with timeout(2):
        operator("waits").execute({})
except BaseException as e:
    found["timeout"] = {"raised": type(e).__name__, "told": (HOME / "told").read_text(), "gone": gone(int(wait_for("pid")), 1)}
found["told to end"] = in_a_process("waits", terminate_task)
found["told to end and deaf"] = in_a_process("deaf", terminate_task)
found["its task is killed"] = in_a_process("waits", kill_task)
found["its supervisor is killed"] = in_a_process("waits", kill_supervisor)
Path(out).write_text(json.dumps(found))

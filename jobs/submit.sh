#!/usr/bin/env bash
# Runs Retune on a Spark cluster, in client or cluster mode, and ends with Retune's own exit code:
#
#   jobs/submit.sh SPARK-OPTION... -- COMMAND ARGUMENT...
#   jobs/submit.sh --properties-file jobs/profiles/standalone.properties --master spark://host:7077 -- run conf/runs/smoke.conf --store /shared/store
#
# Before the -- stands what spark-submit takes, after it what ./retune takes. spark-submit is taken from SPARK_HOME, or from PATH.
# RETUNE_JARS=DIR: Retune lies there on every host (as in deploy/Dockerfile), so nothing is shipped.
set -euo pipefail

die() {
  echo "$1" >&2
  exit 2
}

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

spark_options=()
deploy_mode=
in_conf=
properties=
defaults=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  # Spark takes --option=value, too.
  case $1 in
    --*=*) option=${1%%=*} value=${1#*=} ;;
    *) option=$1 value=${2:-} ;;
  esac
  case $option in
    --deploy-mode) deploy_mode=$value ;;
    --conf | -c) case $value in spark.submit.deployMode=*) in_conf=${value#*=} ;; esac ;;
    --jars) die "submit.sh says itself which jars are shipped; say others with --conf spark.driver.extraClassPath=... and spark.executor.extraClassPath=..." ;;
    --properties-file)
      [ -r "$value" ] || die "--properties-file $value: there is no such file. See jobs/profiles/."
      properties=$value
      ;;
    --load-spark-defaults) defaults=true ;;
  esac
  spark_options+=("$1")
  shift
done
[ "${1:-}" = -- ] || die "Write a -- between what spark-submit takes and what ./retune takes: jobs/submit.sh --master URL -- run CONF"
shift
[ $# -gt 0 ] || die "Say after the -- what is to be done, as to ./retune: jobs/submit.sh --master URL -- run CONF"

submit=${SPARK_HOME:+$SPARK_HOME/bin/}spark-submit
command -v "$submit" >/dev/null || die "spark-submit was not found. Set SPARK_HOME, or put it on PATH; pip install pyspark==4.1.3 has one."

# A driver on another host stands in another folder: files that are meant as seen from here are named in full.
absolute() { [ -z "$1" ] || realpath -m -- "$1"; }

# A store may be written as file:/shared/store. One that is on no disk is left as it is: Retune refuses it.
is_elsewhere() { [[ $1 =~ ^[A-Za-z][A-Za-z0-9+.-]*: && $1 != file:* ]]; }
path_of() { sed -E 's|^file:(//)?||' <<<"$1"; }

arguments=()
store=
before=
for argument in "$@"; do
  # --to=DIR says what --to DIR says.
  case $argument in
    --*=*) option=${argument%%=*} value=${argument#*=} written=$option= ;;
    *) option=$before value=$argument written= ;;
  esac
  case $option in
    --store)
      is_elsewhere "$value" || value=$(absolute "$(path_of "$value")")
      store=$value
      ;;
    --site | --data | --adapter | --to | --out | --html | --grads) value=$(absolute "$value") ;;
    --set | --request | --message | --use) ;;
    *) case $value in */* | *.*) [ ! -e "$value" ] || value=$(realpath -- "$value") ;; esac ;;
  esac
  arguments+=("$written$value")
  before=$argument
done

spark_home() {
  local home
  home=${SPARK_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v spark-submit)")")")}
  [ -d "$home/jars" ] || home=$(find_pyspark)
  echo "$home"
}

# pip puts a spark-submit on PATH that finds its distribution by Python.
find_pyspark() {
  "$(dirname "$(command -v spark-submit)")/python3" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))' 2>/dev/null ||
    die "Spark's folder was not found. Set SPARK_HOME."
}

# As Spark itself looks for it: what stands on the command line wins, and a file that is named over Spark's own.
deploy_mode_in() {
  [ ! -r "$1" ] || sed -nE 's/^[[:space:]]*spark\.submit\.deployMode[[:space:]=:]+([a-z]+).*/\1/p' "$1" | tail -1
}
deploy_mode=${deploy_mode:-${in_conf:-${properties:+$(deploy_mode_in "$properties")}}}
if [ -z "$deploy_mode" ] && { [ -z "$properties" ] || [ -n "$defaults" ]; }; then
  conf=${SPARK_CONF_DIR:-$(spark_home 2>/dev/null || true)/conf}
  deploy_mode=$(deploy_mode_in "$conf/spark-defaults.conf")
fi
deploy_mode=${deploy_mode:-${DEPLOY_MODE:-client}}

if [ -n "${RETUNE_JARS:-}" ]; then
  program=local://$RETUNE_JARS/retune.jar
  ours=(--conf "spark.driver.extraClassPath=$RETUNE_JARS/*" --conf "spark.executor.extraClassPath=$RETUNE_JARS/*")
else
  program=$root/target/retune.jar
  spark_jars=$(spark_home)/jars
  jars=$("$root/jobs/jars.sh" "$spark_jars")
  ours=(--jars "${jars//$'\n'/,}")
fi

run_client() {
  exec "$submit" "${spark_options[@]}" "${ours[@]}" --class io.retune.Retune "$program" "${arguments[@]}"
}

# There the driver's output and exit code stay with it, so it leaves both in the store; and spark-submit waits for it.
run_cluster() {
  [ -n "$store" ] || die "Cluster mode needs --store DIR after the --, a folder that all hosts see: there the driver leaves what it says and its exit code."
  ! is_elsewhere "$store" || die "--store $store: cluster mode needs a folder that all hosts see under the same path."
  local outcome
  outcome=$store/outcomes/$(date -u +%Y%m%dT%H%M%SZ)-$$-$RANDOM
  mkdir -p "$outcome"
  local log=$outcome/submit.log submitted=0
  "$submit" "${spark_options[@]}" "${ours[@]}" \
    --conf spark.standalone.submit.waitAppCompletion=true --conf spark.yarn.submit.waitAppCompletion=true \
    --conf spark.kubernetes.submission.waitAppCompletion=true \
    --class io.retune.Retune "$program" "${arguments[@]}" --outcome "$outcome" >"$log" 2>&1 || submitted=$?
  if [ ! -f "$outcome/exit" ]; then
    cat "$log" >&2
    if [ ! -f "$outcome/out" ]; then
      echo "The driver did not start; spark-submit's own lines are above. Nothing was trained." >&2
      # Of spark-submit's own exit codes none says that asking again is in vain, but that of its usage.
      [ "$submitted" = 2 ] || submitted=3
      exit "$submitted"
    fi
    cat "$outcome/out"
    cat "$outcome/err" >&2
    echo "The driver ended without an exit code: it was killed, or its host was lost. Ask again with the same --request to go on." >&2
    exit 3
  fi
  cat "$outcome/out"
  cat "$outcome/err" >&2
  exit "$(cat "$outcome/exit")"
}

case $deploy_mode in
  client) run_client ;;
  cluster) run_cluster ;;
  *) die "--deploy-mode $deploy_mode is not one: client, cluster." ;;
esac

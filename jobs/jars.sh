#!/usr/bin/env bash
# jobs/jars.sh SPARK_JARS: the jars of ours that a Spark distribution lacks, a path a line, whatever the versions. SPARK_JARS: its folder jars.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
spark_jars=$1

[ -f "$root/target/classpath.runtime" ] || {
  echo "Retune is not built yet: run ./retune --version once." >&2
  exit 2
}
[ -d "$spark_jars" ] || {
  echo "$spark_jars: there is no such folder. Name the folder jars of a Spark distribution." >&2
  exit 2
}

tr ':' '\n' <"$root/target/classpath.runtime" | while read -r jar || [ -n "$jar" ]; do
  name=$(basename "$jar" | sed -E 's/-[0-9][^-]*(-[0-9.]+)?(-linux.*|-osx.*)?\.jar$//')
  ls "$spark_jars/$name"-[0-9]*.jar >/dev/null 2>&1 || echo "$jar"
done

#!/usr/bin/env bash
# image/spark.sh PYSPARK TO: Spark's distribution out of the Python package PYSPARK, without Python: programs, jars, licences.
set -euo pipefail
pyspark=$1
to=$2

[ -d "$pyspark/jars" ] || {
  echo "$pyspark has no folder jars: name the folder pyspark of an installed package." >&2
  exit 2
}
mkdir -p "$to/bin" "$to/conf" "$to/examples/src/main/scripts"
for program in load-spark-env.sh find-spark-home spark-class spark-submit; do
  cp "$pyspark/bin/$program" "$to/bin/"
done
# 460 MB; where both folders lie on one disk, no second copy.
cp -al "$pyspark/jars" "$to/jars" 2>/dev/null || cp -a "$pyspark/jars" "$to/jars"
cp -a "$pyspark/licenses" "$to/licenses"
# Apache's own archive has it there; the profiles of jobs/ name it.
install -m 755 "$(dirname "$0")/gpus.sh" "$to/examples/src/main/scripts/getGpusResources.sh"

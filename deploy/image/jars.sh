#!/usr/bin/env bash
# image/jars.sh SPARK_JARS TO: what the image takes of a Retune that is built: TO/jars, Retune and its libraries without those that Spark has;
# TO/libtorch.jar, which image/libtorch.sh unpacks; TO/jvm.options, the flags of its JVM.
set -euo pipefail
spark_jars=$1
to=$2
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)

mkdir -p "$to/jars"
"$root/jobs/jars.sh" "$spark_jars" | while read -r jar; do
  case $(basename "$jar") in
    pytorch-native-*) cp "$jar" "$to/libtorch.jar" ;;
    *) cp "$jar" "$to/jars/" ;;
  esac
done
cp "$root/target/retune.jar" "$to/jars/"
cp "$root/target/jvm.options" "$to/"
[ -f "$to/libtorch.jar" ] || {
  echo "Retune's class path has no libtorch for this kind of machine: pom.xml has profiles for those that it knows." >&2
  exit 2
}
# For the image's user, whatever the umask and the modes of Maven's repository.
chmod -R a+rX "$to"

#!/usr/bin/env bash
# image/libtorch.sh FLAVOR JAR TO [CUDA_LIBTORCH]: libtorch in the folder TO. For cpu it is unpacked from the jar; for cu128 TO leads to the
# folder CUDA_LIBTORCH of the base image, since no package of Maven Central has it.
set -euo pipefail
flavor=$1
jar=$2
to=$3
cuda=${4:-}

die() {
  echo "$1" >&2
  exit 2
}

version=$(unzip -p "$jar" native/lib/pytorch.properties | sed -n 's/^version=\([0-9.]*\).*/\1/p')
case $flavor in
  cpu)
    mkdir -p "$to"
    unzip -q -j -o "$jar" 'pytorch/cpu/*' -d "$to"
    ;;
  cu128)
    [ -f "$cuda/libtorch_cuda.so" ] ||
      die "FLAVOR=cu128: '$cuda' has no libtorch_cuda.so. Say with --build-arg CUDA_LIBTORCH where the base image has libtorch $version."
    grep -q "^__version__ = '$version" "$cuda/../version.py" || die "$cuda is not libtorch $version."
    ln -s "$cuda" "$to"
    ;;
  *) die "FLAVOR=$flavor is not one: cpu, cu128." ;;
esac
[ -f "$to/libtorch.so" ] || die "$to has no libtorch.so: $jar is not what was expected."

#!/bin/sh
# What the program is built from, for the record of its runs: version, commit, branch, and what its files differ from the
# commit in. Outside a checkout of its own, or without git, there is a version alone.
set -eu
out=$1
version=$2
mkdir -p "$out"
rm -f "$out"/*
echo "$version" >"$out/version"
command -v git >/dev/null || exit 0
# In the folder of another repository, the commit is another's.
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || exit 0
git rev-parse --verify -q HEAD >"$out/commit" || exit 0
git rev-parse --abbrev-ref HEAD >"$out/branch"
# New files too: an index of our own, so that the user's is not touched.
index=$(mktemp)
objects=$(mktemp -d)
trap 'rm -rf "$index" "$objects"' EXIT
cp "$(git rev-parse --git-path index)" "$index"
export GIT_INDEX_FILE=$index GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY
GIT_ALTERNATE_OBJECT_DIRECTORIES=$(cd "$(git rev-parse --git-path objects)" && pwd)
GIT_OBJECT_DIRECTORY=$objects
git add -A -- pom.xml retune src/main lineage
git diff --cached HEAD -- pom.xml retune src/main lineage >"$out/diff.patch"
[ -s "$out/diff.patch" ] || rm "$out/diff.patch"

#!/bin/sh
# Runs every experiment beside this script on every data set: all.sh FOLDER NAME...
# SCALE=.1 takes a tenth of their sessions and rewards.
# What is taken over from elsewhere comes from the data set before; the first one takes the last's.
set -eu
data=$1
shift
here=$(dirname "$0")
scale=${SCALE:-1}
there=
for name in "$@"; do
  if [ ! -d "$data/$name" ]; then
    echo "skipped $name: there is no folder $data/$name; point RE2LLM_DATA at the data sets"
    continue
  fi
  shop=runs/$name
  [ -d "$shop/data" ] || "$BIN/re2llm" ingest "$data/$name" --workspace "$shop"
  for file in "$here"/*.toml; do
    case $(basename "$file") in transfer.toml | given-hints.toml) continue ;; esac
    "$BIN/re2llm" experiment "$file" --scale "$scale" --workspace "$shop" --out "$shop/runs/$(basename "$file" .toml)"
  done
  there="$there $name"
done
last=
for name in $there; do last=$name; done
for name in $there; do
  if [ "$last" = "$name" ]; then
    echo "skipped transfer to $name: there is no other data set to take hints over from"
    continue
  fi
  from=$(ls -dt "runs/$last/runs"/ablations-*/whole | head -n 1)
  "$BIN/re2llm" experiment "$here/transfer.toml" --scale "$scale" --workspace "runs/$name" --from "$from" \
    --out "runs/$name/runs/transfer"
  last=$name
done

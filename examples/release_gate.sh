#!/usr/bin/env bash
# release_gate.sh MODEL ROWS FOLDER: make the small model, and refuse it where it is not what was agreed.
#
# MODEL is any model that Inspector opens, ROWS an .npz or .csv of its inputs. FOLDER gets the small model and the
# record of each step. The status is that of the first command that refuses: 1 an error, 3 a limit
# or a check, 4 a check that could not be made.
set -euo pipefail
model=$1 rows=$2 out=$3

# The limits of this release. Change them here.
preset=smaller
limits=(--max-difference 0.05 --min-agreement 0.99 --max-bytes 1000000)

mkdir -p "$out"
inspector scan "$model"
inspector optimise "$model" -o "$out/model" --to saved_model --preset "$preset" \
    --feeds "$rows" --require-check --record "$out/record.json" --force
inspector compare "$model" "$out/model" --feeds "$rows" "${limits[@]}"
echo "release gate: passed, $out/model"

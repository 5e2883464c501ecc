#!/bin/bash
# A campaign as a Slurm job array; the parts need nothing of each other, so a lost one is submitted again alone.
#
#     sbatch docs/sim/slurm.sh
#     towline sim merge sim-reports/shard-*.json        # when all are done
#
# PARTS is a number of its own, because Slurm's count of tasks is another one when some are submitted again.
#SBATCH --job-name=towline-sim
#SBATCH --array=1-100
#SBATCH --cpus-per-task=4
#SBATCH --time=01:00:00
set -eu
parts=${PARTS:-100}
reports=${REPORTS:-sim-reports}
mkdir -p "$reports"

# 0, 1 and 3 are verdicts, and the report says which; only 2 is a mistake of this script.
code=0
"${TOWLINE:-towline}" sim explore "${SCENARIO:-mixed}" --seeds "${SEEDS:-0..1000000}" \
    --shard "$SLURM_ARRAY_TASK_ID/$parts" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --json "$reports/shard-$SLURM_ARRAY_TASK_ID.json" --failures "$reports/failures" || code=$?
[ "$code" -ne 2 ]

#!/bin/bash
# An experiment as a plain Slurm array, one part of its cells a task (experiments/CLUSTER.md). From the checkout's folder:
#
#   sbatch --array=1-20 experiments/cluster/array.sh scaling standard
#
#SBATCH --job-name=genac
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:00:00
#SBATCH --output=runs/slurm-%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@60
set -u
experiment=$1 profile=${2:-quick}
shift $(($# < 2 ? $# : 2))
cd "${SLURM_SUBMIT_DIR:-.}"
# Not on a network file system, on which Deno's cache breaks.
export DENO_DIR="${KIT_DENO_DIR:-${TMPDIR:-/tmp}/deno-$(id -u)}"
export PATH="$PWD/.cache/bin:$PATH" NO_COLOR=1

deno task --quiet reproduce --experiment "$experiment" --profile "$profile" --cells-only --no-notebooks \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_MAX" --threads "${SLURM_CPUS_PER_TASK:-1}" "$@" &
child=$!

# A minute before the time limit: what is finished and the checkpoints are kept, and the task takes them up again.
again() {
  kill "$child" 2>/dev/null
  wait "$child"
  exec scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
}
trap again USR1
wait "$child"

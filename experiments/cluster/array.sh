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
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@60
set -u
refuse() {
  echo "error: $1" >&2
  exit 2
}
[ $# -gt 0 ] && [ -n "${SLURM_ARRAY_TASK_ID:-}" ] ||
  refuse "submit it as sbatch --array=1-N experiments/cluster/array.sh EXPERIMENT [PROFILE [FLAGS OF reproduce]]"
experiment=$1 profile=${2:-quick}
shift $(($# < 2 ? $# : 2))
cd "${SLURM_SUBMIT_DIR:-.}" && [ -f lib/cli/reproduce.ts ] ||
  refuse "submit it from the checkout's folder, which the nodes must see: there is no lib/cli/reproduce.ts in $PWD"
# Not on a network file system, on which Deno's cache breaks.
export DENO_DIR="${KIT_DENO_DIR:-${TMPDIR:-/tmp}/deno-$(id -u)}"
export PATH="$PWD/.cache/bin:$PATH" NO_COLOR=1
command -v deno >/dev/null ||
  refuse "no deno on $(hostname): run npx -y deno@2.9.6 task setup --offline-bundle --no-jupyter where there is a network"

deno task --quiet reproduce --experiment "$experiment" --profile "$profile" --cells-only --no-notebooks \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_MAX" --threads "${SLURM_CPUS_PER_TASK:-1}" "$@" &
child=$!

# A minute before the time limit: what is finished and the checkpoints are kept, and the task takes them up again.
again() {
  kill "$child" 2>/dev/null
  # It may just have finished.
  wait "$child" && exit
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && exit
  echo "error: the time limit is near, and Slurm does not put this task back into the queue: submit the same array" \
    "again, which takes up what is finished and the checkpoints" >&2
  exit 75
}
trap again USR1
wait "$child"

/** The training loop of every supervised run: loss curve, progress, and checkpoints from which a run resumes. */
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import type { CellContext } from "../../lib/run/experiment.ts";
import { loadTraining, saveTraining } from "../../lib/run/training_checkpoint.ts";
import type { StepReport } from "../../lib/tensor/backend.ts";

/** Steps between points of the loss curve. */
const CURVE_STEPS = 50;

/** How to train. */
export interface TrainingPlan {
  /** Steps in all. */
  readonly steps: number;
  /** Takes the optimizer step that comes after `critic.model.step` steps; must depend on that number alone. */
  step(): Promise<StepReport>;
  /** The least time between checkpoints, in seconds; default 20. */
  readonly checkpointSeconds?: number | undefined;
}

/** What training leaves besides the weights. */
export interface TrainingReport {
  /** Mean loss of each 50 steps. */
  readonly curve: number[];
  readonly seconds: number;
}

/** Trains to the end, from the last checkpoint if the run was interrupted. */
export async function train<State>(
  { model }: NeuralCritic<State>,
  { steps, step, checkpointSeconds = 20 }: TrainingPlan,
  { checkpoint, progress }: Pick<CellContext, "checkpoint" | "progress">,
): Promise<TrainingReport> {
  const saved = checkpoint.load();
  const curve: number[] = saved ? JSON.parse(loadTraining(model, saved).curve ?? "[]") : [];
  const start = performance.now();
  let last = start, reports: Promise<StepReport>[] = [];
  while (model.step < steps) {
    reports.push(step());
    if (model.step % CURVE_STEPS === 0 || model.step === steps) {
      let sum = 0;
      for (const { loss, valueLoss } of await Promise.all(reports)) sum += loss + valueLoss;
      curve.push(sum / (model.step % CURVE_STEPS || CURVE_STEPS));
      reports = [];
      progress(model.step, steps, `loss ${curve.at(-1)!.toPrecision(3)}`);
      // Only where a point of the curve ends, so that a resumed run has the same curve.
      if (performance.now() - last >= checkpointSeconds * 1000 && model.step < steps) {
        checkpoint.save(await saveTraining(model, { curve: JSON.stringify(curve) }));
        last = performance.now();
      }
    }
  }
  return { curve, seconds: (performance.now() - start) / 1000 };
}

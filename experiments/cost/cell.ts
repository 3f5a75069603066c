import { NeuralActor } from "../../lib/actor/neural_actor.ts";
import { createBackend } from "../../lib/backend/create.ts";
import { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { supervisedStep } from "../../lib/critic/supervised.ts";
import type { CircuitState } from "../../lib/env/circuit.ts";
import { mean } from "../../lib/numeric/sums.ts";
import { forwardFlops, trainingFlops } from "../../lib/nn/flops.ts";
import { copyModel } from "../../lib/nn/copy_model.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import type { ActorTraining } from "../../lib/rl/actor_training.ts";
import type { IterationReport } from "../../lib/rl/iteration_report.ts";
import { methodConfig, methodCritics } from "../../lib/rl/methods.ts";
import { trainActorStep } from "../../lib/rl/train_actor.ts";
import { meanParts, type Parts } from "../../lib/rl/work.ts";
import type { Backend } from "../../lib/tensor/backend.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { type CostCell, costEnvironment } from "./cells.ts";
import { type CostMethod, methodOf } from "./methods.ts";

/** The programmatic actor and teacher of the warm-up: unsure enough that no token is certain. */
const EPSILON = 0.3;

/** Work of one iteration, means over the iterations. */
export interface Work {
  readonly tokens: Parts;
  readonly flops: Parts;
  /** Different states that the critic was asked about. */
  readonly questions: number;
}

/** What a cell says. */
export interface CostMetrics {
  /** By id of the method. */
  readonly work: Readonly<Record<string, Work>>;
}

/** One response length and seed: models that write what has the right form, then some iterations of each method. */
export async function runCell(
  { seed, config }: Cell<CostCell>,
  { backend = "wasm", progress, threads }: CellContext,
): Promise<CellResult<CostMetrics>> {
  const environment = costEnvironment(config), { methods, warmUp } = config;
  const engine = await createBackend(backend, { threads });
  try {
    const actorOf = () => new NeuralActor(engine, environment, config, seed);
    const actor = actorOf();
    const optimizer = adamW(warmUp.learningRate, warmUp.steps);
    for (let step = 0; step < warmUp.steps; step++) {
      await actor.supervisedStep(
        { seed, batchSize: warmUp.batchSize, purpose: "cost/sft" },
        { kind: "slips", epsilon: EPSILON },
        optimizer,
      );
    }
    const critics = {
      [DISCRIMINATIVE]: await warmCritic(engine, DISCRIMINATIVE, config, seed),
      [GENERATIVE]: await warmCritic(engine, GENERATIVE, config, seed),
    };
    progress(1, methods.length + 1, "models warm");
    const work: Record<string, Work> = {}, digests: Record<string, string> = {};
    const seconds: Record<string, Parts> = {};
    for (const [i, each] of methods.entries()) {
      if (each.method === "ppo-one-pass") {
        work[each.id] = inOnePass(work.ppo!, critics[DISCRIMINATIVE], config);
        continue;
      }
      const own = actorOf();
      await copyModel(actor.model, own.model);
      const measured = await measure(engine, own, actor, critics, each, config, seed);
      work[each.id] = measured.work;
      seconds[each.id] = measured.seconds;
      digests[each.id] = await own.model.digest();
      progress(i + 2, methods.length + 1, each.id);
    }
    return { metrics: { work }, digests, unpinned: { seconds } };
  } finally {
    engine.close();
  }
}

/** A critic after some supervised steps. */
async function warmCritic(
  engine: Backend,
  name: string,
  config: CostCell,
  seed: number,
): Promise<NeuralCritic<CircuitState>> {
  const { batchSize, learningRate, steps } = config.warmUp;
  const environment = costEnvironment(config);
  const critic = new NeuralCritic(engine, criticDefinition(name), environment, config, seed);
  const states = { seed, batchSize, purpose: `cost/${name}`, actor: { epsilon: EPSILON } };
  const optimizer = adamW(learningRate, steps);
  for (let step = 0; step < steps; step++) await supervisedStep(critic, states, optimizer);
  return critic;
}

/** PPO whose critic judges all tokens of a response in one pass: inference and one training step. */
function inOnePass(
  ppo: Work,
  { environment, model, sequenceLength }: NeuralCritic<CircuitState>,
  { training }: CostCell,
): Work {
  const responses = training.problems * training.responses;
  const read = responses * environment.maxLengths().prompt;
  return {
    tokens: ppo.tokens,
    flops: {
      ...ppo.flops,
      criticInference: forwardFlops(model.config, read, sequenceLength),
      criticTraining: trainingFlops(model.config, responses, sequenceLength),
    },
    questions: responses,
  };
}

/** Some iterations of one method; its critic, where it has one, learns in them as `methodOf` says. */
async function measure(
  engine: Backend,
  actor: NeuralActor<CircuitState>,
  reference: NeuralActor<CircuitState>,
  critics: Readonly<Record<typeof DISCRIMINATIVE | typeof GENERATIVE, NeuralCritic<CircuitState>>>,
  method: CostMethod,
  { dModel, layers, training }: CostCell,
  seed: number,
): Promise<{ work: Work; seconds: Parts }> {
  const chosen = methodOf(method), config = methodConfig(chosen, training);
  const name = chosen.critic && methodCritics[chosen.critic].definition;
  const run: ActorTraining<CircuitState> = {
    actor,
    reference,
    algorithm: chosen.algorithm,
    config,
    seed,
  };
  if (name) {
    const { definition, environment } = critics[name];
    const critic = new NeuralCritic(engine, definition, environment, { dModel, layers }, seed);
    await copyModel(critics[name].model, critic.model);
    Object.assign(run, { critic, criticReference: critics[name] });
  }
  const reports: IterationReport[] = [];
  for (let i = 0; i < config.iterations; i++) {
    reports.push(await trainActorStep(run, i));
  }
  return {
    work: {
      tokens: meanParts(reports.map(({ tokens }) => tokens)),
      flops: meanParts(reports.map(({ flops }) => flops)),
      questions: mean(reports.map(({ questions }) => questions)),
    },
    seconds: meanParts(reports.map(({ seconds }) => seconds)),
  };
}

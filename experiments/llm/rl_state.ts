/** A run of RL as far as it is: what is known, what is trained, and how both are saved and put back. */
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import type { CausalLanguageModel } from "../../lib/language_model/causal_language_model.ts";
import { adapterFiles } from "../../lib/pretrained/adapter.ts";
import type { GradientQuality } from "../../lib/rl/gradient_quality.ts";
import { readSafetensors } from "../../lib/run/safetensors.ts";
import {
  loadModels,
  momentsOf,
  type SavedModel,
  saveModels,
} from "../../lib/run/training_checkpoint.ts";
import {
  type TextActorTraining,
  type TextIteration,
  type TextMethod,
  textMethods,
} from "../../lib/text_models/train_text_actor.ts";
import type { BaseModel } from "./base_models.ts";
import type { MethodMetrics, RlCell } from "./cell_types.ts";
import { copied, newActor, newStart, type Preparation, type Start } from "./rl_start.ts";

/** What is known of a run so far, as JSON. */
export interface Progress extends Preparation {
  /** By method, before RL. */
  gradients?: Record<string, GradientQuality>;
  readonly methods: Record<string, MethodMetrics>;
  /** SHA-256 of the actors that finished methods have trained. */
  readonly digests: Record<string, string>;
  /** The method in whose midst the run is, if any. */
  current?: Current;
}

/** A method in its midst. */
export interface Current {
  readonly method: TextMethod;
  readonly success: number[];
  readonly iterations: TextIteration[];
  successRate?: number;
}

/** A method's run. */
export type MethodRun = TextActorTraining<RunningSumState>;

/** What a run is of. */
interface Parts {
  readonly base: BaseModel;
  readonly task: RunningSumEnvironment;
  readonly config: RlCell;
  readonly seed: number;
}

/** The models and the progress of a run of RL. */
export class RlState {
  readonly start: Start;
  /** What methods have trained; those of finished ones are kept, too. */
  readonly #runs = new Map<TextMethod, MethodRun>();

  private constructor(readonly parts: Parts, readonly progress: Progress) {
    this.start = newStart(parts.base, parts.task, parts.config, parts.seed);
  }

  /** A new run, or the one that was saved. */
  static async open(parts: Parts, saved?: Uint8Array): Promise<RlState> {
    if (!saved) {
      return new RlState(parts, { preparationTokens: {}, critics: {}, methods: {}, digests: {} });
    }
    const { metadata } = readSafetensors(saved, "checkpoint");
    const state = new RlState(parts, JSON.parse(metadata.progress!));
    const { current, methods } = state.progress;
    for (const method of parts.config.methods) {
      if (methods[method] || current?.method === method) await state.run(method);
    }
    loadModels(state.#models(), saved);
    if (current) resumeAt(await state.run(current.method), current);
    const { training } = state.progress;
    if (training) state.#inPreparation(training.name).step = training.step;
    return state;
  }

  /** For `open`. */
  save(): Promise<Uint8Array<ArrayBuffer>> {
    return saveModels(this.#models(), { progress: JSON.stringify(this.progress) });
  }

  /** A method's run before its first iteration, on the models of the start themselves: not to be trained. */
  atStart(method: TextMethod): MethodRun {
    const { config: { training }, seed } = this.parts, { successRate } = this.progress;
    const { actor, critics } = this.start, { critic } = textMethods[method];
    return {
      ...{ method, actor, reference: actor, config: training, seed, conditioning: true },
      ...successRate !== undefined && { successRate },
      ...critic !== null && { critic: critics[critic]! },
    };
  }

  /** A method's run as far as it is, on models of its own that begin as those of the start. */
  async run(method: TextMethod): Promise<MethodRun> {
    const known = this.#runs.get(method);
    if (known) return known;
    const { base, config, seed, task } = this.parts, run = this.atStart(method);
    const actor = newActor(base, task, config, seed);
    actor.model.setTensors(await run.actor.model.tensors());
    const critic = run.critic && await copied(run.critic, base, task, config, seed);
    const own: MethodRun = { ...run, actor, ...critic && { critic } };
    this.#runs.set(method, own);
    return own;
  }

  /** The adapters of all that methods have trained, each a folder as PEFT loads it: `METHOD-actor/`, `METHOD-critic/`. */
  async adapters(): Promise<Record<string, Uint8Array>> {
    const files: Record<string, Uint8Array> = {}, base = this.parts.config.model;
    for (const { model, name } of this.#trained()) {
      for (const [file, bytes] of Object.entries(await adapterFiles(model, { base }))) {
        files[`${name}/${file}`] = bytes;
      }
    }
    return files;
  }

  /** The models that methods train, by name. */
  #trained() {
    return [...this.#runs].flatMap(([method, { actor, critic }]) => [
      { method, name: `${method}-actor`, model: actor.model },
      ...critic ? [{ method, name: `${method}-critic`, model: critic.model }] : [],
    ]);
  }

  /** All models; of those in training the optimizers' states, too. */
  #models(): Record<string, SavedModel> {
    const { actor, critics } = this.start, { current, training } = this.progress;
    const models: Record<string, SavedModel> = { actor: actor.model };
    for (const [name, { model }] of Object.entries(critics)) models[name] = model;
    const withMoments = (name: string, model: CausalLanguageModel) => {
      const { m, v } = momentsOf(model);
      Object.assign(models, { [name]: model, [`${name}-m`]: m, [`${name}-v`]: v });
    };
    if (training) withMoments(training.name, this.#inPreparation(training.name));
    for (const { method, model, name } of this.#trained()) {
      if (current?.method === method) withMoments(name, model);
      else models[name] = model;
    }
    return models;
  }

  /** The actor or a critic of the start, by the name of its training. */
  #inPreparation(name: string): CausalLanguageModel {
    const { actor, critics } = this.start;
    return name === "actor" ? actor.model : critics[name]!.model;
  }
}

/** Puts a method to where it was, but for the models' weights and moments. */
function resumeAt(run: MethodRun, { iterations, successRate }: Current): void {
  run.actor.model.step = iterations.length;
  if (run.critic && run.config.criticLearningRate > 0) run.critic.model.step = iterations.length;
  if (successRate !== undefined) run.successRate = successRate;
}

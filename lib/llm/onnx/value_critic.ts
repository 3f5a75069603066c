import type { Tensor } from "onnxruntime-node";
import type { Critic, Prediction, Question } from "../../critic/critic.ts";
import { UsageError } from "../../errors.ts";
import type { RolloutState } from "../../rollouts/state.ts";
import type { StateTokenizer } from "../critic/state_text.ts";
import { OnnxModel } from "./onnx_model.ts";
import { stateValues } from "../state_values.ts";
import { scaledValue, type ValueScale } from "../value_scale.ts";

/** How a value head is read. */
export interface OnnxValueOptions {
  readonly scale: ValueScale;
  /** The model's, where rollouts have text only, or states are in characters or steps. */
  readonly tokenizer?: StateTokenizer;
  /** Threads of ONNX Runtime; default 1. */
  readonly threads?: number;
  /** Default: the file's name. */
  readonly name?: string;
}

/** The answer of a value head. */
export interface OnnxValuePrediction extends Prediction {
  readonly value: number;
  /** What the head said, before it was scaled and moved into [0, 1]. */
  readonly raw: number;
}

const INPUTS = ["input_ids", "attention_mask", "position_ids"];
const OUTPUTS = ["values", "logits"];

/**
 * A discriminative critic from PyTorch: a language model with a value head, exported to ONNX by `export_value_head.py`, or by
 * Optimum as token classification with one label. Inputs input_ids, attention_mask and position_ids [batch, tokens] (int64);
 * output values or logits [batch, tokens] or [batch, tokens, 1] (float32), the value of the state after each token.
 *
 * One pass gives the values of all tokens, so each rollout is run once, however many of its states are asked about.
 */
export class OnnxValueCritic implements Critic<RolloutState> {
  private constructor(
    readonly name: string,
    private readonly model: OnnxModel,
    private readonly output: string,
    private readonly options: OnnxValueOptions,
  ) {}

  /**
   * @param path The ONNX file.
   * @throws UsageError for a file that is missing or broken, has other inputs or outputs, or sees tokens to come.
   */
  static async open(path: string, options: OnnxValueOptions): Promise<OnnxValueCritic> {
    const model = await OnnxModel.open(path, options.threads ?? 1);
    try {
      const known = INPUTS.join(", ");
      model.checkInputs((name) => INPUTS.includes(name), ["input_ids"], known);
      const output = OUTPUTS.find((name) => model.outputs.has(name));
      if (output === undefined) {
        const has = [...model.outputs.keys()].join(", ");
        throw new UsageError(model.path, has, `no output is called ${OUTPUTS.join(" or ")}`);
      }
      const name = options.name ?? path.split(/[\\/]/).at(-1)!;
      const critic = new OnnxValueCritic(name, model, output, options);
      await critic.#checkCausal();
      return critic;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  /**
   * Answers, in the order of the questions. The context is not looked at: a value head is told what its tokens say.
   *
   * @throws UsageError as `stateTokens` does; with ONNX Runtime's message where the model cannot be run on them.
   */
  async values(questions: readonly Question<RolloutState>[]): Promise<OnnxValuePrediction[]> {
    const { tokenizer, scale } = this.options;
    const values = await stateValues(questions, tokenizer, (ids) => this.#run(ids));
    return values.map((raw) => ({ value: scaledValue(raw, scale), expectation: null, raw }));
  }

  /** Frees its memory. */
  close(): Promise<void> {
    return this.model.close();
  }

  /** The head's number after each of the tokens. */
  async #run(ids: readonly number[]): Promise<Float32Array> {
    const feeds: Record<string, Tensor> = { input_ids: this.model.integers(ids) };
    if (this.model.inputs.has("attention_mask")) {
      feeds.attention_mask = this.model.integers(ids.map(() => 1));
    }
    if (this.model.inputs.has("position_ids")) {
      feeds.position_ids = this.model.integers(ids.map((_, i) => i));
    }
    const { type, dims, data } = (await this.model.run(feeds, [this.output]))[this.output]!;
    const isOnePerToken = dims[0] === 1 && dims[1] === ids.length &&
      (dims.length === 2 || (dims.length === 3 && dims[2] === 1));
    if (type !== "float32" || !isOnePerToken) {
      const remedy =
        `for ${ids.length} tokens its output ${this.output} is ${type} [${dims}]; one float32 a token is ` +
        "needed: export the head with lib/llm/onnx/export_value_head.py";
      throw new UsageError(this.model.path, this.output, remedy);
    }
    const values = data as Float32Array, odd = values.find((value) => !Number.isFinite(value));
    if (odd === undefined) return values;
    throw new UsageError(this.model.path, odd, "the head said this instead of a number");
  }

  /** A value must not depend on tokens to come: a critic that sees them knows the outcome. */
  async #checkCausal(): Promise<void> {
    const [a, b] = [await this.#run([1, 2, 3, 1]), await this.#run([1, 2, 3, 0])];
    const most = Math.max(...[0, 1, 2].map((i) => Math.abs(a[i]! - b[i]!)));
    if (most <= 1e-4 * Math.max(1, ...Array.from(a, Math.abs))) return;
    const remedy =
      `its values of three tokens change by ${
        most.toPrecision(3)
      } with the fourth: it sees tokens to come, ` +
      "so that values cannot be read in one pass, and would know what follows";
    throw new UsageError(this.model.path, "not causal", remedy);
  }
}

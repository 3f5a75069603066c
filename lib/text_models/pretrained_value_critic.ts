import type { Critic, Prediction, Question } from "../critic/critic.ts";
import { UsageError } from "../errors.ts";
import { scaledValue, type ValueScale } from "../llm/value_scale.ts";
import { stateValues } from "../llm/state_values.ts";
import type { RolloutState } from "../rollouts/state.ts";
import type { OpenPretrained } from "./open_pretrained.ts";

/** The value head of an adapter, on the kit's own engine, as a discriminative critic of rollouts. */
export class PretrainedValueCritic implements Critic<RolloutState> {
  /**
   * @param scale What the head's numbers mean.
   * @throws UsageError for a model without a value head of one output.
   */
  constructor(private readonly opened: OpenPretrained, private readonly scale: ValueScale) {
    const outputs = opened.model.config.valueHead?.outputs;
    if (outputs !== 1) {
      const remedy = "one with num_labels 1 is needed, trained with LoRA as a token classifier";
      throw new UsageError(opened.name, `${outputs ?? "no"} value outputs`, remedy);
    }
  }

  get name(): string {
    return this.opened.name;
  }

  /**
   * Answers, in the order of the questions. The context is not looked at.
   *
   * @throws UsageError for a state without tokens, or that is too long for the model.
   */
  async values(questions: readonly Question<RolloutState>[]): Promise<Prediction[]> {
    const values = await stateValues(questions, this.opened.tokenizer, (ids) => this.#run(ids));
    return values.map((raw) => ({ value: scaledValue(raw, this.scale), expectation: null }));
  }

  async #run(ids: readonly number[]): Promise<Float32Array> {
    const { model } = this.opened, { maxLength } = model.config;
    if (ids.length > maxLength) {
      throw new UsageError("state", `${ids.length} tokens`, `the model reads ${maxLength}`);
    }
    const rows = ids.map((_, token) => ({ sequence: 0, token }));
    return (await model.forward([{ tokens: ids }], rows, ["values"])).values;
  }
}

/** A language model whose distribution over answers is known. Test code only. */
import { log } from "../../numeric/math.ts";
import type { RolloutRecord } from "../../rollouts/record.ts";
import type {
  ChatMessage,
  Completion,
  CompletionRequest,
  LanguageModel,
  ScoredToken,
} from "../language_model.ts";

/** How a `KnownModel` behaves. */
export interface KnownModelOptions {
  /** The probabilities of the answers 0 to 10; the rest up to 1 is for a word that is no answer. */
  readonly answers: readonly number[];
  /** "10" is a token of its own; default: two tokens. */
  readonly tenIsOneToken?: boolean;
  /** What it writes, completion by completion, the last over and over; default: "". */
  readonly writes?: readonly Partial<Completion>[];
  /** Default: yes. */
  readonly hasLogProbabilities?: boolean;
}

/** The text of a prompt, all turns after each other. */
export function promptText(prompt: CompletionRequest["prompt"]): string {
  if (typeof prompt === "string") return prompt;
  return (prompt as readonly ChatMessage[]).map(({ content }) => content).join("\n");
}

/** Tokens are digits, "10" perhaps, "</" and words. It writes what it is told to; its next tokens follow `answers`. */
export class KnownModel implements LanguageModel {
  readonly name = "known";
  readonly requests: CompletionRequest[] = [];
  #written = 0;

  constructor(private readonly options: KnownModelOptions) {}

  complete(request: CompletionRequest): Promise<readonly Completion[]> {
    this.requests.push(request);
    if (request.topLogProbabilities !== undefined) {
      return Promise.resolve([this.#next(promptText(request.prompt), request.topLogProbabilities)]);
    }
    const { writes = [] } = this.options;
    return Promise.resolve(Array.from({ length: request.count ?? 1 }, () => {
      const completion = writes[Math.min(this.#written++, writes.length - 1)];
      return { text: "", finishReason: "stop", ...completion };
    }));
  }

  #next(text: string, count: number): Completion {
    const begun = /<answer>([0-9]*)$/.exec(text);
    const { answers, tenIsOneToken, hasLogProbabilities = true } = this.options;
    const probabilities = new Map<string, number>();
    if (begun === null) probabilities.set("word", 1);
    else if (begun[1] === "") {
      answers.slice(0, 10).forEach((p, digit) => probabilities.set(String(digit), p));
      if (tenIsOneToken) probabilities.set("10", answers[10]!);
      else probabilities.set("1", answers[1]! + answers[10]!);
      probabilities.set("word", 1 - answers.reduce((a, b) => a + b, 0));
    } else if (begun[1] === "1" && !tenIsOneToken) {
      const one = answers[1]! + answers[10]!;
      probabilities.set("</", 0.9 * answers[1]! / one);
      probabilities.set("0", 0.9 * answers[10]! / one);
      probabilities.set("5", 0.1);
    } else probabilities.set("</", 1);
    const top: ScoredToken[] = [...probabilities]
      .map(([token, p]) => ({ token, logProbability: log(p) }))
      .sort((a, b) => b.logProbability - a.logProbability)
      .slice(0, count);
    const logProbabilities = [{ ...top[0]!, top }];
    return {
      text: top[0]!.token,
      finishReason: "length",
      tokenCount: 1,
      ...hasLogProbabilities ? { logProbabilities } : {},
    };
  }
}

/** A rollout; fields may be replaced. */
export function sumRollout(changes: Partial<RolloutRecord> = {}): RolloutRecord {
  return {
    group: "sum-1",
    prompt: { text: "Q: 3 + 4 =\nA:" },
    problem: "What is 3 + 4?",
    response: { text: "First 3, then 4 more. So 7." },
    outcome: 1,
    actor: "actor-1",
    successRate: 0.41,
    tokenLimit: 64,
    ...changes,
  };
}

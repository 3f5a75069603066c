import { basename } from "node:path";
import { UsageError } from "../errors.ts";
import { LlmCritic, type LlmCriticConfig } from "../llm/critic/llm_critic.ts";
import type { StateTokenizer } from "../llm/critic/state_text.ts";
import type { LanguageModel } from "../llm/language_model.ts";
import { OnnxLanguageModel } from "../llm/onnx/onnx_language_model.ts";
import { OnnxValueCritic } from "../llm/onnx/value_critic.ts";
import { parseValueScale } from "../llm/value_scale.ts";
import { openServer, type ServerModel, type ServerOptions } from "../llm/server.ts";
import {
  type OpenPretrained,
  openPretrained,
  type PretrainedOptions,
} from "../text_models/open_pretrained.ts";
import { PretrainedLanguageModel } from "../text_models/pretrained_language_model.ts";
import { PretrainedValueCritic } from "../text_models/pretrained_value_critic.ts";
import { printable } from "../rollouts/printable.ts";
import { chooseFrom } from "../suggest.ts";
import { askCritic } from "./ask_critic.ts";
import type { AskedCritic } from "./asked_critic.ts";
import { CONSTANTS } from "./constants.ts";
import { textRidge } from "./text_ridge.ts";

/** Critics that need nothing but the rollouts. */
const PLAIN: readonly AskedCritic[] = [...CONSTANTS, textRidge];

/** Begins the name of a language model in a folder, whose file `model.onnx` is run here. */
const ONNX_LLM = "onnx-llm:";

/** Begins the name of a model of Llama's kind, in a folder or a GGUF file, that is run here. */
const PRETRAINED = "pretrained:";
/** Begins the name of an adapter on the weights of `base`, in a folder. */
const ADAPTER = "adapter:";

/** What the name of a critic may be; `server` alone is enough to replay a recording. */
export const CRITIC_NAMES = [
  ...PLAIN.map(({ name }) => name),
  "server:URL",
  "onnx:FILE",
  "onnx-llm:FOLDER",
  "pretrained:FOLDER",
  "adapter:FOLDER",
] as const;

/** What critics need that are not made of the rollouts alone. */
export interface CriticResources {
  /** How servers are reached; the address is in the critic's name. */
  readonly server?: Omit<ServerOptions, "url" | "recording">;
  /** Where the answers of server `index` (0, 1, ... in the order of the names) are kept: each has a file of its own. */
  readonly recording: (index: number) => NonNullable<ServerOptions["recording"]>;
  /** How language models are asked; In-Context Conditioning is `icc`'s. */
  readonly llm?: Omit<LlmCriticConfig, "conditioning">;
  /** Ask language models twice, without and with In-Context Conditioning; default: only without. */
  readonly icc?: boolean;
  /** What the numbers of a value head mean: `parseValueScale`. Needed for one. */
  readonly valueScale?: string | undefined;
  /** Of the model that wrote the rollouts. */
  readonly tokenizer?: StateTokenizer | undefined;
  /** How pretrained models are run here. */
  readonly pretrained?: Omit<PretrainedOptions, "adapter">;
  /** The model, a folder or a GGUF file, that adapters were trained on. */
  readonly base?: string | undefined;
}

/** Critics, and what they hold open. */
export interface OpenCritics extends AsyncDisposable {
  readonly critics: readonly AskedCritic[];
}

/**
 * The critics of these names (`CRITIC_NAMES`), in order.
 *
 * @throws UsageError for a name that is none, a server that cannot be reached, a file that is no value head.
 */
export async function openCritics(
  names: readonly string[],
  resources: CriticResources,
): Promise<OpenCritics> {
  const servers = names.filter(isServer);
  await using open = new AsyncDisposableStack();
  const critics: AskedCritic[] = [];
  for (const name of names) {
    const plain = PLAIN.find((critic) => critic.name === name);
    if (plain) critics.push(plain);
    else if (isServer(name)) {
      const url = name === "server" ? undefined : name.slice("server:".length);
      const recording = resources.recording(servers.indexOf(name));
      const model = open.use(await openServer({ ...resources.server, url, recording }));
      const llm = withinAbilities(model, resources);
      critics.push(...llmCritics(model, `server:${printable(model.name)}`, llm, resources));
    } else if (name.startsWith(ONNX_LLM)) {
      const model = await OnnxLanguageModel.open(name.slice(ONNX_LLM.length));
      open.defer(() => model.close());
      critics.push(...llmCritics(model, ONNX_LLM + model.name, resources.llm ?? {}, resources));
    } else if (name.startsWith(PRETRAINED) || name.startsWith(ADAPTER)) {
      const model = open.use(await openModel(name, resources));
      critics.push(...pretrainedCritics(model, name, resources));
    } else if (name.startsWith("onnx:")) {
      const critic = await openOnnx(name, resources);
      open.defer(() => critic.close());
      critics.push(
        askCritic(critic, { name, title: `Value head ${critic.name}`, kind: "discriminative" }),
      );
    } else throw new UsageError("--critic", name, chooseFrom(name, CRITIC_NAMES));
  }
  const kept = open.move();
  return { critics, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Whether the critic of this name is a language model behind a server. */
export function isServer(name: string): boolean {
  return name === "server" || name.startsWith("server:");
}

function llmCritics(
  model: LanguageModel,
  name: string,
  llm: LlmCriticConfig,
  { icc = false, tokenizer }: CriticResources,
): AskedCritic[] {
  const critic = (conditioning: boolean) =>
    new LlmCritic(model, { ...llm, conditioning }, tokenizer ? { tokenizer } : {});
  const kind = "generative";
  return [
    askCritic(critic(false), { name, title: model.name, kind }),
    ...(icc
      ? [askCritic(critic(true), {
        ...{ name: `${name} icc`, title: `${model.name} with ICC`, kind },
        withoutIcc: name,
      })]
      : []),
  ];
}

async function openModel(name: string, { pretrained, base }: CriticResources) {
  if (name.startsWith(PRETRAINED)) {
    return await openPretrained(name.slice(PRETRAINED.length), pretrained);
  }
  const adapter = name.slice(ADAPTER.length);
  if (base === undefined) {
    throw new UsageError("--base", "", `give the model that ${adapter} is an adapter of`);
  }
  return await openPretrained(base, { ...pretrained, adapter });
}

/** A value head where there is one, else the model asked in words. */
function pretrainedCritics(
  opened: OpenPretrained,
  name: string,
  resources: CriticResources,
): AskedCritic[] {
  if (opened.model.config.valueHead === undefined) {
    const model = new PretrainedLanguageModel(opened);
    const chat = opened.template !== undefined && (resources.llm?.chat ?? true);
    return llmCritics(model, name, { ...resources.llm, chat }, resources);
  }
  const scale = parseValueScale("--value-scale", resources.valueScale ?? "");
  const critic = new PretrainedValueCritic(opened, scale);
  const title = `Value head ${critic.name}`;
  return [askCritic(critic, { name, title, kind: "discriminative" })];
}

/** Of what is asked for by default, that which the server can do; the rest is noted. */
function withinAbilities(
  { abilities }: ServerModel,
  { llm = {}, server = {} }: CriticResources,
): LlmCriticConfig {
  const { chatPrefill, logProbabilities } = abilities;
  const chat = abilities.chat && (llm.chat ?? true);
  if (llm.chat !== false && !chat) {
    server.onNote?.("the server has no chat: the prompt is sent as text");
  }
  const goesOn = !chat || chatPrefill === "continued" || chatPrefill === "repeated";
  if (llm.expectation ?? (goesOn && logProbabilities !== null)) return { ...llm, chat };
  server.onNote?.(
    "expectations are left out: " +
      (goesOn
        ? "the server gives no log-probabilities"
        : "the server does not go on with an answer that was begun"),
  );
  return { ...llm, chat, expectation: false };
}

async function openOnnx(name: string, { valueScale, tokenizer }: CriticResources) {
  const path = name.slice("onnx:".length);
  const scale = parseValueScale("--value-scale", valueScale ?? "");
  return await OnnxValueCritic.open(path, {
    ...{ scale, name: basename(path) },
    ...(tokenizer ? { tokenizer } : {}),
  });
}

import { z } from "zod";
import { UsageError } from "../errors.ts";
import { sha256 } from "../numeric/digest.ts";
import { printable } from "../rollouts/printable.ts";
import { suggest } from "../suggest.ts";
import type { SERVER_KINDS } from "./server_abilities.ts";
import type { ServerConnection } from "./server_connection.ts";

/** Which server and model answers. */
export interface ServerIdentity {
  readonly kind: (typeof SERVER_KINDS)[number];
  readonly version: string | null;
  /** The model that is asked, as the server calls it. */
  readonly model: string;
  readonly models: readonly string[];
  readonly contextLength: number | null;
  readonly slots: number | null;
  /** What a recording keeps to tell this server and model from others: names, versions, sizes, digests. */
  readonly traits: Readonly<Record<string, unknown>>;
}

/** Names listed in an error. */
const LISTED = 20;

const text = z.string(), count = z.int().positive();

const models = z.object({
  data: z.array(z.object({
    id: text,
    owned_by: text.optional().catch(undefined),
    max_model_len: count.optional().catch(undefined),
    meta: z.object({ n_ctx: z.unknown() }).loose().optional().catch(undefined),
  })),
});

const props = z.object({
  total_slots: count.optional().catch(undefined),
  build_info: text.optional().catch(undefined),
  chat_template: text.optional().catch(undefined),
  default_generation_settings: z.object({ n_ctx: count.optional() }).optional().catch(undefined),
});

const tgiInfo = z.object({
  model_id: text,
  version: text,
  max_total_tokens: count.optional().catch(undefined),
  model_sha: text.nullish().catch(undefined),
  model_dtype: text.nullish().catch(undefined),
});

const ollamaTags = z.object({
  models: z.array(z.object({ name: text, digest: text.optional() })),
});

/**
 * Finds out which server this is.
 *
 * @param wanted The model to ask; default: the only one that it serves.
 * @throws UsageError where it cannot be reached, serves several and none is named, or does not serve that one.
 */
export async function identifyServer(
  connection: ServerConnection,
  wanted?: string,
): Promise<ServerIdentity> {
  const listed = await connection.request("GET", "/v1/models");
  // Some have no such list; a refused key or a web page is an error all the same.
  const isMissing = listed.status === 404 || listed.status === 405;
  const parsed = isMissing ? undefined : models.safeParse(connection.json("/v1/models", listed));
  const data = parsed?.data?.data ?? [];
  const names = data.map(({ id }) => id);
  const info = await optional(connection, "/info", tgiInfo);
  const model = chooseModel(wanted ?? (names.length === 0 ? info?.model_id : undefined), names);
  const own = data.find(({ id }) => id === model);
  const common = { model, models: names.length > 0 ? names : [model] };
  switch (own?.owned_by) {
    case "vllm":
    case "sglang": {
      const version = await optional(connection, "/version", z.object({ version: text }));
      return {
        ...common,
        kind: own.owned_by,
        version: version?.version ?? null,
        contextLength: own.max_model_len ?? null,
        slots: null,
        traits: withoutGaps({ model, version: version?.version, max_model_len: own.max_model_len }),
      };
    }
    case "llamacpp": {
      const found = await optional(connection, "/props", props);
      return {
        ...common,
        kind: "llama.cpp",
        version: found?.build_info ?? null,
        contextLength: found?.default_generation_settings?.n_ctx ?? null,
        slots: found?.total_slots ?? null,
        traits: withoutGaps({
          model,
          build: found?.build_info,
          // The context's length is a setting of the server, no trait of the model.
          meta: own.meta && { ...own.meta, n_ctx: undefined },
          chat_template: found?.chat_template === undefined
            ? undefined
            : sha256(new TextEncoder().encode(found.chat_template)),
        }),
      };
    }
  }
  if (info) {
    const { version, max_total_tokens, model_sha, model_dtype } = info;
    return {
      ...common,
      kind: "tgi",
      version,
      contextLength: max_total_tokens ?? null,
      slots: null,
      traits: withoutGaps({ model: info.model_id, version, model_sha, model_dtype }),
    };
  }
  const unknown = { ...common, version: null, contextLength: null, slots: null };
  const ollama = await optional(connection, "/api/version", z.object({ version: text }));
  if (ollama) {
    const tags = await optional(connection, "/api/tags", ollamaTags);
    const digest = tags?.models.find(({ name }) => name === model)?.digest;
    return {
      ...unknown,
      kind: "ollama",
      version: ollama.version,
      traits: withoutGaps({ model, version: ollama.version, digest }),
    };
  }
  const paths = z.object({ paths: z.record(z.string(), z.unknown()) });
  const api = await optional(connection, "/openapi.json", paths);
  const isTransformers = api !== undefined && "/load_model" in api.paths;
  return { ...unknown, kind: isTransformers ? "transformers" : "unknown", traits: { model } };
}

/** What stands at `path`; undefined where that is nothing of this shape. */
async function optional<T>(
  connection: ServerConnection,
  path: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const { status, text } = await connection.request("GET", path);
  if (status !== 200) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function chooseModel(wanted: string | undefined, names: readonly string[]): string {
  const shown = names.slice(0, LISTED).map((name) => printable(name, 200)).join(", ") +
    (names.length > LISTED ? ` and ${names.length - LISTED} more` : "");
  if (wanted === undefined) {
    if (names.length === 1) return names[0]!;
    const remedy = names.length === 0
      ? "the server lists none: give its name"
      : `the server has several: choose from ${shown}`;
    throw new UsageError("--model", "", remedy);
  }
  // Ollama's names have a tag, which may be left out.
  const found = names.find((name) => name === wanted || name === `${wanted}:latest`);
  if (found !== undefined || names.length === 0) return found ?? wanted;
  const remedy = `${suggest(wanted, names)} the server has ${shown}`.trimStart();
  throw new UsageError("--model", wanted, remedy);
}

function withoutGaps(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

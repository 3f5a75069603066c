import * as z from "zod";
import { criticDefinition } from "../critic/registry.ts";
import { createEnvironment } from "../env/registry.ts";
import { UsageError } from "../errors.ts";
import { parseConfig } from "../parse_config.ts";
import type { ExportedModel } from "./exported_model.ts";

const schema = z.strictObject({
  environment: z.string(),
  config: z.unknown(),
  critic: z.string().nullable(),
});

/**
 * What a saved model must say for it to be exported: its environment and which critic it is, or that it is an actor. For the
 * metadata of `saveTraining`, or of `saveModels` with the model's `name` there.
 */
export function taskMetadata<State>(
  { environment, definition }: Pick<ExportedModel<State>, "environment" | "definition">,
  name?: string,
): Record<string, string> {
  const { name: environmentName, config } = environment;
  const task: z.output<typeof schema> = {
    environment: environmentName,
    config,
    critic: definition?.name ?? null,
  };
  return { [fieldOf(name)]: JSON.stringify(task) };
}

/**
 * What `taskMetadata` put there.
 *
 * @param path The file's name in messages.
 * @throws UsageError where there is none, or none that can be made again.
 */
export function readTask(
  metadata: Readonly<Record<string, string>>,
  path: string,
  name?: string,
): Omit<ExportedModel, "model"> {
  const field = fieldOf(name), source = `${path} ${field}`, text = metadata[field];
  if (text === undefined) {
    const remedy =
      "the file does not say which task the model is for: save it with taskMetadata, " +
      "compute the cell again if an older kit did, or export it in code by exportHuggingFace";
    throw new UsageError(path, field, remedy);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(source, text, "no JSON: compute the file again");
  }
  const { environment, config, critic } = parseConfig(schema, value, source);
  return {
    environment: createEnvironment(environment, config),
    ...critic !== null && { definition: criticDefinition(critic) },
  };
}

function fieldOf(name: string | undefined): string {
  return name === undefined ? "task" : `task/${name}`;
}

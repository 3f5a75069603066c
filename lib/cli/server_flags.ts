/** What the commands that ask a language model's server are told alike. */
import { z } from "zod";
import { DEFAULT_CONCURRENCY } from "../llm/server_connection.ts";

/** Flags of whom to ask, and how. */
export const serverFlags = {
  model: z.string().optional().describe("the server's model; default: the only one"),
  apiKeyVariable: z.string().optional()
    .describe("the environment variable with the server's key; default: OPENAI_API_KEY, if set"),
  concurrency: z.int().min(1).max(1024).default(DEFAULT_CONCURRENCY).describe("requests at a time"),
  timeout: z.number().positive().default(600).describe("seconds that one answer may take"),
  replay: z.boolean().default(false).describe("take all answers from the recording, ask no server"),
};

/** Models of testdata/make_models.py on disk, for tests. */

/** A prompt and the logits that transformers gives it. */
export interface ExpectedLogits {
  readonly tokens: readonly number[];
  readonly positions?: readonly number[];
  /** Of all tokens, one behind the other. */
  readonly logits: Float32Array;
}

/** A model's files by name, and what transformers computes with it. */
export interface ModelCase {
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  readonly prompts: readonly ExpectedLogits[];
}

/** The content of a file in testdata/. */
// deno-lint-ignore no-explicit-any
export function testdata(name: string): any {
  return JSON.parse(Deno.readTextFileSync(new URL(`testdata/${name}`, import.meta.url)));
}

/** The float32 numbers in base64. */
export function floatsOf(base64: string): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint8Array.fromBase64(base64).buffer);
}

/** Tiny random models, as transformers and llama.cpp's converter save them. */
export function modelCases(): Map<string, ModelCase> {
  type Stored = {
    files: Record<string, string>;
    prompts: { tokens: number[]; positions?: number[]; logits: string }[];
  };
  return new Map(
    Object.entries(testdata("models.json") as Record<string, Stored>)
      .map(([name, { files, prompts }]) => [name, {
        files: Object.fromEntries(
          Object.entries(files).map(([file, text]) => [file, Uint8Array.fromBase64(text)]),
        ),
        prompts: prompts.map((prompt) => ({ ...prompt, logits: floatsOf(prompt.logits) })),
      }]),
  );
}

/** A folder with these files while `body` runs. */
export function withFiles<T>(
  files: Readonly<Record<string, Uint8Array | string>>,
  body: (folder: string) => T,
): T {
  const folder = Deno.makeTempDirSync({ prefix: "genac model " });
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    return body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** What `readPretrained` reads of a case whose files are in `folder`. */
export function modelPath(folder: string, { files }: Pick<ModelCase, "files">): string {
  return "model.gguf" in files ? `${folder}/model.gguf` : folder;
}

/** A small OpenAI-compatible server whose model answers as a critic, by what stands in the prompt. */
export interface CriticServer extends AsyncDisposable {
  readonly url: string;
  /** Prompts that were answered, those of whoever tries out the server included. */
  readonly prompts: readonly string[];
}

/**
 * Starts it on loopback. It says 9 of a response with "right" in it, 2 of others, nothing where the response has "mute"; with
 * the actor's success rate in the prompt 8 and 3.
 *
 * @param failsAt It answers with an error from this state on that it is asked about.
 */
export function startCriticServer(failsAt = Infinity): CriticServer {
  const prompts: string[] = [];
  let asked = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/models") {
      return Response.json({
        object: "list",
        data: [{ id: "critic", object: "model", owned_by: "someone" }],
      });
    }
    const body = request.method === "POST" ? await request.json() : {};
    const prompt: string = pathname === "/v1/chat/completions"
      ? body.messages.map(({ content }: { content: string }) => content).join("\n")
      : String(body.prompt);
    if (!pathname.endsWith("/completions")) return new Response("not found", { status: 404 });
    const response = prompt.match(/<rollout>\n([^]*)\n<\/rollout>/)?.[1];
    if (response !== undefined && ++asked >= failsAt) {
      return Response.json({ error: { message: "out of memory" } }, { status: 400 });
    }
    prompts.push(prompt);
    const [good, bad] = prompt.includes("success rate") ? [8, 3] : [9, 2];
    const text = response === undefined
      ? "something"
      : response.includes("mute")
      ? "I cannot say"
      : `So I think\n<answer>${response.includes("right") ? good : bad}`;
    const ending = { index: 0, finish_reason: "stop" };
    return Response.json({
      ...{ id: "x", created: 0, model: "critic" },
      choices: [
        pathname === "/v1/chat/completions"
          ? { ...ending, message: { role: "assistant", content: text } }
          : { ...ending, text },
      ],
      usage: { prompt_tokens: prompt.length, completion_tokens: 5 },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    prompts,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/**
 * A WebGPU engine in a Worker: does what the messages of `WorkerEngine` say, in their order. Waiting for the GPU blocks
 * this thread's event loop, not the caller's.
 *
 * A training step is submitted when it comes, so that the GPU works on it while the caller prepares the next. All else
 * is kept until a step or the end of the caller's turn: what is read together then waits once.
 */
import { errorData } from "../../errors.ts";
import type {
  DecodingProgram,
  ForwardProgram,
  FrozenWeights,
  GenerationProgram,
  Session,
  TrainingProgram,
} from "../../tensor/backend.ts";
import { recorded, Tape } from "../../tensor/tape.ts";
import { WebGpuEngine, type WebGpuEngineOptions } from "./engine.ts";
import type { Ask, Make, Recorded, Reply, Request, Tell } from "./messages.ts";
import type { WebGpuSession } from "./session.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(reply: Reply, transfer?: ArrayBuffer[]): void;
  close(): void;
};

let engine: WebGpuEngine | undefined;
/** Objects by number; in place of one that could not be made, or whose state is not what was asked for, why. */
const objects = new Map<number, { readonly it: unknown } | { readonly error: unknown }>();

let queue: Request[] = [];

scope.onmessage = ({ data: request }) => {
  queue.push(request);
  const waits = "make" in request || ("call" in request && request.call !== "step") ||
    ("tell" in request && request.tell === "write");
  if (waits) return;
  const requests = queue;
  queue = [];
  for (const request of requests) {
    if ("make" in request) keep(request.object, () => make(request));
    else if ("call" in request) answer(request.ask, request);
    else tell(request);
  }
};

function tell(request: Tell): void {
  switch (request.tell) {
    case "start":
      start(request.options);
      return;
    case "write":
      return keep(request.object, () => {
        const session = use<Session>(request.object);
        session.write(request.state, request.name, request.values);
        return session;
      });
    case "write frozen":
      return keep(request.object, () => {
        const frozen = use<FrozenWeights>(request.object);
        frozen.write(request.name, request.values, request.firstColumn);
        return frozen;
      });
    case "end of turn":
      return engine!.device.endTurn();
    case "close":
      engine!.close();
      scope.close();
  }
}

async function start(options: WebGpuEngineOptions): Promise<void> {
  try {
    engine = await WebGpuEngine.create({ ...options, turns: "manual" });
    scope.postMessage({ ready: engine.adapter });
  } catch (error) {
    scope.postMessage({ notReady: errorData(error) });
    scope.close();
  }
}

function keep(object: number, what: () => unknown): void {
  try {
    objects.set(object, { it: what() });
  } catch (error) {
    objects.set(object, { error });
  }
}

/** An object that was made; throws what went wrong in making it. */
function use<T>(object: number): T {
  const entry = objects.get(object)!;
  if ("error" in entry) throw entry.error;
  return entry.it as T;
}

function make(request: Make): unknown {
  if (request.make === "frozen") return engine!.frozen(request.weights);
  if (request.make === "session") {
    const { parameters, constants, frozen } = request;
    const weights = frozen === undefined ? undefined : use<FrozenWeights>(frozen);
    return engine!.session(parameters, constants, weights);
  }
  const session = use<WebGpuSession>(request.session);
  switch (request.make) {
    case "training":
      return session.training(request.shape, replay(request.tape));
    case "forward":
      return session.forward(request.shape, replay(request.tape));
    case "decoding":
      return session.decoding(request.shape, replay(request.tape));
    case "generation":
      return new SentGeneration(session, request);
  }
}

/** A generation whose tapes that read prompts come when they are needed. */
class SentGeneration {
  readonly #prefills = new Map<number, Recorded>();
  readonly #program: GenerationProgram;

  constructor(session: WebGpuSession, { shape, rows, step }: Make & { make: "generation" }) {
    this.#program = session.generationOf(shape, {
      rows,
      step: recorded(new Tape(rows, 1, false), replay(step)),
      prefill: (length) =>
        recorded(new Tape(1, length, false), replay(this.#prefills.get(length)!)),
    });
  }

  respond({ rows, settings, prefills }: Ask & { call: "respond" }): Promise<number[][]> {
    for (const [length, tape] of prefills) this.#prefills.set(length, tape);
    return this.#program.run(rows, settings);
  }
}

/** Puts on a tape what was recorded on the caller's. */
function replay({ instructions, buffers }: Recorded): (tape: Tape) => void {
  return (tape) => {
    for (const instruction of instructions) tape.instructions.push(instruction);
    for (const buffer of buffers) tape.buffers.push(buffer);
  };
}

async function answer(ask: number, request: Ask & { object: number }): Promise<void> {
  try {
    const answer = await call(request);
    scope.postMessage({ ask, answer }, buffersOf(answer));
  } catch (error) {
    scope.postMessage({ ask, error: errorData(error) });
  }
}

function call(request: Ask & { object: number }): Promise<unknown> {
  const { object } = request;
  switch (request.call) {
    case "read":
      return use<Session>(object).read(request.state, request.name);
    case "step": {
      const { batch, optimizer, normalizer } = request;
      return use<TrainingProgram>(object).step(batch, optimizer, normalizer);
    }
    case "gradients":
      return use<TrainingProgram>(object).gradients(request.batch, request.normalizer);
    case "forward":
      return use<ForwardProgram>(object).run(request.batch, request.slots);
    case "generate": {
      const { forced, positions, rowIds, options } = request;
      return use<DecodingProgram>(object).run(forced, positions, rowIds, options);
    }
    case "respond":
      return use<SentGeneration>(object).respond(request);
    case "logits": {
      const { forced, positions, rowIds } = request;
      return use<DecodingProgram>(object).logits!(forced, positions, rowIds);
    }
  }
}

/** The memory of an answer's arrays, which is handed over, not copied. */
function buffersOf(answer: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(answer)) return [answer.buffer as ArrayBuffer];
  return typeof answer === "object" && answer !== null
    ? Object.values(answer).flatMap(buffersOf)
    : [];
}

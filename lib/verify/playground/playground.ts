import { WasmEngine } from "../../backend/wasm/engine.ts";
import { type CriticSize, NeuralCritic } from "../../critic/neural_critic.ts";
import { criticDefinition } from "../../critic/registry.ts";
import { PermutationEnvironment, type PermutationState } from "../../env/permutation.ts";
import { RandomStream } from "../../numeric/random.ts";
import { traceTokens } from "../../report/trace_tokens.ts";
import { setFlatWeights } from "./flat_weights.ts";
import type {
  Attempt,
  PlaygroundAnswer,
  PlaygroundAnswers,
  PlaygroundModel,
  PlaygroundQuestion,
  PlaygroundReply,
  PlaygroundSetup,
} from "./messages.ts";

/** Trained critics of the permutation puzzle, to be asked about any attempt at it. */
export class Playground {
  readonly #environment: PermutationEnvironment;
  readonly #critics = new Map<PlaygroundModel, Promise<LoadedCritic>>();
  readonly #weights = new Map<PlaygroundModel, Uint8Array>();

  private constructor(
    private readonly setup: PlaygroundSetup,
    weights: Uint8Array,
    private readonly engine: WasmEngine,
  ) {
    this.#environment = new PermutationEnvironment(setup.environment);
    let at = 0;
    for (const model of setup.models) {
      this.#weights.set(model, weights.subarray(at, at += model.bytes));
    }
  }

  /** @param weights The models' `flatWeights`, one after the other. */
  static async create(setup: PlaygroundSetup, weights: Uint8Array): Promise<Playground> {
    return new Playground(setup, weights, await WasmEngine.create());
  }

  /** The names of which words and moves are made. */
  get generators(): string[] {
    return this.#environment.group.generators.map(({ name }) => name);
  }

  /** The attempt of this number: a word that is held out from training, before the actor's first move. */
  shuffle(number: number): Attempt {
    const random = new RandomStream({ seed: number, purpose: "playground/shuffle" });
    const options = { actor: this.setup.actor, split: "test" } as const;
    return this.#named(this.#environment.initialState(random, options));
  }

  /**
   * The attempt after the actor's next move; the same where it is solved or no move is left.
   *
   * @param number Of the draw: another one may give another move.
   * @throws UsageError as `ask`.
   */
  step(attempt: Attempt, number: number): Attempt {
    const state = this.#state(attempt);
    const random = new RandomStream({ seed: number, purpose: "playground/step" });
    const { state: end } = this.#environment.rollout(random, state, this.setup.actor);
    const moves = end.moves.slice(0, state.moves.length + 1);
    return this.#named({ ...state, moves });
  }

  /**
   * What is true of an attempt, and what the critics of this size and seed say of it.
   *
   * @throws UsageError for an unknown generator, a word too long to read, too many moves, and moves after the end.
   */
  async ask(attempt: Attempt, size: CriticSize, seed: number): Promise<PlaygroundAnswers> {
    const state = this.#state(attempt), { group } = this.#environment;
    const models = this.setup.models.filter((model) =>
      model.seed === seed && model.size.dModel === size.dModel &&
      model.size.layers === size.layers
    );
    const critics: PlaygroundAnswer[] = [];
    for (const model of models) critics.push(await this.#answer(model, state));
    return {
      attempt,
      element: group.elementNames[state.element]!,
      distance: group.distances[state.element]!,
      movesLeft: state.stepsLeft,
      exact: this.#environment.exactValue(state, this.setup.actor),
      unlikeTraining: this.#unlikeTraining(state),
      critics,
    };
  }

  /** Ends it. */
  close(): void {
    this.engine.close();
  }

  async #answer(model: PlaygroundModel, state: PermutationState): Promise<PlaygroundAnswer> {
    const { critic, parameters } = await this.#critic(model);
    const [prediction] = await critic.values([{ state, context: {} }]);
    const { value, responses } = prediction!;
    return {
      critic: model.critic,
      title: critic.definition.title,
      value,
      ...(responses ? { chain: traceTokens(this.#environment, state, responses[0]!) } : {}),
      parameters,
      pinned: model.parameters,
    };
  }

  #critic(model: PlaygroundModel): Promise<LoadedCritic> {
    const known = this.#critics.get(model);
    if (known) return known;
    const loading = (async () => {
      const definition = criticDefinition(model.critic);
      const critic = new NeuralCritic(
        this.engine,
        definition,
        this.#environment,
        model.size,
        model.seed,
      );
      await setFlatWeights(critic.model, this.#weights.get(model)!);
      return { critic, parameters: await critic.model.digest() };
    })();
    this.#critics.set(model, loading);
    return loading;
  }

  #unlikeTraining({ word, moves, element }: PermutationState): string[] {
    const { minLength, maxLength, minMovesBefore, maxMovesBefore } = this.#environment.config;
    return [
      ...word.length < minLength || word.length > maxLength
        ? [`words had ${minLength} to ${maxLength} generators`]
        : [],
      ...moves.length < minMovesBefore || moves.length > maxMovesBefore
        ? [`${minMovesBefore} to ${maxMovesBefore} moves had been made`]
        : [],
      ...element === 0 ? ["none was solved"] : [],
    ];
  }

  #state({ word, moves }: Attempt): PermutationState {
    return this.#environment.state(word, moves);
  }

  #named({ word, moves }: Pick<PermutationState, "word" | "moves">): Attempt {
    const names = this.generators;
    return { word: word.map((g) => names[g]!), moves: moves.map((g) => names[g]!) };
  }
}

interface LoadedCritic {
  readonly critic: NeuralCritic<PermutationState>;
  readonly parameters: string;
}

let playground: Playground | undefined;

/** Answers a page. The first question must be "playground-begin". Throws UsageError as `Playground` does. */
export async function answerPlayground(question: PlaygroundQuestion): Promise<PlaygroundReply> {
  const { type } = question;
  if (type === "playground-begin") {
    playground = await Playground.create(question.setup, question.weights);
    return { type, generators: playground.generators };
  }
  if (!playground) throw new Error("the playground has not begun");
  switch (type) {
    case "playground-shuffle":
      return { type, attempt: playground.shuffle(question.number) };
    case "playground-step":
      return { type, attempt: playground.step(question.attempt, question.number) };
    case "playground-ask": {
      const { attempt, size, seed } = question;
      return { type, answers: await playground.ask(attempt, size, seed) };
    }
  }
}

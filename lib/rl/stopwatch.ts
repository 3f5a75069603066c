/** Wall time by what it was spent on. */
export class Stopwatch<Name extends string> {
  readonly seconds: Readonly<Record<Name, number>>;
  #last = performance.now();

  constructor(names: readonly Name[]) {
    this.seconds = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  }

  /** Charges the time since the last lap, or the start, to `name`. */
  lap(name: Name): void {
    const now = performance.now();
    (this.seconds as Record<Name, number>)[name] += (now - this.#last) / 1000;
    this.#last = now;
  }
}

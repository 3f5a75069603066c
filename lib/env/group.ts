/**
 * Finite permutation groups as integer tables.
 *
 * Conventions, used everywhere:
 * - A permutation p of the points 0..n-1 is the array of images: p[x] is where x goes.
 * - Products read from left to right: a·b is "first a, then b", (a·b)[x] = b[a[x]].
 * - Elements are numbered in the order of a breadth-first search from the identity through the
 *   generators in the order given, so element 0 is the identity.
 * - A move multiplies by a generator from the right: s -> s·g. The distance of s is the smallest
 *   number of moves that lead from s to the identity; the generators need not contain their inverses.
 *
 * Groups have at most a few hundred elements: everything is tabulated at construction.
 */
import * as z from "zod";
import { UsageError } from "../errors.ts";

/** A named generator and the index of its element. */
export interface Generator {
  readonly name: string;
  readonly element: number;
}

/** A group, its generators and what follows from them. Elements are indices 0..order-1. */
export interface FiniteGroup {
  /** As configured: "S5", "Z120". */
  readonly name: string;
  /** The number of elements. */
  readonly order: number;
  readonly generators: readonly Generator[];
  /** a·b at [a * order + b]. */
  readonly products: Uint16Array;
  /** s·g at [s * generators.length + g], for generator index g. */
  readonly moves: Uint16Array;
  /** The inverse of each element. */
  readonly inverses: Uint16Array;
  /** The fewest moves from each element to the identity. */
  readonly distances: Uint16Array;
  /** The largest distance. */
  readonly diameter: number;
  /** Cycle notation, "e" for the identity; in Z_n the residues "0".."n-1". All different. */
  readonly elementNames: readonly string[];
  /** The images of the points under an element. */
  permutation(element: number): readonly number[];
}

/** Where a group's points, elements and default generators come from. */
interface GroupKind {
  readonly points: number;
  readonly order: number;
  readonly cyclic: boolean;
  readonly defaults: readonly (string | number)[];
}

/** The largest n of Z_n: the vocabulary has one token for every element. */
const MAX_CYCLIC = 512;

const named: Readonly<Record<string, GroupKind>> = {
  S3: { points: 3, order: 6, cyclic: false, defaults: ["(01)", "(12)", "rot", "rot^-1"] },
  S4: { points: 4, order: 24, cyclic: false, defaults: ["(01)", "(23)", "rot", "rot^-1"] },
  A5: { points: 5, order: 60, cyclic: false, defaults: ["(012)", "(021)", "rot", "rot^-1"] },
  S5: { points: 5, order: 120, cyclic: false, defaults: ["(01)", "(23)", "rot", "rot^-1"] },
};

/** What `createGroup` accepts, for messages and help. */
export const groupChoices = `${Object.keys(named).join(", ")} or Z<n> with n in 2..${MAX_CYCLIC}`;

/** A field of a configuration: the generators that `createGroup` takes. */
export const generatorsField = z.array(
  z.union([z.int(), z.string()], {
    error: 'must be an integer such as 1, or a string such as "(01)"',
  }),
).min(1).max(16).optional().describe(
  "Residues for Z<n>, else cycles, rot, rot^-1; default: +-1, else four of diameter <= 7.",
);

/**
 * Builds a group with its generators and tables.
 *
 * @param name "S3", "S4", "A5", "S5" or "Z<n>" for the integers modulo n in 2..512.
 * @param generators For Z_n residues (1, -1, "+1", "119"); otherwise permutations in cycle notation on
 *   the points 0..n-1 ("(01)(23)", spaces allowed) or "rot" for (01..n-1) and "rot^-1" for its inverse.
 *   Default: 1 and -1 for Z_n; otherwise four that contain their inverses.
 * @throws UsageError for an unknown group, or generators that are malformed, outside of the group,
 *   trivial, repeated, or do not generate it.
 */
export function createGroup(
  name: string,
  generators?: readonly (string | number)[],
): FiniteGroup {
  const kind = groupKind(name);
  const { points, order } = kind;
  const chosen = (generators ?? kind.defaults).map((text) => parseGenerator(text, name, kind));
  checkDistinct(chosen);
  const { elements, moves, parents, last } = enumerate(chosen.map((g) => g.images), points);
  if (elements.length !== order) {
    const list = chosen.map((g) => g.name).join(", ");
    throw new UsageError(
      "generators",
      list,
      `${name} has ${order} elements, these reach ${elements.length}; add a generator`,
    );
  }
  const width = chosen.length;
  const products = new Uint16Array(order * order);
  const inverses = new Uint16Array(order);
  for (let a = 0; a < order; a++) {
    products[a * order] = a;
    for (let b = 1; b < order; b++) {
      // b = parent·g was found after its parent, so a·parent is known.
      const product = moves[products[a * order + parents[b]!]! * width + last[b]!]!;
      products[a * order + b] = product;
      if (product === 0) inverses[a] = b;
    }
  }
  const distances = distancesToIdentity(moves, order, width);
  return {
    name,
    order,
    // The identity's moves lead to the generators themselves.
    generators: chosen.map((g, j) => ({ name: g.name, element: moves[j]! })),
    products,
    moves: Uint16Array.from(moves),
    inverses,
    distances,
    diameter: Math.max(...distances),
    elementNames: elements.map((p) => kind.cyclic ? String(p[0]) : cycleNotation(p)),
    permutation: (element) => elements[element]!,
  };
}

/** Cycle notation without fixed points, "e" for the identity; for at most 10 points. */
function cycleNotation(images: readonly number[]): string {
  const seen = new Set<number>();
  let text = "";
  for (let start = 0; start < images.length; start++) {
    const cycle: number[] = [];
    for (let x = start; !seen.has(x); x = images[x]!) {
      seen.add(x);
      cycle.push(x);
    }
    if (cycle.length > 1) text += `(${cycle.join("")})`;
  }
  return text === "" ? "e" : text;
}

function groupKind(name: string): GroupKind {
  if (Object.hasOwn(named, name)) return named[name]!;
  const n = /^Z([1-9][0-9]{0,3})$/.exec(name)?.[1];
  if (n === undefined || Number(n) < 2 || Number(n) > MAX_CYCLIC) {
    throw new UsageError("group", name, `choose ${groupChoices}`);
  }
  const points = Number(n);
  return { points, order: points, cyclic: true, defaults: points === 2 ? [1] : [1, points - 1] };
}

interface NamedPermutation {
  readonly name: string;
  readonly images: readonly number[];
}

function parseGenerator(text: string | number, group: string, kind: GroupKind): NamedPermutation {
  const { points } = kind;
  const bad = (remedy: string) => new UsageError("generators", text, remedy);
  if (kind.cyclic) {
    if (!/^[+-]?[0-9]+$/.test(String(text))) {
      throw bad(`a generator of ${group} is an integer such as 1 or -1`);
    }
    const residue = ((Number(text) % points) + points) % points;
    return {
      name: 2 * residue <= points ? `+${residue}` : `-${points - residue}`,
      images: rotation(points, residue),
    };
  }
  const name = String(text).replaceAll(/\s+/g, "");
  if (name === "rot") return checkParity({ name, images: rotation(points, 1) });
  if (name === "rot^-1") return checkParity({ name, images: rotation(points, points - 1) });
  if (!/^(\([0-9]+\))+$/.test(name)) {
    throw bad(`a generator of ${group} is written in cycles, such as (01)(23), or rot or rot^-1`);
  }
  const images = rotation(points, 0);
  const used = new Set<number>();
  for (const cycle of name.slice(1, -1).split(")(")) {
    const members = [...cycle].map(Number);
    for (const x of members) {
      if (x >= points) throw bad(`the points of ${group} are 0..${points - 1}`);
      if (used.has(x)) throw bad(`point ${x} may occur only once`);
      used.add(x);
    }
    members.forEach((x, i) => images[x] = members[(i + 1) % members.length]!);
  }
  return checkParity({ name, images });

  function checkParity(generator: NamedPermutation): NamedPermutation {
    if (group.startsWith("A") && isOdd(generator.images)) {
      throw bad(`${group} holds only even permutations, such as (012) or (01)(23)`);
    }
    return generator;
  }
}

function checkDistinct(generators: readonly NamedPermutation[]): void {
  const seen = new Map<string, string>();
  for (const { name, images } of generators) {
    if (images.every((image, x) => image === x)) {
      throw new UsageError("generators", name, "is the identity; leave it out");
    }
    const earlier = seen.get(images.join());
    if (earlier !== undefined) {
      throw new UsageError("generators", name, `is the same as ${earlier}; leave one out`);
    }
    seen.set(images.join(), name);
  }
}

/** x -> x + by (mod n). */
function rotation(n: number, by: number): number[] {
  return Array.from({ length: n }, (_, x) => (x + by) % n);
}

/** First a, then b. */
function multiply(a: readonly number[], b: readonly number[]): number[] {
  return a.map((x) => b[x]!);
}

function isOdd(images: readonly number[]): boolean {
  let inversions = 0;
  images.forEach((a, i) => inversions += images.slice(i + 1).filter((b) => b < a).length);
  return inversions % 2 === 1;
}

/** Every product of generators, in breadth-first order from the identity. */
interface Enumeration {
  readonly elements: readonly (readonly number[])[];
  /** Element s times generator g at [s * generators.length + g]. */
  readonly moves: readonly number[];
  /** Element s was found as parents[s] times generator last[s]; nothing at 0. */
  readonly parents: readonly number[];
  readonly last: readonly number[];
}

function enumerate(generators: readonly (readonly number[])[], points: number): Enumeration {
  const identity = rotation(points, 0);
  const elements = [identity];
  const indexOf = new Map([[identity.join(), 0]]);
  const [moves, parents, last]: [number[], number[], number[]] = [[], [-1], [-1]];
  // `elements` grows while it is walked: it is the search's queue.
  for (let s = 0; s < elements.length; s++) {
    generators.forEach((generator, g) => {
      const next = multiply(elements[s]!, generator);
      const key = next.join();
      if (!indexOf.has(key)) {
        indexOf.set(key, elements.length);
        elements.push(next);
        parents.push(s);
        last.push(g);
      }
      moves.push(indexOf.get(key)!);
    });
  }
  return { elements, moves, parents, last };
}

/** Level by level: an element is at distance d if one move leads to distance d - 1. */
function distancesToIdentity(moves: readonly number[], order: number, width: number): Uint16Array {
  const unknown = 0xffff;
  const distances = new Uint16Array(order).fill(unknown);
  distances[0] = 0;
  for (let d = 1, found = true; found; d++) {
    found = false;
    for (let s = 0; s < order; s++) {
      if (distances[s] !== unknown) continue;
      for (let g = 0; g < width; g++) {
        if (distances[moves[s * width + g]!] !== d - 1) continue;
        distances[s] = d;
        found = true;
        break;
      }
    }
  }
  return distances;
}

/** The index of a generator's or element's name. Throws a UsageError with the choices that names `field` for an unknown one. */
export function indexOfName(names: readonly string[], name: string, field: string): number {
  const index = names.indexOf(name);
  if (index < 0) throw new UsageError(field, name, `choose from ${names.join(", ")}`);
  return index;
}

/**
 * Reads WGSL kernels and fits them to a use. A kernel file is WGSL plus three directives, each a comment of its own:
 *
 *     //# include math.wgsl          the text of another file of the folder
 *     //# for k in 0..BK             repeats the lines up to the matching `//# end`, with `$k` replaced by 0, 1, ...;
 *     //# end                        `$(2 * k + 1)$` is an expression of loop variables and of the file's constants
 *
 * Constants `const NAME: u32 = 64u;` may be replaced from outside (`specialize`): tile sizes, head widths. A binding
 * `x` whose elements are declared as `alias stored_x = f32;` or `vec4<f32>` may be kept in float16. Loops are
 * unrolled here because wgpu guards every loop that it sees, and because only constant indices keep arrays in registers.
 */
import { fileURLToPath } from "node:url";
import { sourceFiles } from "../../source_files.ts";

/** Values for a kernel's constants. */
export type Constants = Readonly<Record<string, number>>;

/** One binding of group 0. */
export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly type: "uniform" | "read-only-storage" | "storage";
}

/** A kernel ready to compile. */
export interface KernelSource {
  readonly code: string;
  readonly bindings: readonly Binding[];
  /** All integer constants of the file, after replacement. */
  readonly constants: Constants;
}

const INCLUDE = /^\/\/# include (\w+)\.wgsl$/gm;

const files = new Map<string, string>();

/** The text of a kernel file, `name` without folder and ending. */
export function kernelText(name: string): string {
  let text = files.get(name);
  if (text === undefined) {
    text = Deno.readTextFileSync(
      fileURLToPath(new URL(`../../../kernels/wgsl/${name}.wgsl`, import.meta.url)),
    );
    files.set(name, text);
  }
  return text;
}

/** The names of all kernel files. */
export function kernelNames(): string[] {
  const folder = fileURLToPath(new URL("../../../kernels/wgsl/", import.meta.url));
  return sourceFiles(folder, ".wgsl").map((name) => name.slice(0, -".wgsl".length));
}

/** The names of those that stand by themselves: no other includes them. */
export function wholeKernels(): Set<string> {
  const names = kernelNames();
  const included = names.flatMap((name) =>
    [...kernelText(name).matchAll(INCLUDE)].map(([, file]) => file!)
  );
  return new Set(names).difference(new Set(included));
}

/**
 * Includes, replaces constants and the types of the bindings `half`, unrolls loops and lists the bindings. Throws on a
 * directive that it cannot follow.
 */
export function specialize(
  name: string,
  replacements: Constants = {},
  half: readonly string[] = [],
): KernelSource {
  const included = kernelText(name).replace(
    INCLUDE,
    (_, file) => kernelText(file),
  );
  const constants: Record<string, number> = {};
  const used = new Set<string>();
  const replaced = included.replace(
    /^const (\w+): u32 = ([^;]+);/gm,
    (_, constant: string, value: string) => {
      used.add(constant);
      const number = replacements[constant] ?? evaluate(value, constants);
      constants[constant] = number;
      return `const ${constant}: u32 = ${number}u;`;
    },
  );
  for (const constant of Object.keys(replacements)) {
    if (!used.has(constant)) throw new Error(`${name}.wgsl has no constant ${constant}`);
  }
  const code = withHalf(unroll(replaced.split("\n"), constants, name).join("\n"), half, name);
  const bindings = [...code.matchAll(/@group\(0\) @binding\((\d+)\) var<([^>]+)> (\w+)/g)].map(
    ([, index, space, variable]) => ({
      index: Number(index),
      name: variable!,
      type: space === "uniform"
        ? "uniform" as const
        : space === "storage, read"
        ? "read-only-storage" as const
        : "storage" as const,
    }),
  );
  return { code, bindings, constants };
}

/** Stores these bindings in float16. */
function withHalf(code: string, half: readonly string[], file: string): string {
  let out = code;
  for (const binding of half) {
    const declaration = new RegExp(`^(alias stored_${binding} = .*)f32`, "m");
    if (!declaration.test(out)) throw new Error(`${file}.wgsl stores ${binding} in float32 only`);
    out = out.replace(declaration, "$1f16");
  }
  return half.length > 0 ? `enable f16;\n${out}` : out;
}

/** Repeats loop bodies, inner loops once for each round of the outer. */
function unroll(lines: readonly string[], names: Constants, file: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const loop = line.match(/^\s*\/\/# for (\w+) in (.+)\.\.(.+)$/);
    if (!loop) {
      out.push(substitute(line, names));
      continue;
    }
    const [, variable, from, to] = loop;
    const body: string[] = [];
    for (let depth = 1; i++, true;) {
      const inner = lines[i];
      if (inner === undefined) throw new Error(`${file}.wgsl: "//# for ${variable}" has no end`);
      if (/^\s*\/\/# for /.test(inner)) depth++;
      if (/^\s*\/\/# end\s*$/.test(inner) && --depth === 0) break;
      body.push(inner);
    }
    const end = evaluate(to!, names);
    for (let value = evaluate(from!, names); value < end; value++) {
      out.push(...unroll(body, { ...names, [variable!]: value }, file));
    }
  }
  return out;
}

function substitute(line: string, names: Constants): string {
  return line
    .replace(/\$\(([^$]+?)\)\$/g, (_, expression) => String(evaluate(expression, names)))
    .replace(/\$([A-Za-z]+)/g, (whole, name) => name in names ? String(names[name]) : whole);
}

/** An integer expression: numbers, names, + - * / % and parentheses; division rounds down. */
export function evaluate(text: string, names: Constants): number {
  const tokens = text.replace(/(\d)u\b/g, "$1").match(/\d+|\w+|[-+*/%()]/g) ?? [];
  let at = 0;
  const fail = () => new Error(`"${text}" is no integer expression`);
  const atom = (): number => {
    const token = tokens[at++];
    if (token === undefined) throw fail();
    if (token === "(") {
      const value = sum();
      if (tokens[at++] !== ")") throw fail();
      return value;
    }
    const value = /^\d/.test(token) ? Number(token) : names[token];
    if (value === undefined) throw fail();
    return value;
  };
  const product = (): number => {
    let value = atom();
    for (let token; (token = tokens[at]) === "*" || token === "/" || token === "%";) {
      at++;
      const right = atom();
      value = token === "*"
        ? value * right
        : token === "/"
        ? Math.floor(value / right)
        : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let token; (token = tokens[at]) === "+" || token === "-";) {
      at++;
      value += token === "+" ? product() : -product();
    }
    return value;
  };
  const value = sum();
  if (at !== tokens.length) throw fail();
  return value;
}

import { UsageError } from "../../errors.ts";
import { fullMatch } from "./pattern.ts";

/** What class escapes stand for inside brackets, in GBNF. */
const CLASSES: Readonly<Record<string, string>> = {
  d: "0-9",
  w: "0-9A-Za-z_",
  s: " \\t\\n\\r",
};
const COMPLEMENTS: Readonly<Record<string, string>> = { D: "d", W: "w", S: "s" };
const CONTROLS: Readonly<Record<string, string>> = { n: "\\n", t: "\\t", r: "\\r" };

/**
 * A regular expression as a grammar of llama.cpp (GBNF) that has the same full matches: characters, `.`, classes,
 * groups, `|`, `?`, `*`, `+` and `{m,n}`. Anchors at its ends are left out: a grammar's answer always is the whole.
 *
 * @throws UsageError for what a grammar cannot say (look-around, backreferences, lazy quantifiers, other anchors).
 */
export function regexToGbnf(pattern: string): string {
  fullMatch(pattern);
  return `root ::= ${new Translation(pattern).translate()}`;
}

class Translation {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(readonly pattern: string) {
    this.#characters = [...pattern.replace(/^\^/, "").replace(/(?<!\\)\$$/, "")];
  }

  translate(): string {
    const grammar = this.#alternatives();
    if (this.#at < this.#characters.length) this.#refuse(this.#characters[this.#at]!);
    return grammar;
  }

  #alternatives(): string {
    const found = [this.#sequence()];
    while (this.#take("|")) found.push(this.#sequence());
    return found.join(" | ");
  }

  #sequence(): string {
    const items: string[] = [];
    while (this.#at < this.#characters.length && !"|)".includes(this.#characters[this.#at]!)) {
      items.push(this.#item() + this.#quantifier());
    }
    return items.length === 0 ? '""' : items.join(" ");
  }

  #item(): string {
    const character = this.#characters[this.#at++]!;
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return this.#brackets();
      case ".":
        return "[^\\n\\r]";
      case "\\":
        return this.#escape();
      case "^":
      case "$":
        return this.#refuse(character);
      default:
        return literal(character);
    }
  }

  #group(): string {
    if (this.#take("?") && !this.#take(":")) this.#refuse(`(?${this.#characters[this.#at] ?? ""}`);
    const inside = this.#alternatives();
    this.#at++; // RegExp has seen that it closes.
    return `(${inside})`;
  }

  #escape(): string {
    const character = this.#characters[this.#at++]!;
    if (character in CLASSES) return `[${CLASSES[character]}]`;
    if (character in COMPLEMENTS) return `[^${CLASSES[COMPLEMENTS[character]!]}]`;
    if (character in CONTROLS) return `"${CONTROLS[character]}"`;
    if (/[a-zA-Z0-9]/.test(character)) this.#refuse(`\\${character}`);
    return literal(character);
  }

  #brackets(): string {
    const isComplement = this.#take("^");
    let inside = "";
    while (!this.#take("]")) {
      const character = this.#characters[this.#at++]!;
      inside += character === "\\" ? this.#escapeInBrackets() : character === "-"
        // RegExp has it as itself at the ends only.
        ? inside === "" || this.#characters[this.#at] === "]" ? "\\x2D" : "-"
        : inBrackets(character);
    }
    if (inside === "") return isComplement ? "[\\x00-\\U0010FFFF]" : this.#refuse("[]");
    return `[${isComplement ? "^" : ""}${inside}]`;
  }

  #escapeInBrackets(): string {
    const character = this.#characters[this.#at++]!;
    if (character in CLASSES) return CLASSES[character]!;
    // What cannot be written as a range: [\s\S], the usual way to say "any character".
    if (character === "S" || character === "W" || character === "D") return complement(character);
    if (character in CONTROLS) return CONTROLS[character]!;
    if (/[a-zA-Z0-9]/.test(character)) this.#refuse(`\\${character}`);
    return inBrackets(character);
  }

  #quantifier(): string {
    const character = this.#characters[this.#at];
    if (character === undefined || !"?*+{".includes(character)) return "";
    this.#at++;
    let quantifier = character;
    if (character === "{") {
      const end = this.#characters.indexOf("}", this.#at) + 1;
      quantifier += this.#characters.slice(this.#at, end).join("");
      this.#at = end;
    }
    if (this.#characters[this.#at] === "?") this.#refuse(`${quantifier}?`);
    return quantifier;
  }

  #take(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #refuse(what: string): never {
    throw new UsageError(
      "pattern",
      this.pattern,
      `${what} cannot be said in a grammar of llama.cpp: use characters, classes, groups, | and ? * + {m,n}`,
    );
  }
}

function complement(name: "S" | "W" | "D"): string {
  return {
    S: "\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F!-\\U0010FFFF",
    W: "\\x00-/:-@\\[-^`{-\\U0010FFFF",
    D: "\\x00-/:-\\U0010FFFF",
  }[name];
}

function literal(character: string): string {
  return `"${escaped(character, /["\\]/)}"`;
}

function inBrackets(character: string): string {
  return character === "-" ? "\\x2D" : escaped(character, /[\[\]\\^]/);
}

function escaped(character: string, special: RegExp): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0").toUpperCase()}`;
  if (!special.test(character)) return character;
  return character === "^" ? "\\x5E" : `\\${character}`;
}

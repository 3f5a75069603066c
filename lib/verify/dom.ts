/**
 * What the page's scripts use of the DOM. The DOM's own library of types would hold in the whole program, and contradicts
 * Deno's.
 */

/** An element, with the fields of those kinds of elements that are used. */
export interface PageElement {
  id: string;
  textContent: string;
  className: string;
  hidden: boolean;
  disabled: boolean;
  /** Of progress a number, of input the text. */
  value: number | string;
  /** Of optgroup. */
  label: string;
  /** Of a radio button. */
  checked: boolean;
  /** Of select. */
  selectedIndex: number;
  onclick: (() => void) | null;
  onchange: (() => void) | null;
  onmouseenter: (() => void) | null;
  onkeydown: ((event: { readonly key: string }) => void) | null;
  append(...nodes: readonly (PageElement | string)[]): void;
  replaceChildren(...nodes: readonly PageElement[]): void;
  focus(): void;
  setAttribute(name: string, value: string): void;
}

const { document } = globalThis as unknown as {
  readonly document: {
    getElementById(id: string): PageElement | null;
    createElement(name: string): PageElement;
  };
};

/** The page's element of this id. Throws an Error where there is none. */
export function elementOf(id: string): PageElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/** A new element with this text. */
export function element(name: string, text = ""): PageElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

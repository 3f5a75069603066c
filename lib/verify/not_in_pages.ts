/** Experiments whose runs need what a page does not have, such as files of pretrained models. */
export const NOT_IN_PAGES: readonly string[] = ["llm"];

import { fileURLToPath } from "node:url";

/** The checkout's root folder, with a trailing slash; where the library was imported from an address, the working folder. */
export const ROOT = import.meta.url.startsWith("file:")
  ? fileURLToPath(new URL("../", import.meta.url))
  : "./";

/** Prints the Python that is found, or why there is none. */
import { findPython } from "../python.ts";

console.log(await findPython().catch(String));

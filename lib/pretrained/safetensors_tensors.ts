import { UsageError } from "../errors.ts";
import { missingTensor, safetensorsFiles } from "../run/safetensors_folder.ts";
import { type Header, MAX_HEADER_BYTES, parseLayout } from "../run/safetensors_header.ts";
import { PretrainedTensor } from "./pretrained_tensor.ts";
import { COPY_AGAIN, readRange, statOf } from "./read_range.ts";
import { isStoredType } from "./stored_type.ts";

/** Bytes of the header's length at the head of a file. */
const PREFIX = 8;
const FLOATS = ["F32", "F16", "BF16"];

/**
 * The tensors of a folder as Hugging Face saves a model, by name; of the files only the headers are read.
 *
 * @throws UsageError for a folder, an index or a header that is none, a file that is cut short, and a tensor that is missing
 *   or stored otherwise than in F32, F16 or BF16.
 */
export function safetensorsTensors(folder: string): Map<string, PretrainedTensor> {
  const tensors = new Map<string, PretrainedTensor>();
  for (const { path, names } of safetensorsFiles(folder)) {
    const { header: { entries }, start } = readHeader(path);
    for (const name of names ?? entries.keys()) {
      const entry = entries.get(name);
      if (!entry) throw missingTensor(path, name);
      const { dtype, shape, offsets: [from, to] } = entry;
      if (!isStoredType(dtype) || !FLOATS.includes(dtype)) {
        throw new UsageError(`${path}: ${name}`, dtype, `only ${FLOATS.join(", ")} are supported`);
      }
      const source = { path, offset: start + from, name };
      tensors.set(name, new PretrainedTensor(name, shape, dtype, to - from, source));
    }
  }
  return tensors;
}

/** A file's header, and where its data start. */
function readHeader(path: string): { header: Header; start: number } {
  const refuse = (problem: string): never => {
    throw new UsageError(path, problem, `not a whole safetensors file; ${COPY_AGAIN}`);
  };
  const { size } = statOf(path, "the index of shards names it: copy or download it again");
  if (size < PREFIX) refuse(`${size} bytes`);
  const length = Number(new DataView(readRange(path, 0, PREFIX).buffer).getBigUint64(0, true));
  const start = PREFIX + length;
  if (length > MAX_HEADER_BYTES || start > size) {
    refuse(`header of ${length} bytes in a file of ${size}`);
  }
  return { header: parseLayout(readRange(path, PREFIX, length), size - start, refuse), start };
}

/**
 * The history of names in a file, so that a hub which is started anew in its
 * place knows who had which address before.
 *
 * Lines of text: when it was written, then claims. A new file takes the place
 * of the one before when it is whole, so one of them always is.
 */
import { NamesHistory } from "./names_history.ts";

/** A file of another kind, or of another version of Thresher, is no history. */
const KIND = "thresher names 2";

/** Bytes of the file; two of them have room in the hub's volume. */
const MAX_SIZE = 100 * 2 ** 20;

/** Bytes that are read or written at once. */
const CHUNK = 64 * 1024;

/** A history, and when it was true; µs since 1970. */
export interface SavedNames {
  readonly history: NamesHistory;
  readonly at: number;
}

/**
 * Writes the history.
 *
 * @param at the present, µs since 1970
 * @returns claims that found no room
 * @throws Deno.errors as the system says them
 */
export async function saveNames(
  path: string,
  history: NamesHistory,
  at: number,
): Promise<number> {
  const fresh = `${path}.new`;
  const encoder = new TextEncoder();
  let left = 0;
  {
    using file = await Deno.open(fresh, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o600,
    });
    let size = 0;
    let text = JSON.stringify([KIND, at]) + "\n";
    const flush = async () => {
      const bytes = encoder.encode(text);
      size += bytes.length;
      text = "";
      for (let done = 0; done < bytes.length;) {
        done += await file.write(bytes.subarray(done));
      }
    };
    for (const line of history.save()) {
      if (size > MAX_SIZE) left++;
      else text += line + "\n";
      if (text.length >= CHUNK) await flush();
    }
    await flush();
  }
  await Deno.rename(fresh, path);
  return left;
}

/**
 * Reads what was saved.
 *
 * @returns `undefined` if there is none, or it is none
 * @throws Deno.errors as the system says them
 */
export function loadNames(path: string): SavedNames | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  using _ = file;
  const lines = linesOf(file);
  const at = toTime(lines.next().value);
  if (at === undefined) return undefined;
  return { history: NamesHistory.restore(lines), at };
}

/** Whole lines; the hub has nothing else to do yet, so it waits for them. */
function* linesOf(file: Deno.FsFile): Generator<string, undefined> {
  const buffer = new Uint8Array(CHUNK);
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const size = file.readSync(buffer);
    if (size === null) return;
    rest += decoder.decode(buffer.subarray(0, size), { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** When it was saved, as the first line says. */
function toTime(line: string | undefined): number | undefined {
  try {
    const [kind, at] = JSON.parse(line ?? "");
    return kind === KIND && Number.isFinite(at) ? at : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) {
      return undefined;
    }
    throw error;
  }
}

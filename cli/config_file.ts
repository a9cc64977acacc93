/**
 * The configuration file as text -> what stands in it, and on which line.
 *
 * It is YAML of a plain kind: options with their values, and sections of
 * options that are for one command. Everything else is refused.
 */
import {
  type Event,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE_PLAIN,
  YAMLException,
} from "js-yaml";
import { BadConfigFile, type Setting } from "./setting.ts";

/** @throws BadConfigFile */
export function readConfigFile(text: string): Setting[] {
  return new Reader(text).document();
}

/** Reads events in their order; each method takes those of one thing. */
class Reader {
  readonly #text: string;
  readonly #events: readonly Event[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#events = orBad(() => parseEvents(text, {}));
  }

  document(): Setting[] {
    if (this.#events.length === 0) return [];
    this.#at++; // that the document begins
    const event = this.#events[this.#at++]!;
    const isEmpty = event.type === EVENT_ID.SCALAR &&
      this.#scalar(event) === "";
    if (isEmpty || event.type === EVENT_ID.POP) return [];
    if (event.type !== EVENT_ID.MAPPING) {
      throw this.#bad(event, "expected options, such as `storage-limit: 2GB`");
    }
    const settings = this.#settings(true);
    const next = this.#events[this.#at + 1]; // behind this document's end
    if (next) throw this.#bad(next, "there must be one document only");
    return settings;
  }

  /** Those of a mapping that has begun. */
  #settings(maySection: boolean): Setting[] {
    const settings: Setting[] = [];
    for (;;) {
      const event = this.#events[this.#at++]!;
      if (event.type === EVENT_ID.POP) return settings;
      if (event.type !== EVENT_ID.SCALAR) {
        throw this.#bad(event, "expected an option's name");
      }
      const key = this.#scalar(event);
      const line = this.#lineOf(event);
      if (settings.some((one) => one.key === key)) {
        throw new BadConfigFile(line, `\`${key}\` stands there twice`);
      }
      settings.push({ key, line, value: this.#value(key, maySection) });
    }
  }

  #value(key: string, maySection: boolean): Setting["value"] {
    const event = this.#events[this.#at++]!;
    switch (event.type) {
      case EVENT_ID.SCALAR: {
        const text = this.#scalar(event);
        const isPlain = event.style === SCALAR_STYLE_PLAIN;
        return isPlain && /^(~|null|)$/i.test(text) ? undefined : text;
      }
      case EVENT_ID.SEQUENCE:
        return this.#items(key);
      case EVENT_ID.MAPPING:
        if (maySection) return this.#settings(false);
        throw this.#bad(event, `\`${key}\` cannot have options of its own`);
      default:
        throw this.#bad(event, "anchors are not understood here");
    }
  }

  /** Those of a list that has begun. */
  #items(key: string): string[] {
    const items: string[] = [];
    for (;;) {
      const event = this.#events[this.#at++]!;
      if (event.type === EVENT_ID.POP) return items;
      if (event.type !== EVENT_ID.SCALAR) {
        throw this.#bad(event, `\`${key}\` must be a list of texts`);
      }
      items.push(this.#scalar(event));
    }
  }

  #scalar(event: Event & { readonly type: typeof EVENT_ID.SCALAR }): string {
    return orBad(() => getScalarValue(this.#text, event));
  }

  #bad(event: Event, message: string): BadConfigFile {
    return new BadConfigFile(this.#lineOf(event), message);
  }

  #lineOf(event: Event): number {
    const at = "start" in event
      ? event.start
      : "valueStart" in event
      ? event.valueStart
      : "anchorStart" in event
      ? event.anchorStart
      : this.#text.length;
    return this.#text.slice(0, Math.max(0, at)).split("\n").length;
  }
}

/** @throws BadConfigFile in place of what the parser throws */
function orBad<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new BadConfigFile((error.mark?.line ?? 0) + 1, error.reason);
  }
}

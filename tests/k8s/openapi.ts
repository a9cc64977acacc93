/**
 * Objects held against the schemas that a real API server serves, with fields
 * that no schema names refused: a typo is an error here, as it is there.
 *
 * The schemas lie beside the repository; without them there is nothing to hold
 * anything against, and {@link readSchemas} gives `undefined`.
 */

/** What of JSON Schema these documents use. */
interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly "x-kubernetes-group-version-kind"?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

/** What is wrong with an object, and where. */
export interface Problem {
  readonly kind: "unknown" | "type" | "missing" | "value";
  /** As in `.spec.template.spec.hostNetwork`. */
  readonly path: string;
  readonly message: string;
}

const FOLDER = new URL(
  "../../../shared/kubernetes/openapi/served/",
  import.meta.url,
);

/** The schemas, or `undefined` where they are not there. */
export function readSchemas(): Schemas | undefined {
  const all: Record<string, Schema> = {};
  try {
    for (const { name } of Deno.readDirSync(FOLDER)) {
      const text = Deno.readTextFileSync(new URL(name, FOLDER));
      const document = JSON.parse(text) as {
        components: { schemas: Record<string, Schema> };
      };
      Object.assign(all, document.components.schemas);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return new Schemas(all);
}

/** All that a server knows of its objects' shapes. */
export class Schemas {
  readonly #schemas: Readonly<Record<string, Schema>>;
  readonly #kinds = new Map<string, Schema>();

  constructor(schemas: Readonly<Record<string, Schema>>) {
    this.#schemas = schemas;
    for (const schema of Object.values(schemas)) {
      for (const gvk of schema["x-kubernetes-group-version-kind"] ?? []) {
        const version = [gvk.group, gvk.version].filter(Boolean).join("/");
        this.#kinds.set(`${version} ${gvk.kind}`, schema);
      }
    }
  }

  /** Everything that is wrong with an object, in order of its fields. */
  check(object: object): Problem[] {
    const { apiVersion, kind } = object as Record<string, unknown>;
    const schema = this.#kinds.get(`${apiVersion} ${kind}`);
    if (!schema) {
      const message = `no such kind: ${apiVersion} ${kind}`;
      return [{ kind: "value", path: "", message }];
    }
    return [...this.#check(object, schema, "")];
  }

  *#check(value: unknown, given: Schema, path: string): Iterable<Problem> {
    const schema = this.#resolve(given);
    if (value === null) return; // as if it were not there
    if (schema.oneOf) {
      const ways = schema.oneOf.map((one) => [
        ...this.#check(value, one, path),
      ]);
      if (ways.every((problems) => problems.length > 0)) yield* ways[0]!;
      return;
    }
    if (schema.type && !isOf(schema.type, value)) {
      const message = `expected ${schema.type}, got &{${value}}`;
      yield { kind: "type", path, message };
      return;
    }
    if (schema.enum && !schema.enum.includes(value)) {
      const message = `${value} is none of ${schema.enum.join(", ")}`;
      yield { kind: "value", path, message };
    }
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) {
        yield* this.#check(item, schema.items ?? {}, `${path}[${i}]`);
      }
    } else if (typeof value === "object") {
      yield* this.#checkFields(value as Record<string, unknown>, schema, path);
    }
  }

  *#checkFields(
    value: Record<string, unknown>,
    schema: Schema,
    path: string,
  ): Iterable<Problem> {
    for (const name of schema.required ?? []) {
      if (value[name] === undefined) {
        const message = "required field is missing";
        yield { kind: "missing", path: `${path}.${name}`, message };
      }
    }
    // What has neither holds anything: managed fields, raw extensions.
    const isOpen = !schema.properties && !schema.additionalProperties;
    for (const [name, child] of Object.entries(value)) {
      const own = schema.properties?.[name];
      const other = schema.additionalProperties;
      if (own) yield* this.#check(child, own, `${path}.${name}`);
      else if (typeof other === "object") {
        yield* this.#check(child, other, `${path}.${name}`);
      } else if (!isOpen && other !== true) {
        const message = "field not declared in schema";
        yield { kind: "unknown", path: `${path}.${name}`, message };
      }
    }
  }

  #resolve(schema: Schema): Schema {
    const only = schema.allOf?.length === 1 ? schema.allOf[0]! : schema;
    if (!only.$ref) return only;
    const name = only.$ref.split("/").at(-1)!;
    const found = this.#schemas[name];
    if (!found) throw new Error(`No schema called ${name}`);
    return this.#resolve(found);
  }
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    default:
      throw new Error(`No such type: ${type}`);
  }
}

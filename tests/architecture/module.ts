/**
 * What a module asks of its surroundings: what it imports, and which of the
 * names that everybody has (`Deno`, `Date.now`, …) it uses.
 *
 * Read from the syntax tree that Deno gives its lint plugins, so that comments
 * and texts are not taken for code. Works under `deno test` only, for nowhere
 * else does Deno hand it out.
 */

/** A module as it matters to the architecture. */
export interface Module {
  /** Path in the repository. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** Files it opens by `new URL("…", import.meta.url)`, as written. */
  readonly files: readonly string[];
  readonly globals: readonly Global[];
}

/** What a module imports, in whatever way, types included. */
export interface Import {
  /** As written; undefined where it is worked out at run time. */
  readonly specifier: string | undefined;
  /** Whether only types are taken, so that nothing of it is left to run. */
  readonly isErased: boolean;
  readonly line: number;
}

/** A use of a name that the module does not declare. */
export interface Global {
  /** The name, and what is taken of it: `Deno`, `Date.now`, `new Date()`. */
  readonly name: string;
  readonly line: number;
}

/**
 * Reads a module's source.
 *
 * @param watched names whose uses are wanted
 * @throws Error if Deno's tree does not cover the source to its end
 */
export function readModule(
  path: string,
  source: string,
  watched: ReadonlySet<string>,
): Module {
  const imports: Import[] = [];
  const files: string[] = [];
  const globals: (Global & { root: string })[] = [];
  const own = new Set<string>();
  let end = 0;
  const lineOf = ({ range }: { range: readonly number[] }) =>
    source.slice(0, range[0]).split("\n").length;
  const add = (
    literal: unknown,
    at: { range: readonly number[] },
    isErased = false,
  ) =>
    imports.push({
      specifier: typeof literal === "string" ? literal : undefined,
      isErased,
      line: lineOf(at),
    });

  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: (node) => add(node.source.value, node, isErased(node)),
    ExportAllDeclaration: (node) =>
      add(node.source.value, node, node.exportKind === "type"),
    ExportNamedDeclaration(node) {
      if (!node.source) return;
      add(node.source.value, node, node.exportKind === "type");
    },
    ImportExpression(node) {
      add(node.source.type === "Literal" && node.source.value, node);
    },
    TSImportType(node) {
      // The declared type says Literal; the tree wraps it.
      const argument = node.argument as { literal?: { value?: unknown } };
      add(argument.literal?.value, node, true);
    },
    NewExpression(node) {
      const [file, base] = node.arguments;
      const isUrl = node.callee.type === "Identifier" &&
        node.callee.name === "URL" && base?.type === "MemberExpression" &&
        base.object.type === "MetaProperty";
      if (!isUrl || file?.type !== "Literal") return;
      const path = String(file.value);
      if (!path.endsWith("/")) files.push(path);
      // A thread's module: `new URL("scan.ts", import.meta.url)`.
      if (path.endsWith(".ts")) add(path.replace(/^(?!\.)/, "./"), node);
    },
    Identifier(node) {
      if (!watched.has(node.name)) return;
      if (declares(node)) own.add(node.name);
      const name = useOf(node);
      if (name === undefined) return;
      globals.push({ name, root: node.name, line: lineOf(node) });
    },
    Program(node) {
      end = node.body.at(-1)?.range[1] ?? 0;
    },
  };
  Deno.lint.runPlugin(
    { name: "architecture", rules: { read: { create: () => visitor } } },
    path,
    source,
  );
  // Deno's tree ends at the first empty statement between others.
  const rest = source.slice(end).replace(/\/\/.*|\/\*[^]*?\*\//g, "");
  if (rest.trim() !== "") {
    throw new Error(`${path}: cannot be read behind offset ${end}`);
  }
  return {
    path,
    imports,
    files,
    globals: globals.filter(({ root }) => !own.has(root)),
  };
}

/** Whether an import takes types alone. */
function isErased(node: Deno.lint.ImportDeclaration): boolean {
  if (node.importKind === "type") return true;
  return node.specifiers.length > 0 &&
    node.specifiers.every((each) =>
      each.type === "ImportSpecifier" && each.importKind === "type"
    );
}

/** Whether the name is that of a parameter or variable. */
function declares(node: Deno.lint.Identifier): boolean {
  let pattern: Deno.lint.Node = node;
  let parent = node.parent as Deno.lint.Node;
  while (isPartOf(pattern, parent) && "parent" in parent) {
    pattern = parent;
    parent = parent.parent as Deno.lint.Node;
  }
  // Every node answers to `params`; those without have undefined there.
  const params: unknown = "params" in parent ? parent.params : undefined;
  if (Array.isArray(params)) return params.includes(pattern);
  return parent.type === "VariableDeclarator" && parent.id === pattern;
}

/** Whether `parent` takes values apart, and `node` names one of them. */
function isPartOf(node: Deno.lint.Node, parent: Deno.lint.Node): boolean {
  switch (parent.type) {
    case "ArrayPattern":
    case "ObjectPattern":
    case "RestElement":
      return true;
    case "AssignmentPattern":
      return parent.left === node;
    case "Property":
      return parent.value === node;
    default:
      return false;
  }
}

/** How a name is used; undefined if it is only a property's or type's. */
function useOf(node: Deno.lint.Identifier): string | undefined {
  const parent = node.parent as Deno.lint.Node;
  switch (parent.type) {
    case "MemberExpression": {
      if (parent.object !== node) {
        return parent.computed ? node.name : undefined;
      }
      const { property } = parent;
      if (property.type === "Identifier" && !parent.computed) {
        return `${node.name}.${property.name}`;
      }
      return node.name;
    }
    case "NewExpression":
      if (parent.callee !== node) return node.name;
      return `new ${node.name}(${parent.arguments.length > 0 ? "…" : ""})`;
    case "Property":
      // `{ name: value }` names a property, `{ name }` uses the variable.
      return parent.key === node && !parent.shorthand && !parent.computed
        ? undefined
        : node.name;
    case "MethodDefinition":
    case "PropertyDefinition":
      return parent.key === node && !parent.computed ? undefined : node.name;
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSTypeReference":
      return undefined;
    default:
      return node.name;
  }
}

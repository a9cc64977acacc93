/**
 * The fake API server against what a real Kubernetes 1.36.2 answered.
 *
 * `contract/cases.json` has requests and what counts of the real answers.
 * Beside the repository lie the recordings themselves, from which `UPDATE=yes`
 * writes the file anew; where they are, a test holds the file against them.
 * `THRESHER_TEST_CONTEXT` names a context of the kubeconfig: then the same
 * requests go to that cluster too, in namespaces that this test makes and
 * removes.
 */
import { deepEqual } from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { fromKubeconfig, kubeconfigFiles } from "../../k8s/access.ts";
import { type Answer, type Case, digest } from "./contract/digest.ts";
import { startFakeApiServer } from "./fake_api_server.ts";
import { readSchemas } from "./openapi.ts";

const RECORDINGS = new URL(
  "../../../shared/kubernetes/recordings/",
  import.meta.url,
);
const CASES = new URL("contract/cases.json", import.meta.url);

/** In this order, for each finds what those before it left. */
const NAMES = `
  version version-anonymous group-missing path-missing resource-missing
  method-not-allowed
  unauthorized anonymous-forbidden forbidden-list forbidden-list-all
  forbidden-get-missing forbidden-namespace-get forbidden-apply
  forbidden-subresource
  ssar-admin-yes ssar-viewer-no ssar-viewer-portforward ssar-unknown-resource
  ssar-bad-token ssar-empty
  list-page-1 list-continue-garbage list-label-invalid list-field-unsupported
  list-field-invalid list-rv-invalid list-rvmatch-alone list-rv-exact-old
  list-namespace-missing list-rv-future get-pod-missing get-namespace-missing
  get-deployment-missing
  watch-rv-invalid watch-rv-too-old watch-namespace-missing watch-forbidden
  watch-unauthorized watch-send-initial-events-no-match
  apply-create apply-noop apply-update apply-remove-field apply-second-manager
  apply-conflict apply-force apply-conflict-back apply-strict-typo
  apply-warn-typo apply-ignore-typo apply-default-typo apply-strict-typo-deep
  apply-yaml apply-dryrun-create apply-dryrun-create-get apply-dryrun-update
  apply-dryrun-bad-value apply-dryrun-namespace-missing apply-no-manager
  apply-wrong-content-type apply-name-mismatch apply-managed-fields
  apply-managed-fields-nonempty apply-bad-json apply-strict-duplicate-key
  apply-bad-rv apply-immutable apply-wrong-type
  create create-exists create-namespace-missing create-namespace-exists
  create-strict-typo create-warn-typo create-generate-name create-invalid-name
  create-kind-mismatch create-namespace-mismatch create-no-content-type
  patch-merge patch-json patch-json-test-fails patch-missing put-missing
  delete-uid-mismatch delete-dryrun delete delete-missing delete-collection
  delete-with-finalizer finalizer-remove finalizer-removed-get
`.trim().split(/\s+/);

/** What has to be there before a case, and that no case makes. */
const BEFORE: Record<string, readonly object[]> = {
  version: ["shop", "rec-write", "rec-watch", "thresher"].map((name) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "thresher-contract": "yes" } },
  })),
  "list-page-1": [0, 1, 2, 3, 4].map((n) =>
    configMap(`page-${n}`, "shop", { labels: { set: "page" } })
  ),
  "delete-collection": ["c1", "c2"].map((name) =>
    configMap(name, "rec-write", { labels: { batch: "1" } })
  ),
  "delete-with-finalizer": [
    configMap("held", "rec-write", { finalizers: ["example.org/hold"] }),
  ],
  "apply-immutable": [{
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "thresher-worker", namespace: "rec-write" },
    spec: {
      selector: { matchLabels: { app: "thresher-worker" } },
      template: {
        metadata: { labels: { app: "thresher-worker" } },
        spec: {
          nodeSelector: { nowhere: "yes" },
          containers: [{ name: "worker", image: "none" }],
        },
      },
    },
  }],
};

/** Those that need to know the fields of an object. */
const NEED_SCHEMAS = /typo|wrong-type/;

function configMap(name: string, namespace: string, more: object) {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, ...more },
  };
}

/** The cases as they were recorded; `undefined` without recordings. */
function readRecordings(): Case[] | undefined {
  try {
    return NAMES.map((name) => {
      const file = new URL(`${name}.json`, RECORDINGS);
      const { request, response } = JSON.parse(Deno.readTextFileSync(file)) as {
        request: Case & { headers: Record<string, string> };
        response: Answer;
      };
      return {
        name,
        method: request.method,
        path: request.path,
        as: request.as,
        contentType: request.headers["content-type"],
        body: request.body,
        expected: digest(response),
      };
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Somewhere to send requests, as whoever is wanted. */
type Ask = (
  as: string,
  path: string,
  init: RequestInit,
) => Promise<Response>;

/**
 * Sends every case, with what it needs before it.
 *
 * @returns those whose answer is not what was expected
 */
async function run(cases: readonly Case[], ask: Ask): Promise<object[]> {
  const faults: object[] = [];
  for (const one of cases) {
    for (const object of BEFORE[one.name] ?? []) await make(ask, object);
    const body = typeof one.body === "string" || one.body === undefined
      ? one.body
      : JSON.stringify(one.body);
    const response = await ask(one.as, one.path, {
      method: one.method,
      headers: one.contentType ? { "content-type": one.contentType } : {},
      ...(body !== undefined && { body }),
    });
    const answer = digest(await toAnswer(response, one.path));
    const { name, expected } = one;
    if (!isDeepStrictEqual(answer, expected)) {
      faults.push({ name, answer, expected });
    }
  }
  return faults;
}

async function make(ask: Ask, object: object): Promise<void> {
  const { kind, apiVersion, metadata } = object as Record<string, string> & {
    metadata: { name: string; namespace?: string };
  };
  const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const scope = metadata.namespace ? `/namespaces/${metadata.namespace}` : "";
  const plural = `${kind!.toLowerCase()}s`;
  const path = `${root}${scope}/${plural}/${metadata.name}`;
  const response = await ask("admin", `${path}?fieldManager=thresher-cli`, {
    method: "PATCH",
    headers: { "content-type": "application/apply-patch+yaml" },
    body: JSON.stringify(object),
  });
  if (!response.ok) throw new Error(await response.text());
  await response.body?.cancel();
}

async function toAnswer(response: Response, path: string): Promise<Answer> {
  const headers = Object.fromEntries(response.headers);
  const { status } = response;
  const text = await response.text();
  if (status === 200 && path.includes("watch=1")) {
    const lines = text.split("\n").filter(Boolean);
    return {
      status,
      headers,
      lines: lines.map((line) => ({ line: JSON.parse(line) })),
    };
  }
  return { status, headers, body: isJson(headers) ? JSON.parse(text) : text };
}

const isJson = (headers: Answer["headers"]): boolean =>
  headers["content-type"]?.startsWith("application/json") ?? false;

/** All cases that can be asked here, and what is expected of each. */
function readCases(): Case[] {
  return JSON.parse(Deno.readTextFileSync(CASES)) as Case[];
}

Deno.test("the contract is what a real server answered", () => {
  const recorded = readRecordings();
  if (!recorded) return console.log("ignore: no recordings are beside this");
  const text = JSON.stringify(recorded, null, 1) + "\n";
  if (Deno.env.get("UPDATE")) Deno.writeTextFileSync(CASES, text);
  deepEqual(readCases(), JSON.parse(text));
});

Deno.test("the fake API server keeps the contract", async () => {
  const schemas = readSchemas();
  if (!schemas) console.log("ignore: no schemas are beside this");
  const cases = readCases().filter(({ name }) =>
    schemas !== undefined || !NEED_SCHEMAS.test(name)
  );
  await using server = await startFakeApiServer({ schemas, nodes: [] });
  server.expire();
  const tokens: Record<string, string> = {
    admin: "admin-token",
    viewer: "viewer",
    "bad-token": "nobody's",
  };
  const faults = await run(cases, (as, path, init) => {
    const token = tokens[as];
    const authorization = token ? { authorization: `Bearer ${token}` } : {};
    return fetch(server.url + path, {
      ...init,
      headers: { ...init.headers, ...authorization } as HeadersInit,
    });
  });
  deepEqual(faults, []);
});

const context = Deno.env.get("THRESHER_TEST_CONTEXT");

Deno.test({
  name: "a real cluster keeps the contract",
  ignore: context === undefined,
  async fn() {
    const access = await fromKubeconfig(kubeconfigFiles(), context);
    const { ca, cert, key, headers } = await access!.credentials();
    using named = Deno.createHttpClient({
      ...(ca && { caCerts: [ca] }),
      ...(cert && key && { cert, key }),
    });
    using nameless = Deno.createHttpClient(ca ? { caCerts: [ca] } : {});
    const whose: Record<string, Record<string, string>> = {
      admin: { ...headers },
      viewer: { ...headers, "impersonate-user": "viewer" },
      "bad-token": { authorization: "Bearer nobody's" },
      anonymous: {},
    };
    const ask: Ask = (as, path, init) =>
      fetch(access!.server + path, {
        ...init,
        headers: { ...init.headers, ...whose[as] } as HeadersInit,
        client: as === "admin" || as === "viewer" ? named : nameless,
      } as RequestInit);
    const cases = readCases();
    try {
      deepEqual(await run(cases, ask), []);
    } finally {
      for (
        const { metadata } of BEFORE.version as { metadata: { name: string } }[]
      ) {
        const path = `/api/v1/namespaces/${metadata.name}`;
        await (await ask("admin", path, { method: "DELETE" })).body?.cancel();
      }
    }
  },
});

/** Which pods are captured, and how well their cluster is known. */
import type {
  ClusterAnswer,
  TargetSelection,
  TargetsStatus,
} from "../../api/hub.ts";
import { HUB } from "../../api/paths.ts";
import { BadSelection, readSelection } from "../../api/selection.ts";
import { Refused } from "../../net/failure.ts";
import {
  type Call,
  type Hub,
  type HubCluster,
  type JsonSchema,
  readObject,
  type Route,
} from "../route.ts";

/** Bytes of a selection. */
const MAX_BODY = 128 * 1024;

const texts: JsonSchema = { type: "array", items: { type: "string" } };

const SELECTION: JsonSchema = {
  type: "object",
  additionalProperties: false,
  description: "What is absent picks all",
  properties: {
    pod: {
      type: "string",
      description: "Regular expression (RE2), searched for in a pod's name",
    },
    namespaces: texts,
    excludeNamespaces: texts,
    labels: {
      type: "string",
      description: "As kubectl's -l: app=web,tier in (front, back),!canary",
    },
  },
};

const POD: JsonSchema = {
  type: "object",
  required: ["namespace", "name", "node", "addresses"],
  properties: {
    namespace: { type: "string" },
    name: { type: "string" },
    node: { type: "string" },
    addresses: texts,
    ports: {
      type: "array",
      items: { type: "integer" },
      description: "Of a pod on its node's address: only these are captured",
    },
    mesh: {
      enum: ["istio", "linkerd"],
      description: "Whose proxy is in it, beside its application",
    },
  },
};

const COUNT: JsonSchema = { type: "integer", minimum: 0 };

const PREVIEW: JsonSchema = {
  type: "object",
  required: ["selection", "all", "pods", "picked", "meshed", "namespaces"],
  properties: {
    selection: SELECTION,
    all: { type: "boolean", description: "Whether nodes are captured whole" },
    pods: { type: "array", items: POD, description: "The first of them" },
    picked: COUNT,
    meshed: { ...COUNT, description: "Those with a service mesh's proxy" },
    namespaces: {
      type: "array",
      items: {
        type: "object",
        required: ["namespace", "picked", "pods"],
        properties: {
          namespace: { type: "string" },
          picked: COUNT,
          pods: COUNT,
        },
      },
    },
  },
};

const NODE: JsonSchema = {
  type: "object",
  required: ["node", "picked", "state"],
  properties: {
    node: { type: "string" },
    picked: COUNT,
    state: { enum: ["set", "pending", "failed"] },
    reason: { type: "string" },
  },
};

const MESH: JsonSchema = {
  type: "object",
  description: "What is heard inside of captured pods with a mesh's proxy",
  required: ["isEntered", "pods", "unheard", "first"],
  properties: {
    isEntered: {
      type: "boolean",
      description: "Whether workers enter the networks of pods (--mesh)",
    },
    pods: COUNT,
    unheard: { ...COUNT, description: "Pods in which nothing is heard" },
    first: {
      type: "array",
      description: "The first of them, by name",
      items: {
        type: "object",
        required: ["namespace", "pod"],
        properties: {
          namespace: { type: "string" },
          pod: { type: "string" },
          reason: { type: "string" },
        },
      },
    },
  },
};

const STATUS: JsonSchema = {
  ...PREVIEW,
  required: [...PREVIEW["required"] as string[], "nodes", "mesh"],
  properties: {
    ...PREVIEW["properties"] as JsonSchema,
    nodes: { type: "array", items: NODE },
    mesh: MESH,
  },
};

const CLUSTER: JsonSchema = {
  type: ["object", "null"],
  description: "null where the hub watches none",
  required: ["server", "isReady", "lost", "names", "mesh"],
  properties: {
    mesh: MESH,
    names: {
      type: "object",
      required: ["kept", "dropped"],
      properties: { kept: COUNT, dropped: COUNT },
    },
    server: { type: "string" },
    isReady: { type: "boolean", description: "Whether ends have names" },
    lost: {
      type: "array",
      description: "What may be out of date",
      items: {
        type: "object",
        required: ["kind", "reason", "since"],
        properties: {
          kind: { enum: ["pods", "services", "slices", "nodes"] },
          reason: { type: "string" },
          since: { type: "integer" },
        },
      },
    },
  },
};

const toJson = (schema: JsonSchema) => ({ type: "application/json", schema });

export const targetRoutes: readonly Route[] = [
  {
    method: "GET",
    path: HUB.cluster,
    summary: "How well the hub knows its cluster",
    gives: { ...toJson(CLUSTER), doc: "What may be out of date" },
    // Every page asks, so that none is no error.
    handle: ({ hub }) => Response.json(toAnswer(hub.cluster)),
  },
  {
    method: "GET",
    path: HUB.targets,
    summary: "Which pods are captured, and whether every node does",
    gives: { ...toJson(STATUS), doc: "The selection and what it picks now" },
    handle: ({ hub }) => Response.json(statusOf(clusterOf(hub))),
  },
  {
    method: "PUT",
    path: HUB.targets,
    summary: "Says which pods are captured from now on",
    description: "Answers when every node that is reached was told.",
    takes: toJson(SELECTION),
    gives: { ...toJson(STATUS), doc: "As it is now" },
    handle: async (call) => {
      const cluster = clusterOf(call.hub);
      const { view, targeting } = cluster;
      await withSelection(call, (selection) => view.targets.select(selection));
      await targeting.apply();
      return Response.json(statusOf(cluster));
    },
  },
  {
    method: "POST",
    path: HUB.targetsPreview,
    summary: "Which pods a selection would pick",
    takes: toJson(SELECTION),
    gives: { ...toJson(PREVIEW), doc: "What it picks now; nothing is changed" },
    handle: async (call) => {
      const { targets } = clusterOf(call.hub).view;
      return Response.json(
        await withSelection(call, (selection) => targets.preview(selection)),
      );
    },
  },
];

/** @throws Refused where there is none */
function clusterOf({ cluster }: Hub): HubCluster {
  if (cluster) return cluster;
  throw new Refused("missing", "This hub watches no cluster");
}

const toAnswer = (cluster: HubCluster | undefined): ClusterAnswer | null =>
  cluster ? { ...cluster.view.status(), mesh: cluster.targeting.mesh() } : null;

const statusOf = ({ view, targeting }: HubCluster): TargetsStatus => ({
  ...view.targets.toPreview(),
  nodes: targeting.status(),
  mesh: targeting.mesh(),
});

/** @throws Refused with what is wrong with the selection */
async function withSelection<T>(
  { request }: Call,
  use: (selection: TargetSelection) => T,
): Promise<T> {
  const body = await readObject(request, MAX_BODY);
  try {
    return use(readSelection(body));
  } catch (error) {
    if (!(error instanceof BadSelection)) throw error;
    throw new Refused("message", error.message);
  }
}

/**
 * How a browser comes in: `POST /api/v1/session` takes the token, typed into
 * the page, and `POST /api/v1/code` gives whoever has the token an address.
 */
import type { CodeAnswer } from "../../api/hub.ts";
import { HUB } from "../../api/paths.ts";
import { Refused } from "../../net/failure.ts";
import { type Call, readObject, type Route } from "../route.ts";

/** Bytes of the body. */
const MAX_BODY = 1024;

export const sessionRoute: Route = {
  method: "POST",
  path: HUB.session,
  summary: "Shows the token once; a cookie then stands for it",
  isOpen: true,
  takes: {
    type: "application/json",
    schema: {
      type: "object",
      required: ["token"],
      properties: { token: { type: "string" } },
    },
  },
  gives: {
    type: "application/json",
    schema: { type: "object" },
    doc: "The cookie is set",
  },
  handle: openSession,
};

export const codeRoute: Route = {
  method: "POST",
  path: HUB.code,
  summary: "A code with which a browser opens the page, once",
  description:
    "As `/?code=…`, within ten minutes. It is how `tap` and `proxy` open the " +
    "page of a hub that runs elsewhere.",
  takes: { type: "application/json", schema: { type: "object" } },
  gives: {
    type: "application/json",
    schema: {
      type: "object",
      required: ["code"],
      properties: { code: { type: "string" } },
    },
    doc: "The code",
  },
  handle: giveCode,
};

async function giveCode({ hub, request }: Call): Promise<Response> {
  await readObject(request, MAX_BODY);
  return Response.json({ code: hub.access.newCode() } satisfies CodeAnswer);
}

async function openSession({ hub, request }: Call): Promise<Response> {
  const { token } = await readObject(request, MAX_BODY);
  if (typeof token !== "string") {
    throw new Refused("message", '"token" must be a text');
  }
  const isRight = hub.access.attempt(token);
  if (isRight === undefined) {
    throw new Refused("many", "Too many wrong tokens: wait a minute");
  }
  if (!isRight) throw new Refused("denied", "That is not the token");
  const cookie = hub.access.sessionCookie(request.headers.host);
  return Response.json({}, { headers: { "set-cookie": cookie } });
}

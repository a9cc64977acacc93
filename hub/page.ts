/** The dashboard's files, and the code that opens it. */
import { Refused } from "../net/failure.ts";
import type { HttpRequest } from "../net/http.ts";
import type { Asset, Hub } from "./route.ts";

/** What every answer of the hub is sent with. */
export const HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** What is sent of the API: nothing in it is ever a page. */
export const API_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; " +
    "sandbox",
};

/**
 * Answers for a file of the dashboard; `undefined` if there is none.
 *
 * `/?code=…` uses up the code and leads on to the page without it, so that it
 * stands neither in the history nor in what the page can see.
 */
export function servePage(
  hub: Hub,
  request: HttpRequest,
): Response | undefined {
  const { pathname, searchParams } = request.url;
  const file = hub.page?.files.get(pathname);
  if (pathname === "/" && searchParams.has("code")) {
    return redeem(hub, request, file);
  }
  return file && sendFile(hub, request, file, 200);
}

function redeem(
  hub: Hub,
  request: HttpRequest,
  page: Asset | undefined,
): Response {
  const { url, headers } = request;
  const isGood = hub.access.redeem(url.searchParams.get("code") ?? "");
  if (!isGood) {
    // The page shows a field for the token.
    if (page) return sendFile(hub, request, page, 401);
    throw new Refused("denied", "The code is used up, or too old");
  }
  const rest = new URLSearchParams(url.searchParams);
  rest.delete("code");
  return new Response(null, {
    status: 303,
    headers: {
      location: rest.size > 0 ? `/?${rest}` : "/",
      "set-cookie": hub.access.sessionCookie(headers.host),
      "cache-control": "no-store",
    },
  });
}

function sendFile(
  hub: Hub,
  { headers: asked }: HttpRequest,
  file: Asset,
  status: number,
): Response {
  const { bytes, brotli, gzip, type, etag } = file;
  const headers = {
    ...hub.page!.headers,
    "content-type": type,
    etag,
    vary: "accept-encoding",
  };
  if (status === 200 && hasTag(asked["if-none-match"], etag)) {
    return new Response(null, { status: 304, headers });
  }
  const accepted = String(asked["accept-encoding"] ?? "");
  const [coding, body] = brotli && accepts(accepted, "br")
    ? ["br", brotli]
    : gzip && accepts(accepted, "gzip")
    ? ["gzip", gzip]
    : [undefined, bytes];
  return new Response(body, {
    status,
    headers: {
      ...headers,
      "content-length": String(body.length),
      ...coding && { "content-encoding": coding },
    },
  });
}

/** Whether a coding is accepted (RFC 9110 §12.5.3). */
function accepts(header: string, coding: string): boolean {
  return header.split(",").some((part) => {
    const [name, ...parameters] = part.trim().toLowerCase().split(/\s*;\s*/);
    const isRefused = parameters.some((each) => /^q=0(\.0*)?$/.test(each));
    return name === coding && !isRefused;
  });
}

function hasTag(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",")
    .some((each) => each.trim().replace(/^W\//, "") === etag);
}

/**
 * A registry of images, written to (OCI distribution-spec 1.1).
 *
 * Whoever asks is whom Docker's configuration says; registries that want a
 * token say where to get one.
 */
import { join } from "node:path";
import { CommandError, EXIT, reasonOf } from "./exit.ts";

/** One repository of a registry. */
export class Registry {
  readonly #url: string;
  readonly #name: string;
  readonly #credentials: string | undefined;
  #authorization: string | undefined;

  /** @param name as nodes pull it: `registry.example:5000/tools/thresher` */
  constructor(name: string, credentials?: string) {
    const [host = "", ...path] = name.split("/");
    // Nothing on the way could be read there.
    const isHere = /^(localhost|127\.[\d.]+|\[::1\])(:|$)/.test(host);
    this.#url = `${isHere ? "http" : "https"}://${host}/v2/${path.join("/")}`;
    this.#name = name;
    this.#credentials = credentials;
  }

  /** Whether it has a blob already. @throws CommandError */
  async has(digest: string): Promise<boolean> {
    const { status } = await this.#ask(`blobs/${digest}`, { method: "HEAD" }, [
      200,
      404,
    ]);
    return status === 200;
  }

  /** Uploads a blob. @throws CommandError */
  async putBlob(
    digest: string,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const begun = await this.#ask("blobs/uploads/", { method: "POST" }, [202]);
    const place = new URL(begun.headers.get("location") ?? "", begun.url);
    place.searchParams.set("digest", digest);
    await this.#ask(place.href, {
      method: "PUT",
      body: bytes,
      headers: { "content-type": "application/octet-stream" },
    }, [201]);
  }

  /**
   * Writes a manifest or index, once all that it names is there.
   *
   * @param reference a tag, or the manifest's digest
   * @throws CommandError
   */
  async putManifest(
    reference: string,
    mediaType: string,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    await this.#ask(`manifests/${reference}`, {
      method: "PUT",
      body: bytes,
      headers: { "content-type": mediaType },
    }, [201]);
  }

  /** Asks, and once more with what is asked for in return. */
  async #ask(
    path: string,
    init: RequestInit,
    expected: readonly number[],
  ): Promise<Response> {
    let response = await this.#fetch(path, init);
    if (response.status === 401) {
      this.#authorization = await this.#authorize(
        response.headers.get("www-authenticate") ?? "",
      );
      response = await this.#fetch(path, init);
    }
    if (expected.includes(response.status)) return response;
    throw this.#refused(response.status);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const url = new URL(path, `${this.#url}/`);
    const headers = new Headers(init.headers);
    // What it is told goes to nobody else, wherever uploads are sent.
    if (this.#authorization && url.host === new URL(this.#url).host) {
      headers.set("authorization", this.#authorization);
    }
    try {
      const response = await fetch(url, { ...init, headers });
      // Bodies of answers say nothing that is needed.
      await response.body?.cancel();
      return response;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const reason = reasonOf(error) ?? error.message;
      throw new CommandError(
        EXIT.FAILED,
        `Cannot reach the registry of "${this.#name}": ${reason}`,
        error,
      );
    }
  }

  /** What a challenge (RFC 9110 §11.6.1) wants to be answered with. */
  async #authorize(challenge: string): Promise<string | undefined> {
    const basic = this.#credentials && `Basic ${this.#credentials}`;
    const [, scheme = ""] = /^(\w+)/.exec(challenge) ?? [];
    if (scheme.toLowerCase() !== "bearer") return basic;
    const parts = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [
        name!,
        value!,
      ]),
    );
    const realm = URL.parse(parts.realm ?? "");
    if (!realm) throw this.#refused(401);
    for (const name of ["service", "scope"]) {
      if (parts[name]) realm.searchParams.set(name, parts[name]);
    }
    const response = await fetch(realm, {
      headers: basic ? { authorization: basic } : {},
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw this.#refused(response.status);
    }
    const { token, access_token } = await response.json() as Record<
      string,
      string | undefined
    >;
    return `Bearer ${token ?? access_token}`;
  }

  #refused(status: number): CommandError {
    const isRight = status === 401 || status === 403;
    return new CommandError(
      isRight ? EXIT.NO_RIGHT : EXIT.FAILED,
      isRight
        ? `The registry of "${this.#name}" lets you not write to it: ` +
          "log in to it with `docker login` or `skopeo login`"
        : `The registry of "${this.#name}" answered with status ${status}`,
    );
  }
}

/**
 * What Docker's configuration has for a registry: user and password, as Basic
 * authentication wants them; nothing where it has none.
 */
export async function dockerCredentials(
  name: string,
): Promise<string | undefined> {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  const folder = Deno.env.get("DOCKER_CONFIG") || (home && `${home}/.docker`);
  if (!folder) return undefined;
  try {
    const text = await Deno.readTextFile(join(folder, "config.json"));
    const { auths = {} } = JSON.parse(text) as {
      readonly auths?: Record<string, { readonly auth?: string }>;
    };
    return auths[name.split("/")[0]!]?.auth;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new CommandError(
      EXIT.FAILED,
      `Cannot read Docker's configuration in "${folder}": ${error.message}`,
      error,
    );
  }
}

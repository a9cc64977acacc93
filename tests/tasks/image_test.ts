/** The image: the same bytes each time, and what it holds runs by itself. */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import config from "../../deno.json" with { type: "json" };
import { makeAuthority } from "../../k8s/certificates.ts";
import { imageName } from "../../k8s/image_name.ts";
import {
  makeSecrets,
  readManifests,
  secretFiles,
} from "../../k8s/installation.ts";
import { makeImages, START, writeArchives } from "../../tasks/image.ts";
import {
  type Image,
  toDockerArchive,
  toFullName,
  toImage,
  toLayer,
  toOciArchive,
} from "../../tasks/image/layout.ts";
import pins from "../../tasks/image/pins.json" with { type: "json" };
import { output, Unavailable } from "../../tasks/image/run.ts";
import { type Entry, readTar, toTar } from "../../cli/tar.ts";
import { eventually, Lab, THRESHER } from "../e2e/lab.ts";
import type { Program } from "../record/program.ts";
import { lacks } from "../setup.ts";
import { type Container, Containerd, lacksContainers } from "./containerd.ts";

const file = (path: string, text: string, mode?: number): Entry => ({
  path,
  kind: "file",
  bytes: new TextEncoder().encode(text),
  ...(mode !== undefined && { mode }),
});

const archive = (entries: readonly Entry[]): Uint8Array =>
  Uint8Array.from([...toTar(entries)].flatMap((piece) => [...piece]));

const NAMES: Entry[] = [
  file("b", "second"),
  file("a/long/".repeat(20) + "name", "long"),
  { path: "tmp", kind: "folder", mode: 0o1777 },
  { path: "lib/link", kind: "link", target: "../b" },
  file("a/run", "#!", 0o755),
];

Deno.test("an archive is the same however its entries come, and is read back", () => {
  const bytes = archive(NAMES);
  deepEqual(archive(NAMES.toReversed()), bytes);
  const read = [...readTar(bytes)];
  const paths = read.map(({ path }) => path);
  deepEqual(paths, paths.toSorted());
  for (const entry of NAMES) {
    const found = read.find(({ path }) => path === entry.path);
    deepEqual({ ...found, ...entry }, found);
  }
  throws(() => archive([file("a", ""), file("a", "")]), /Twice: a/);
  throws(() => archive([file("x".repeat(101), "")]), /Too long/);
});

Deno.test({
  name: "tar reads what is written",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeFile(join(folder, "a.tar"), archive(NAMES));
      await output("tar", ["-xf", "a.tar"], { cwd: folder });
      for (const entry of NAMES) {
        const path = join(folder, entry.path);
        if (entry.kind === "file") {
          deepEqual(await Deno.readFile(path), entry.bytes);
        } else if (entry.kind === "link") {
          equal(await Deno.readLink(path), entry.target);
        } else ok((await Deno.stat(path)).isDirectory);
      }
      equal((await Deno.stat(join(folder, "a/run"))).mode! & 0o777, 0o755);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("names are completed as container engines do", () => {
  const names = {
    "thresher:1": "docker.io/library/thresher:1",
    "tools/thresher:1": "docker.io/tools/thresher:1",
    "registry.example/thresher:1": "registry.example/thresher:1",
    "localhost/thresher:1": "localhost/thresher:1",
    "host:5000/a/thresher:1": "host:5000/a/thresher:1",
  };
  for (const [name, full] of Object.entries(names)) {
    equal(toFullName(name), full);
  }
  equal(imageName("1"), "thresher:1");
  equal(imageName("1", "host:5000/a/"), "host:5000/a/thresher:1");
});

/** Every descriptor in a document, with all that it leads to, holds. */
function checkDescriptors(document: unknown, blobs: Map<string, Uint8Array>) {
  if (Array.isArray(document)) {
    for (const each of document) checkDescriptors(each, blobs);
  } else if (typeof document === "object" && document !== null) {
    const { digest, size, mediaType } = document as Record<string, unknown>;
    if (typeof digest === "string") {
      const bytes = blobs.get(`blobs/${digest.replace(":", "/")}`)!;
      equal(`sha256:${sha256(bytes)}`, digest);
      equal(bytes.length, size);
      if (String(mediaType).endsWith("+json")) {
        checkDescriptors(JSON.parse(new TextDecoder().decode(bytes)), blobs);
      }
    }
    for (const value of Object.values(document)) {
      checkDescriptors(value, blobs);
    }
  }
}

const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

const contentsOf = (entries: readonly Entry[]): Map<string, Uint8Array> =>
  new Map(
    entries.flatMap((entry) =>
      entry.kind === "file" ? [[entry.path, entry.bytes]] : []
    ),
  );

Deno.test("archives lead from their index to every layer", async () => {
  const layer = await toLayer(NAMES);
  const start = { entrypoint: ["/run"], user: "1:1", env: {}, labels: {} };
  const images = (["amd64", "arm64"] as const).map((architecture) =>
    toImage(architecture, [layer], start)
  );
  for (
    const entries of [
      toOciArchive(images, "thresher:1"),
      toDockerArchive(images[0]!, "thresher:1"),
    ]
  ) {
    const contents = contentsOf(entries);
    const read = (path: string) =>
      JSON.parse(new TextDecoder().decode(contents.get(path)));
    equal(read("oci-layout").imageLayoutVersion, "1.0.0");
    checkDescriptors(read("index.json"), contents);
    if (!contents.has("manifest.json")) continue;
    const [{ Config, Layers, RepoTags }] = read("manifest.json");
    deepEqual(RepoTags, ["thresher:1"]);
    const { rootfs } = read(Config);
    deepEqual(
      Layers.map((path: string) =>
        `sha256:${sha256(gunzipSync(contents.get(path)!))}`
      ),
      rootfs.diff_ids,
    );
  }
});

Deno.test("the Dockerfile starts the same in the same way", async () => {
  const path = new URL("../../Dockerfile", import.meta.url);
  const text = (await Deno.readTextFile(path)).replaceAll(/\\\n\s*/g, " ");
  const last = (word: string) =>
    [...text.matchAll(new RegExp(`^${word} (.*)$`, "gm"))].at(-1)![1]!;
  deepEqual(JSON.parse(last("ENTRYPOINT")), START.entrypoint);
  equal(last("USER"), START.user);
  const env = Object.fromEntries(
    last("ENV").split(" ").map((each) => each.split("=")),
  );
  const { PATH: _, ...own } = START.env; // a base image has one
  deepEqual(env, own);
  match(
    text,
    new RegExp(`^ARG DENO=.*-${RegExp.escape(pins.deno.version)}$`, "m"),
  );
});

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CACHE = join(ROOT, "build", "cache");

/**
 * With what is pinned, or where Debian has gone on, with what it has now;
 * `undefined` without a way to it and to npm, or without containers.
 */
async function make(): Promise<
  { images: Image[]; isUpdate: boolean } | undefined
> {
  const complaint = await lacksContainers();
  if (complaint !== undefined) {
    console.warn(`ignore: no container can be run here: ${complaint}`);
    return undefined;
  }
  for (const isUpdate of [false, true]) {
    try {
      return { ...await makeImages(CACHE, { isUpdate }), isUpdate };
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      console.warn(
        isUpdate
          ? `ignore: ${error.message}`
          : `Not as pinned: ${error.message}`,
      );
    }
  }
  return undefined;
}

/** The same by the task, from sources that lie elsewhere. */
async function makeElsewhere(
  folder: string,
  isUpdate: boolean,
): Promise<string> {
  const source = join(folder, "another", "folder");
  const kept = join(folder, "again");
  await Deno.mkdir(join(source, "build"), { recursive: true });
  for await (const { name } of Deno.readDir(ROOT)) {
    if (/^(\.git|build|coverage)$/.test(name)) continue;
    await output("cp", ["-r", join(ROOT, name), join(source, name)]);
  }
  await Deno.remove(join(source, "web", "dist"), { recursive: true });
  await Deno.symlink(CACHE, join(source, "build", "cache"));
  await output(Deno.execPath(), [
    ...["run", "-A", "tasks/image.ts", ...isUpdate ? ["--update"] : [], kept],
  ], { cwd: source });
  return kept;
}

interface Pod {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly securityContext: { readonly runAsUser?: number };
        readonly containers: readonly [Container & { readonly name: string }];
      };
    };
  };
}

/** The container of a manifest, as the kubelet would have it run. */
function containerOf(kind: string): Container & { readonly name: string } {
  const found = readManifests().find((one) => one.kind === kind);
  const { spec } = (found as unknown as Pod).spec.template;
  const [container] = spec.containers;
  return {
    ...container,
    securityContext: { ...spec.securityContext, ...container.securityContext },
  };
}

/** How long a container may take that compiles its modules first, ms. */
const STARTING = 120_000;

/** A server, and one exchange with it a tenth of a second. */
const TRAFFIC = `
  const server = Deno.serve({ port: 8080, hostname: "127.0.0.1", onListen() {} },
    () => new Response("carts"));
  setInterval(async () => {
    await (await fetch("http://127.0.0.1:8080/api/carts")).text();
  }, 100);
`;

Deno.test({
  name: "hub and worker start from the image as their manifests say",
  ignore: Deno.build.arch !== "x86_64" || Deno.uid() !== 0 ||
    lacks("apt-get", "dpkg-deb", "containerd", "runc", "skopeo", "ip"),
  async fn(t) {
    await using lab = await Lab.create();
    // One that is on no network at all.
    await lab.addHost("node");
    const made = await make();
    if (!made) return;
    const { images, isUpdate } = made;
    const name = imageName(config.version);
    const [all, amd64, arm64] = await writeArchives(images, name, lab.folder);

    await t.step("sources elsewhere give the same bytes", async () => {
      const again = await makeElsewhere(lab.folder, isUpdate);
      for (const path of [all!, amd64!, arm64!]) {
        equal(
          sha256(await Deno.readFile(join(again, basename(path)))),
          sha256(await Deno.readFile(path)),
        );
      }
    });

    await t.step("nothing in it tells where it was made", () => {
      const home = new TextEncoder().encode(
        fileURLToPath(new URL("../..", import.meta.url)),
      );
      const [, , app] = images[0]!.layers;
      const text = gunzipSync(app!.bytes);
      equal(text.indexOf(home), -1);
    });

    await t.step("skopeo knows both architectures", async () => {
      const inspect = async (what: string) =>
        JSON.parse(new TextDecoder().decode(
          await output("skopeo", ["inspect", what]),
        ));
      for (const [path, arch] of [[amd64, "amd64"], [arm64, "arm64"]]) {
        for (const transport of ["docker-archive", "oci-archive"]) {
          const found = await inspect(`${transport}:${path}`);
          equal(found.Architecture, arch);
          equal(found.Layers.length, 3);
        }
      }
      const index = JSON.parse(new TextDecoder().decode(
        await output("skopeo", ["inspect", "--raw", `oci-archive:${all}`]),
      ));
      deepEqual(
        index.manifests.map((one: { platform: { architecture: string } }) =>
          one.platform.architecture
        ),
        ["amd64", "arm64"],
      );
    });

    await using containerd = await Containerd.start(lab, "node");
    await containerd.ctr("image", "import", amd64!);
    await containerd.ctr("image", "import", "--all-platforms", all!);
    const full = toFullName(name);
    match(await containerd.ctr("image", "ls"), /linux\/amd64,linux\/arm64/);
    const root = await containerd.mount(full);
    const imageConfig = JSON.parse(
      new TextDecoder().decode(images[0]!.config.bytes),
    );

    const authority = makeAuthority("thresher", new Date());
    const secrets = makeSecrets(authority);
    const folderOf = async (name: string, user: number) => {
      const folder = join(lab.folder, name);
      await Deno.mkdir(folder);
      await Deno.chown(folder, user, user);
      return folder;
    };
    const write = async (
      folder: string,
      files: Readonly<Record<string, string>>,
    ) => {
      const { uid } = await Deno.stat(folder);
      for (const [name, text] of Object.entries(files)) {
        await Deno.writeTextFile(join(folder, name), text, { mode: 0o400 });
        await Deno.chown(join(folder, name), uid, uid);
      }
    };

    const worker = containerOf("DaemonSet");
    const workerSecrets = await folderOf("worker-secrets", 0);
    await write(workerSecrets, secretFiles(secrets).worker);
    const workerProgram = await containerd.run("node", root, imageConfig, {
      ...worker,
      // No hub of a cluster tells it whose packets to capture.
      args: worker.args.filter((arg) => arg !== "--await-targets"),
    }, {
      "/secrets": workerSecrets,
      "/data": await folderOf("data", 0),
      "/tmp": await folderOf("worker-tmp", 0),
    });
    const ask = async (program: Program, url: string) => {
      if (!program.isRunning) throw new Error(program.stderr);
      const words = ["curl", "--silent", "--fail", "--include", "--insecure"];
      const curl = lab.start("node", [...words, url]);
      return await curl.ended === 0 && curl.stdout;
    };
    await eventually(
      "the worker answers its probes",
      () => ask(workerProgram, "https://127.0.0.1:48999/healthz"),
      STARTING,
    );

    const hub = containerOf("Deployment");
    const user = hub.securityContext.runAsUser!;
    const hubSecrets = await folderOf("hub-secrets", user);
    await write(hubSecrets, secretFiles(secrets).hub);
    const hubProgram = await containerd.run("node", root, imageConfig, {
      ...hub,
      args: hub.args
        .map((arg) =>
          arg.replace(/^--cluster$/, "--worker=wss://127.0.0.1:48999")
        )
        .filter((arg) => !/^--(worker-port|targets)=/.test(arg)),
    }, {
      "/secrets": hubSecrets,
      "/state": await folderOf("state", user),
      "/tmp": await folderOf("hub-tmp", user),
    });
    await eventually(
      "the hub answers its probes",
      () => ask(hubProgram, "http://127.0.0.1:8899/readyz"),
      STARTING,
    );

    await t.step("they have no right but what the manifests give", async () => {
      const status = await containerd.statusOf(hub);
      match(status, /^Uid:\t65532\t/m);
      match(status, /^CapEff:\t0{16}$/m);
      match(status, /^NoNewPrivs:\t1$/m);
      match(status, /^CapBnd:\t0{16}$/m);
      // CAP_NET_RAW is the 13th, 0x2000; it may have given that up already.
      match(await containerd.statusOf(worker), /^CapBnd:\t0{12}2000$/m);
    });

    await t.step(
      "what was said is captured, asked for and answered",
      async () => {
        lab.start("node", [Deno.execPath(), "eval", TRAFFIC]);
        const token = join(lab.folder, "token");
        await Deno.writeTextFile(token, secrets.token, { mode: 0o600 });
        const row = await eventually("a row", async () => {
          const said = await lab.run("node", [
            ...THRESHER,
            ...["query", "http and dst.port == 8080", "--json", "--limit", "1"],
            ...["--hub", "http://127.0.0.1:8899", "--token-file", token],
          ]);
          return said && JSON.parse(said);
        });
        equal(row.request.path, "/api/carts");
        equal(row.status, 200);
      },
    );

    await t.step("the dashboard is there, without its sources", async () => {
      const page = await ask(hubProgram, "http://127.0.0.1:8899/") || "";
      match(page, /content-security-policy/i);
      match(page, /<script type="module"/);
    });

    for (const program of [hubProgram, workerProgram]) {
      ok(program.isRunning, program.stderr);
      await program.stop();
    }
  },
});

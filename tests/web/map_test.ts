/** The service map, in a browser. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest, checkAccess, until } from "./browser.ts";
import { cityOf } from "./city_traffic.ts";
import { type Exchange, EXCHANGES } from "./traffic.ts";

const nodes = (page: Page) => page.locator("service-map .node");

const node = (page: Page, name: string) =>
  page.locator(`service-map .node[data-id="${name}"]`);

const link = (page: Page, src: string, dst: string) =>
  page.getByRole("button", { name: `${src} to ${dst}:` });

const head = (page: Page) => page.locator("service-map .head p");

const search = (page: Page) => new URL(page.url()).searchParams;

/** Where all nodes are, px, by their names. */
const placesOf = (page: Page): Promise<Record<string, string>> =>
  nodes(page).evaluateAll((all) =>
    Object.fromEntries(
      (all as HTMLElement[]).map((
        { dataset, style },
      ) => [dataset["id"]!, `${style.left} ${style.top}`]),
    )
  );

/** What has the focus on the map. */
const focused = (page: Page): Promise<string | undefined> =>
  page.locator("service-map").evaluate((map) =>
    (map.shadowRoot!.activeElement as HTMLElement | SVGElement | null)?.dataset[
      "id"
    ]
  );

browserTest("the map is a key away, and is not loaded before", {
  stored: 5000,
}, async ({ page, hub, open }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  await open("?q=http or redis");
  await page.getByRole("button", { name: "Map" }).waitFor();
  await page.waitForSelector("filter-bar .cm-content");
  ok(!loaded.some((url) => url.includes("service_map")));
  await page.keyboard.press("m");
  await nodes(page).first().waitFor();
  ok(loaded.some((url) => url.includes("service_map")));
  equal(search(page).get("map"), "name");
  deepEqual((await nodes(page).allInnerTexts()).length, 6);
  match(await head(page).innerText(), /^6 ends\s+9 links\s+\d\d:00:00 – /);
  deepEqual(hub.received.counted[0], { kfl: "http or redis", by: "name" });
  match(
    (await node(page, "carts.shop").textContent())!.replaceAll(/\s+/g, " "),
    /^ carts shop .* answers [\d,]+ entries, [\d.]+ % failed $/,
  );
  match(
    (await link(page, "web.shop", "cache.shop").getAttribute("aria-label"))!,
    /^web\.shop to cache\.shop: redis [\d,]+ entries, half within \d/,
  );
  // Statistics and map are not there at once.
  await page.keyboard.press("s");
  await nodes(page).first().waitFor({ state: "detached" });
  await page.locator("overview-panel .all").waitFor();
  await page.keyboard.press("m");
  await nodes(page).first().waitFor();
  await page.reload();
  await nodes(page).first().waitFor();
  await page.keyboard.press("m");
  await page.locator("service-map").waitFor({ state: "detached" });
});

browserTest("a click on an end or a link asks for it, the next no more", {
  stored: 2000,
}, async ({ page, hub, open }) => {
  await open("?map=name");
  await page.waitForSelector("filter-bar .cm-content");
  const isAsked = (kfl: string) =>
    until(() => hub.received.queries.at(-1)!.kfl === kfl);
  await node(page, "cache.shop").click();
  await isAsked('name == "cache.shop"');
  await page.getByText("4 ends").waitFor();
  equal(await node(page, "cache.shop").getAttribute("aria-pressed"), "true");
  await node(page, "cache.shop").click();
  await isAsked("");
  await node(page, "2001:db8::7").waitFor();
  await node(page, "2001:db8::7").click();
  await isAsked("ip == 2001:db8::7");
  await node(page, "2001:db8::7").click();
  await isAsked("");
  await node(page, "carts.shop").waitFor();
  await link(page, "web.shop", "carts.shop").dispatchEvent("click");
  await isAsked('src.name == "web.shop" and dst.name == "carts.shop"');
  await page.getByText("1 link", { exact: true }).waitFor();
  const only = link(page, "web.shop", "carts.shop");
  equal(await only.getAttribute("aria-pressed"), "true");
  await page.locator("service-map .label").click();
  await isAsked("");
  await page.locator("service-map .legend").getByRole("button", {
    name: "redis",
  }).click();
  await isAsked('protocol == "redis"');
});

browserTest("all of the map is reached by arrow keys, and said", {
  stored: 2000,
}, async ({ page, hub, open }) => {
  await open("?map=name&q=redis");
  await page.waitForSelector("filter-bar .cm-content");
  await page.getByText("4 ends").waitFor();
  await page.getByRole("button", { name: "Table" }).focus();
  await page.keyboard.press("Tab");
  const names = ["checkout.shop", "web.shop", "worker.shop"];
  const first = (await focused(page))!;
  ok(names.includes(first));
  await page.locator("service-map .tip").getByText(first).waitFor();
  await page.keyboard.press("ArrowRight");
  await until(async () =>
    await focused(page) === JSON.stringify([first, "cache.shop"])
  );
  await page.locator("service-map .tip").getByText("redis").waitFor();
  await page.keyboard.press("ArrowRight");
  await until(async () => await focused(page) === "cache.shop");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowLeft");
  await until(async () => {
    const now = await focused(page);
    return now !== first && names.includes(now!);
  });
  await page.keyboard.press("ArrowRight");
  await until(async () =>
    (await focused(page))?.includes("cache.shop") === true
  );
  const [src] = JSON.parse((await focused(page))!);
  await page.keyboard.press("Enter");
  const kfl = `redis and src.name == "${src}" and dst.name == "cache.shop"`;
  await until(() => hub.received.queries.at(-1)!.kfl === kfl);
  // Letters are the page's keys there, too.
  await page.getByText("1 link", { exact: true }).waitFor();
  await page.keyboard.press("m");
  await page.locator("service-map").waitFor({ state: "detached" });
});

/** The shop's traffic, at the end of which somebody new asks. */
const WITH_GUEST: readonly Exchange[] = [
  ...EXCHANGES.slice(0, 400),
  ...EXCHANGES.slice(400, 440).map((exchange): Exchange => ({
    ...exchange,
    src: { ip: "192.0.2.77", port: 4000 },
  })),
];

browserTest("what is drawn stays where it is while something new comes", {
  stored: 400,
  exchanges: WITH_GUEST,
}, async ({ page, hub, open }) => {
  await open("?map=name");
  await page.getByText("8 ends").waitFor();
  const before = await placesOf(page);
  equal(await page.getByRole("button", { name: "Arrange" }).count(), 0);
  hub.capture(40);
  await node(page, "192.0.2.77").waitFor();
  const { "192.0.2.77": guest, ...after } = await placesOf(page);
  deepEqual(after, before);
  ok(guest && !Object.values(before).includes(guest));
  await page.getByRole("button", { name: "Arrange" }).click();
  await page.getByRole("button", { name: "Arrange" }).waitFor({
    state: "detached",
  });
  equal(Object.keys(await placesOf(page)).length, 9);
});

browserTest(
  "it shows the time that is shown, and ends by what they belong to",
  {
    stored: 1200,
    exchanges: cityOf(50),
  },
  async ({ page, hub, open }) => {
    await open("?map=name");
    await page.getByText("52 ends").waitFor();
    await page.getByRole("button", { name: "Namespaces" }).click();
    await node(page, "payments").waitFor();
    equal(search(page).get("map"), "namespace");
    await node(page, "payments").click();
    await until(() =>
      hub.received.queries.at(-1)!.kfl === 'namespace == "payments"'
    );
    await page.getByRole("button", { name: "Workloads" }).click();
    await node(page, "web-0.payments").click();
    await until(() =>
      hub.received.queries.at(-1)!.kfl ===
        'namespace == "payments" and workload == "web-0"'
    );
    await page.goBack();
    await page.goBack();
    const { from } = hub.received.counted.at(-1) as { from?: string };
    equal(from, undefined);
    await page.getByRole("button", { name: "Table" }).click();
    await page.getByRole("region", { name: "Who speaks with whom" }).waitFor();
    equal(search(page).get("map"), null);
    equal(search(page).get("counts"), "yes");
  },
);

browserTest("of 300 ends the busiest are drawn, and that is said", {
  stored: 6000,
  exchanges: cityOf(300),
}, async ({ page, hub, open }) => {
  await open("?map=name");
  await page.getByText("59 busiest of 302 ends").waitFor();
  equal(await nodes(page).count(), 60);
  const others = page.locator("service-map .node.others");
  match(await others.innerText(), /243 others/);
  // It stands for nobody who could be asked for.
  const asked = hub.received.queries.length;
  await others.dispatchEvent("click");
  await others.focus();
  equal(hub.received.queries.length, asked);
  const boxes = await nodes(page).evaluateAll((all) =>
    all.map((each) => each.getBoundingClientRect().toJSON())
  );
  for (const [i, a] of boxes.entries()) {
    ok(
      boxes.slice(i + 1).every((b) =>
        a.right <= b.left || b.right <= a.left || a.bottom <= b.top ||
        b.bottom <= a.top
      ),
    );
  }
});

const HOSTILE = '<img src=x onerror="alert(1)">\u202e\u0000evil';

browserTest("names from the wire are text, however long", {
  stored: 100,
  exchanges: EXCHANGES.slice(0, 20).map((exchange): Exchange => ({
    ...exchange,
    dst: { ip: "192.0.2.1", name: HOSTILE + ".example".repeat(200) },
  })),
}, async ({ page, open }) => {
  await open("?map=name");
  await page.getByText("4 ends").waitFor();
  const hostile = nodes(page).filter({ hasText: "<img" });
  const box = (await hostile.boundingBox())!;
  ok(box.width < 200 && box.height < 60);
  equal(await page.locator("service-map img").count(), 0);
  await hostile.hover();
  const tip = (await page.locator("service-map .tip").boundingBox())!;
  ok(tip.x >= 0 && tip.x + tip.width <= 1360, JSON.stringify(tip));
});

browserTest("where nothing matches nothing is drawn", {
  stored: 100,
}, async ({ page, open }) => {
  await open("?map=name&q=dst.port == 9");
  await page.getByText("Nothing to draw").waitFor();
  equal(await nodes(page).count(), 0);
});

for (const theme of ["light", "dark"] as const) {
  for (const [width, ends] of [[1280, 5], [800, 50]] as const) {
    browserTest(
      `axe finds nothing wrong with the map, ${theme}, ${width} px`,
      {
        stored: 1000,
        theme,
        width,
        ...ends > 5 && { exchanges: cityOf(ends) },
      },
      async ({ page, open }) => {
        await open("?map=name&q=not dns");
        await nodes(page).first().waitFor();
        await checkAccess(page);
      },
    );
  }
}

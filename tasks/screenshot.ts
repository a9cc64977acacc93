/**
 * `deno task screenshot`: the picture of the dashboard in the README, of
 * savefiles that lie in this repository. Needs Chromium.
 */
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../", import.meta.url));

const SAVEFILES = [
  "dissectors/http/fixtures/nginx.pcap",
  "dissectors/redis/fixtures/pipelined.pcap",
  "dissectors/tls/fixtures/nginx.pcap",
];

/** The entry whose details are shown, by its summary. */
const SHOWN = "GET /items.json";

const tap = new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", "cli.ts", "tap", "--no-browser", "--pcap", ...SAVEFILES],
  cwd: root,
  stdin: "null",
  stderr: "piped",
}).spawn();
try {
  await takePicture(await addressIn(tap.stderr));
} finally {
  tap.kill("SIGINT");
  await tap.status;
}

/** The address that the program says; its errors are passed on. */
async function addressIn(
  said: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<string> {
  let text = "";
  for await (const piece of said.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const address = /http:\S+/.exec(text);
    if (address) return address[0];
  }
  throw new Error(`The dashboard did not open: ${text}`);
}

async function takePicture(address: string): Promise<void> {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
  });
  try {
    const page = await browser.newPage({
      viewport: { width: 1440, height: 810 },
      colorScheme: "dark",
      reducedMotion: "reduce",
      timezoneId: "UTC",
    });
    await page.goto(address);
    await page.getByRole("row").nth(1).waitFor();
    await page.keyboard.press("Home");
    await page.getByText(SHOWN).first().click();
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "Response" }).click();
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${root}docs/dashboard.png` });
  } finally {
    await browser.close();
  }
}

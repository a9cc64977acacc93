/** Somebody who watches the dashboard: Chromium on a host of a lab. */
import { deepEqual } from "node:assert/strict";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Page,
} from "playwright-core";
import { complaintsOf } from "../web/browser.ts";
import type { Lab } from "./lab.ts";

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium";

/** What stands in a row of the feed. */
export interface SeenRow {
  readonly protocol: string;
  readonly status: string;
  readonly summary: string;
}

/** A browser with one page. */
export class Watcher implements AsyncDisposable {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #context: BrowserContext;
  readonly #complaints: string[];

  /** @param mayComplain what the page may complain about */
  static async start(
    lab: Lab,
    host: string,
    mayComplain?: RegExp,
  ): Promise<Watcher> {
    const executablePath = join(lab.folder, `chromium-on-${host}`);
    const words = lab.wordsFor(host, [CHROMIUM]).map((word) => `'${word}'`);
    const script = `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`;
    await Deno.writeTextFile(executablePath, script, { mode: 0o755 });
    const browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu"],
    });
    const context = await browser.newContext({
      viewport: { width: 1360, height: 800 },
      colorScheme: "dark",
      reducedMotion: "reduce",
      timezoneId: "UTC",
      acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const complaints = complaintsOf(page, mayComplain);
    return new Watcher(page, browser, context, complaints);
  }

  private constructor(
    page: Page,
    browser: Browser,
    context: BrowserContext,
    complaints: string[],
  ) {
    this.page = page;
    this.#browser = browser;
    this.#context = context;
    this.#complaints = complaints;
  }

  /** Rows in view, from the top. */
  rows(): Promise<SeenRow[]> {
    return this.page.locator("entry-list").evaluate((list) => {
      const { bottom } = list.getBoundingClientRect();
      const head = list.shadowRoot!.querySelector(".row.head")!;
      const top = head.getBoundingClientRect().bottom;
      const textOf = (row: Element, cell: string) =>
        row.querySelector(`.cell.${cell}`)!.lastChild!.textContent!;
      const all = list.shadowRoot!.querySelectorAll<HTMLElement>(
        ".row:not(.head):not([hidden])",
      );
      return [...all]
        .map((row) => ({ row, box: row.getBoundingClientRect() }))
        // Some beyond the edges are kept ready.
        .filter(({ box }) => box.bottom > top + 1 && box.y < bottom - 1)
        .sort((a, b) => a.box.y - b.box.y)
        .map(({ row }) => ({
          protocol: textOf(row, "protocol"),
          status: textOf(row, "status"),
          summary: textOf(row, "summary"),
        }));
    });
  }

  /** Waits for a row with that summary. */
  async sees(summary: string): Promise<void> {
    await this.page.locator("entry-list .row:not(.head):not([hidden])")
      .filter({ hasText: summary }).first().waitFor();
  }

  /** Waits until the status bar says that, with these very words. */
  async isTold(text: string | RegExp): Promise<void> {
    await this.page.locator("status-bar").getByText(text).first().waitFor();
  }

  /** Types a filter instead of the one that is there, and applies it. */
  async filter(text: string): Promise<void> {
    const { keyboard } = this.page;
    await keyboard.press("/");
    await keyboard.press("Control+A");
    if (text === "") await keyboard.press("Delete");
    else await keyboard.insertText(text);
    await keyboard.press("Enter");
  }

  /** What the address says. */
  get search(): URLSearchParams {
    return new URL(this.page.url()).searchParams;
  }

  /** Fails if the page has complained about anything. */
  checkComplaints(): void {
    deepEqual(this.#complaints, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
    await this.#browser.close();
  }
}

/** Rows of the dashboard's feed, as its page knows and shows them. */
import type { Page } from "playwright-core";
import type { FeedStore } from "../../web/model/feed_store.ts";

/** A row of the feed, whether it is in view or not. */
export interface KnownRow {
  readonly id: string;
  readonly node: string;
  /** µs since 1970. */
  readonly timestamp: number;
}

/** All rows that the feed holds. */
export function followRows(page: Page): Promise<KnownRow[]> {
  return page.locator("entry-list").evaluate((list) => {
    const { store } = list as HTMLElement & { readonly store: FeedStore };
    return Array.from({ length: store.count }, (_, i) => {
      const { batch, row } = store.locate(store.first + i)!;
      return {
        id: batch.id(row),
        node: batch.word(batch.node[row]!),
        timestamp: batch.timestamp[row]!,
      };
    });
  });
}

/**
 * Begins to measure how long it takes from the last packet of an exchange until
 * its row is on the screen, in the frame after which it is painted.
 *
 * @returns gives the latencies of the next `count` rows, ms
 */
export async function measureRows(
  page: Page,
): Promise<(count: number) => Promise<number[]>> {
  const measured = await page.locator("entry-list").evaluateHandle((list) => {
    const { store } = list as HTMLElement & { readonly store: FeedStore };
    const latencies: number[] = [];
    let next = store.end;
    const look = () => {
      const shown = list.shadowRoot!.querySelectorAll<HTMLElement>(
        ".row:not(.head):not([hidden])",
      );
      // The newest row is the last in view.
      const last = Math.max(
        ...Array.from(shown, (row) => Number(row.ariaRowIndex)),
      );
      const end = store.first + last - 1;
      const now = performance.timeOrigin + performance.now();
      for (; next < Math.min(end, store.end); next++) {
        const { batch, row } = store.locate(next)!;
        latencies.push(now - batch.completed[row]! / 1000);
      }
      requestAnimationFrame(look);
    };
    look();
    return latencies;
  });
  return async (count) => {
    await page.waitForFunction(
      ({ measured, count }) => measured.length >= count,
      { measured, count },
      { timeout: 10_000 + 50 * count },
    );
    return (await measured.jsonValue()).slice(0, count);
  };
}

/** The value below which that share of all lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[
    Math.min(sorted.length - 1, Math.floor(share * sorted.length))
  ]!;
}

/** `deno task web`: builds the dashboard if need be, and says how large it is. */
import { loadAssets } from "../web/assets.ts";

const { files, problem } = await loadAssets();
if (problem) {
  console.error(problem);
  Deno.exit(1);
}
for (const [path, { bytes, gzip, brotli }] of [...files].sort()) {
  const sizes = [bytes, gzip, brotli].map((each) =>
    `${((each?.length ?? 0) / 1000).toFixed(1)}`.padStart(8)
  );
  console.log(`${path.padEnd(28)}${sizes.join("")}  KB, gzip, brotli`);
}

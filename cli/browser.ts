/** Opens an address in the user's browser, where there is one. */

/** What opens an address on each system. */
const OPENERS: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  darwin: ["open"],
  linux: ["xdg-open"],
  windows: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Whether there is a screen on which a browser could be seen. */
function hasScreen(): boolean {
  if (Deno.build.os !== "linux") return true;
  return Boolean(Deno.env.get("DISPLAY") || Deno.env.get("WAYLAND_DISPLAY"));
}

/**
 * Opens an address, and does not wait for the browser.
 *
 * @returns whether there is a browser, as far as can be told
 */
export function openBrowser(url: string): boolean {
  const [program, ...args] = OPENERS[Deno.build.os] ?? [];
  if (program === undefined || !hasScreen()) return false;
  try {
    new Deno.Command(program, {
      args: [...args, url],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn().unref();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

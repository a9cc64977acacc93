#!/usr/bin/env -S deno run -A
/**
 * Thresher's one program: reads arguments and runs a command of `cli/`.
 */
import { main } from "./cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

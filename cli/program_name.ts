/** What the program is called by whoever uses it. */
import { basename } from "node:path";
import process from "node:process";

/** kubectl runs a program of this name for `kubectl thresher`. */
const PLUGIN = "kubectl-thresher";

/** `thresher`, or `kubectl thresher` where kubectl runs it. */
export const PROGRAM: string = nameOf(process.argv0);

/** @param called as it was called: a path, with or without `.exe` */
export function nameOf(called: string): string {
  const isPlugin = basename(called).replace(/\.exe$/i, "") === PLUGIN;
  return isPlugin ? "kubectl thresher" : "thresher";
}

/** A command line as it stands in texts: a line by itself, or in quotes. */
const COMMAND_LINE = /(?<=^ *|[`(])thresher(?= [a-z-])/gm;

/** The text with its command lines as they are to be typed here. */
export const asCalled = (text: string, program = PROGRAM): string =>
  program === "thresher" ? text : text.replaceAll(COMMAND_LINE, program);

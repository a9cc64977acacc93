/**
 * Whether anything is configured, and where: a file, or variables. Apart from
 * what reads them (`configuration.ts`), which most runs need not wait for.
 */
import { join } from "node:path";

/** What every variable's name begins with. */
export const PREFIX = "THRESHER_";

/** Variables that are no options. */
export const OTHER_VARIABLES = ["THRESHER_TOKEN", "THRESHER_CONFIG"];

/** Those of tests, and what Kubernetes tells pods of services of our name. */
const IGNORED =
  /^THRESHER_(TEST_|.*_SERVICE_(HOST|PORT(_.*)?)$|.*PORT_\d+_(TCP|UDP)|HUB_PORT$)/;

/** The file that is read unless `THRESHER_CONFIG` names another. */
export function usualFile(
  env: Readonly<Record<string, string>>,
): string | undefined {
  const home = env.HOME ?? env.USERPROFILE;
  const folder = env.XDG_CONFIG_HOME || env.APPDATA ||
    (home && join(home, ".config"));
  return folder ? join(folder, "thresher", "config.yaml") : undefined;
}

/** The variables that are, or should be, options. */
export function variablesIn(
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) =>
      name.startsWith(PREFIX) && value !== "" &&
      !OTHER_VARIABLES.includes(name) && !IGNORED.test(name)
    ),
  );
}

/** Whether there is anything that could be wrong, or matter. */
export function isAnythingConfigured(
  env: Readonly<Record<string, string>>,
): boolean {
  const file = usualFile(env);
  return Boolean(env.THRESHER_CONFIG) ||
    Object.keys(variablesIn(env)).length > 0 ||
    file !== undefined && isThere(file);
}

/** Also what cannot be looked at is there: whoever reads it says why not. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

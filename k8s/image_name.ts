/** What the image is called that an installation runs. */

/**
 * Its name, with the version as its tag.
 *
 * @param registry that has it, as `registry.example:5000/tools`; absent where
 *     nodes have it without pulling it
 */
export function imageName(version: string, registry?: string): string {
  const name = `thresher:${version}`;
  if (registry === undefined) return name;
  return `${registry.replace(/\/+$/, "")}/${name}`;
}

/** What `manifests` was told. */

/** How manifests can be written. */
export const FORMATS = ["yaml", "kustomize", "helm"] as const;

/** The options of `manifests`. */
export interface ManifestsOptions {
  readonly format: typeof FORMATS[number];
  readonly output?: string;
  readonly secrets?: true;
  readonly openshift?: true;
  readonly installNamespace?: string;
  readonly registry?: string;
  readonly imagePullSecret?: readonly string[];
  readonly storageLimit?: number;
  readonly mesh?: true;
}

import type { PolicyVersions } from '@countersign/contracts';
import { type Digest, isCodedError } from '@countersign/kernel';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { hashOfBundle, type LoadedBundle } from '../bundle/load-bundle.ts';

/** Loads bundles of past versions. */
export interface PastBundles {
  /** The bundle of a version, or why it is not available. */
  load(version: number, hash: Digest): Promise<LoadedBundle | { readonly missing: string }>;
}

/** Number of cached compiled bundles. */
const maxKept = 4;

export function createPastBundles(
  versions: Pick<PolicyVersions, 'bundle'> & { current(): { readonly loaded: LoadedBundle } },
): PastBundles {
  const kept = new Map<Digest, LoadedBundle>();
  return {
    async load(version, hash) {
      const { loaded } = versions.current();
      const known = loaded.hash === hash ? loaded : kept.get(hash);
      if (known !== undefined) return known;
      try {
        const bundle = await versions.bundle(version);
        if (hashOfBundle(bundle) !== hash)
          return { missing: `policies: the stored bundle of version ${version} differs from the one that decided` };
        const past = await loadBundleAside(bundle);
        const [oldest] = kept.keys();
        if (kept.size >= maxKept && oldest !== undefined) kept.delete(oldest);
        kept.set(hash, past);
        return past;
      } catch (error) {
        if (isCodedError(error, 'version_not_found')) return { missing: `policies: version ${version} is not stored` };
        if (isCodedError(error, 'policy_invalid'))
          return { missing: `policies: the bundle of version ${version} can no longer be read` };
        throw error;
      }
    },
  };
}

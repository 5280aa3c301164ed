import type { ApplyProgress, DirectoryEdit, TrustProfileInput } from '@countersign/contracts';
import { type Digest, digestOf } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import type { Wanted } from './changes.ts';
import { readEdit } from './edit.ts';
import type { Graph } from './entry.ts';
import type { Place } from './problems.ts';
import { type DirectoryFile, readFile, readFileInSlices } from './read-file.ts';

/** A change of the directory: a whole file, or an edit of single entities. */
export type Proposal = { readonly file: unknown; readonly prune?: boolean } | { readonly edit: DirectoryEdit };

/** Anything that can be proposed: also the trust profile of a partner. */
export type AnyProposal = Proposal | { readonly partner: TrustProfileInput };

export function readProposal(proposal: Proposal, root: Place, seed: Graph, keys: KeyCache): Wanted {
  if ('edit' in proposal) return readEdit(proposal.edit, root, seed, keys);
  return wantedOf(readFile(proposal.file, root, keys), proposal);
}

export async function readProposalInSlices(
  proposal: Proposal,
  root: Place,
  seed: Graph,
  keys: KeyCache,
  onProgress?: ApplyProgress,
): Promise<Wanted> {
  if ('edit' in proposal) return readEdit(proposal.edit, root, seed, keys);
  return wantedOf(await readFileInSlices(proposal.file, root, keys, onProgress), proposal);
}

function wantedOf({ entries, named }: DirectoryFile, { prune }: { readonly prune?: boolean }): Wanted {
  return { entries, removes: ({ owner }) => prune === true && named.has(owner) };
}

export function digestOfContent(proposal: AnyProposal): Digest {
  if ('partner' in proposal) return digestOf(proposal.partner);
  return digestOf('edit' in proposal ? proposal.edit : proposal.file);
}

/** The digest that an approver names. It covers everything that decides the effect. */
export function digestOfProposal(proposal: AnyProposal): Digest {
  if ('partner' in proposal) return digestOf({ partner: proposal.partner });
  return digestOf(
    'edit' in proposal ? { edit: proposal.edit } : { file: proposal.file, prune: proposal.prune === true },
  );
}

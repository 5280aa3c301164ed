import { auditLogErrors } from '@countersign/contracts';
import type { LogFault } from '@countersign/evidence';
import { parseNote, parseVerifierKey, type VerifierKey, verifyNote } from '@countersign/merkle-log';
import type { LogKeys } from '../log-key.ts';
import type { RightEdge } from '../right-edge.ts';
import type { PublicationStore, StoredCosignature } from '../store/publication.ts';

/** `from` is exclusive. */
export interface VerifiedStretch {
  readonly from: bigint;
  readonly to: bigint;
  readonly edgeAt: (size: bigint) => RightEdge;
}

/** Checks roots, log signatures and cosignatures of published notes, and that each cosignature is stored. */
export function publicationVerifier({ store, keys }: { readonly store: PublicationStore; readonly keys: LogKeys }) {
  let any: boolean | undefined;

  async function stretch({ from, to, edgeAt }: VerifiedStretch): Promise<LogFault | undefined> {
    any ??= await store.any();
    if (!any) return undefined;
    // Read in this order: a cosignature is stored before it is published.
    const shown = await store.published(from, to);
    const cosignatures = await store.cosignatures(from, to);
    for (const cosigned of cosignatures) {
      const key = keyOf(cosigned.witness);
      const wrong =
        (await noteFault(cosigned, 'cosignature', edgeAt)) ??
        (key !== undefined && isCosignedBy(cosigned.note, [key], 1)
          ? undefined
          : altered(cosigned.size, 'cosignature'));
      if (wrong !== undefined) return wrong;
    }
    for (const published of shown) {
      const wrong =
        (await noteFault(published, 'published checkpoint', edgeAt)) ??
        (onlyKept(published, cosignatures, await ownSignatures(published.note))
          ? undefined
          : altered(published.size, 'published checkpoint'));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  /** The note of a handover has the signatures of two keys. */
  async function ownSignatures(note: string): Promise<number> {
    const parsed = parseNote(note);
    const verdict = parsed.ok ? verifyNote({ note: parsed.note, keys: await keys.all() }) : undefined;
    return verdict?.ok === true ? verdict.signatures.length : 1;
  }

  async function noteFault(
    { size, note }: { readonly size: bigint; readonly note: string },
    what: string,
    edgeAt: VerifiedStretch['edgeAt'],
  ): Promise<LogFault | undefined> {
    try {
      const opened = await keys.open(note);
      return opened.size === size && edgeAt(size).root().equals(opened.root) ? undefined : altered(size, what);
    } catch (error) {
      if (!auditLogErrors.is(error, 'checkpoint_unknown')) throw error;
      return altered(size, what);
    }
  }

  return {
    stretch,
    async beyond(): Promise<LogFault | undefined> {
      const place = await store.beyond();
      return place === undefined ? undefined : altered(place, 'published checkpoint or cosignature');
    },
  };
}

export type PublicationVerifier = ReturnType<typeof publicationVerifier>;

/** Every signature except the log's own must be a stored cosignature. */
function onlyKept(
  published: { readonly size: bigint; readonly note: string },
  cosignatures: readonly StoredCosignature[],
  ownSignatures: number,
): boolean {
  const parsed = parseNote(published.note);
  const witnesses = cosignatures.flatMap(({ size, witness }) =>
    size === published.size ? (keyOf(witness) ?? []) : [],
  );
  return parsed.ok && isCosignedBy(published.note, witnesses, parsed.note.signatures.length - ownSignatures);
}

function isCosignedBy(note: string, keys: readonly VerifierKey[], count: number): boolean {
  const parsed = parseNote(note);
  if (!parsed.ok) return false;
  if (count === 0) return true;
  const verdict = verifyNote({ note: parsed.note, keys });
  return verdict.ok && verdict.signatures.length === count;
}

function keyOf(vkey: string): VerifierKey | undefined {
  const parsed = parseVerifierKey(vkey);
  return parsed.ok ? parsed.key : undefined;
}

function altered(size: bigint, what: string): LogFault {
  return {
    ok: false,
    reason: what.endsWith('cosignature') ? 'cosignature_altered' : 'published_altered',
    detail: `The ${what} of ${size} entries is not what was shown and cosigned.`,
    index: size - 1n,
  };
}

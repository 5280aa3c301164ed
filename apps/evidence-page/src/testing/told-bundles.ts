import type { BundledTimeStamp, EvidenceBundle } from '@countersign/evidence';
import { type Json, newId, type RecordId, sha256 } from '@countersign/kernel';
import { cosign, formatNote, formatVerifierKey, parseNote } from '@countersign/merkle-log';
import { createProtector } from '../../../../protocols/evidence/src/testing/disclosing.ts';
import { type Plot, tellOrder } from '../../../../protocols/evidence/src/testing/order-story.ts';
import { signingKey } from '../../../../protocols/merkle-log/src/testing/signing-key.ts';
import { issueCertificate, issueToken, keyKinds } from '../../../../protocols/x509/src/testing/test-authority.ts';

/** A bundle that uses every feature of the format, with the reader's trusted inputs. */
export interface ReportedBundle {
  readonly bundle: EvidenceBundle;
  /** In the format of a trust file. */
  readonly trust: {
    readonly logVerifierKey: string;
    readonly checkpoint: string;
    readonly policy: string;
    readonly timeStampAuthorities: readonly string[];
  };
  readonly ids: Readonly<Record<string, RecordId>>;
}

const witness = signingKey('witness.example/north', 'ed25519-cosignature');
const authorities = keyKinds.map((kind) =>
  issueCertificate({ kind, notBefore: 0, notAfter: Date.parse('2049-01-01T00:00:00Z') }),
);

/** An order with restricted values, a cosigned checkpoint, and a time stamp by each kind of key. */
export async function reportBundle(plot: Plot = {}): Promise<ReportedBundle> {
  const protector = createProtector();
  const story = tellOrder({
    ...plot,
    rewrite(name, draft) {
      const told = plot.rewrite === undefined ? draft : plot.rewrite(name, draft);
      return told === undefined || name !== 'opened' ? told : protector.protect(told, ['/data/intent']);
    },
  });
  const kept = await story.log.checkpoint(4);
  const stamped = await story.log.checkpoint(6);
  const plain = await story.bundle({ since: { note: kept, size: 4 } });
  const parsed = parseNote(plain.checkpoint);
  if (!parsed.ok) throw new Error(parsed.reason);
  const { text, signatures } = parsed.note;
  const cosignature = await cosign({ text, timestamp: 1_800_000_000n, key: witness.key, sign: witness.sign });
  const proof = await story.log.consistencyFrom(6);
  const timeStamps: BundledTimeStamp[] = authorities.map((authority) => ({
    checkpoint: stamped,
    token: Buffer.from(
      issueToken(authority, {
        info: { imprint: { hash: 'sha256', digest: sha256(stamped) }, at: Date.parse('2026-11-21T09:30:10Z') },
      }),
    ).toString('base64url'),
    proof,
  }));
  return {
    bundle: {
      ...plain,
      checkpoint: formatNote({ text, signatures: [...signatures, cosignature] }),
      disclosures: protector.disclosures,
      timeStamps,
    },
    trust: {
      logVerifierKey: story.log.verifierKey,
      checkpoint: kept,
      policy: `witness north ${formatVerifierKey(witness.key)}\nquorum north\n`,
      timeStampAuthorities: authorities.map(({ certificate }) => Buffer.from(certificate).toString('base64url')),
    },
    ids: story.ids,
  };
}

/** A record whose text tries to inject markup. */
export function hostilePlot(): Plot {
  const data: Json = { intent: '<img src=x onerror="document.title=\'owned\'">' };
  return {
    before: (name, log) =>
      void (
        name === 'settled' &&
        log.add({
          id: newId('record', { clock: { now: () => 31 }, random: { bytes: (size) => Buffer.alloc(size, 31) } }),
          type: '<script>document.title="owned"</script>',
          subject: { id: '<img src=x onerror="document.title=\'owned\'">' },
          data,
        })
      ),
  };
}

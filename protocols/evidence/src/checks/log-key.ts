import { formatVerifierKey, verifyConsistency } from '@countersign/merkle-log';
import { type Evidence, octetsOf } from '../evidence.ts';
import type { KeySuccession, VerifiedHandover } from '../key-handover.ts';
import { handoversOf, logKeyOf, successionOf, treeHeadOf, trustedLogKeyOf } from '../log-key.ts';
import { type Check, counted, failed, finding, notChecked } from './check.ts';

/** A bundle with its own key proves only that one party made it, so a missing trusted key is reported. */
export const logKeyIsTrusted: Check = {
  id: 'log-key',
  title: 'The log key is the one the reader trusts',
  run(evidence) {
    const { bundle } = evidence;
    const trusted = trustedLogKeyOf(evidence);
    if (logKeyOf(evidence) === undefined) {
      const whose = trusted === undefined ? 'in the bundle' : 'given by the reader';
      return failed(
        finding('log_key_mismatch', `The log key ${whose} cannot be used: it is not a C2SP Ed25519 verifier key.`),
      );
    }
    const succession = successionOf(evidence);
    if (!succession.ok) {
      // Without handovers the reason can only be the name of the key, which the check of the checkpoint reports.
      if (handoversOf(evidence).length > 0) return failed(finding('log_key_handover', succession.reason));
    } else {
      const unproven = succession.handovers.find((handover) => !isExtended(evidence, handover));
      if (unproven !== undefined)
        return failed(
          finding(
            'log_key_handover',
            `Nothing proves that the tree of the bundle extends the ${unproven.size} records of a handover.`,
          ),
        );
    }
    if (trusted === undefined)
      return notChecked(
        `No log key was given, so the bundle's own is used: ${bundle.log.verifierKey}. Compare it with one from another source.`,
        'log_key_unanchored',
      );
    if (trusted === bundle.log.verifierKey)
      return {
        ok: true,
        checked: true,
        detail: `The bundle names the log key the reader trusts: ${bundle.log.verifierKey}.`,
      };
    const between = succession.ok ? handoversBetween(succession, trusted, bundle.log.verifierKey) : 0;
    if (between === 0)
      return failed({
        code: 'log_key_mismatch',
        detail: 'The bundle names another log key than the one the reader trusts.',
      });
    const head = treeHeadOf(evidence);
    const later = succession.ok
      ? succession.handovers.find(({ size }) => head !== undefined && head.size < size)
      : undefined;
    if (later !== undefined)
      return {
        ok: true,
        checked: true,
        code: 'log_key_earlier',
        detail: `The bundle is under an earlier log key, ${bundle.log.verifierKey}, to which the key that the reader trusts is linked by ${counted(between, 'handover')}. Its tree was not compared with that of the handover: prefer a checkpoint or a key that you kept from that time.`,
      };
    return {
      ok: true,
      checked: true,
      detail: `The log key of the bundle, ${bundle.log.verifierKey}, is linked to the one the reader trusts by ${counted(between, 'handover')}, each in the log and signed by both keys.`,
    };
  },
};

/** A handover after the bundle's tree, which the reader brought, has nothing to be compared with. */
function isExtended(evidence: Evidence, { size, root }: VerifiedHandover): boolean {
  const head = treeHeadOf(evidence);
  // Reported by the check of the checkpoint.
  if (head === undefined || head.size < size) return true;
  const own = (evidence.bundle.handovers ?? []).map(({ consistency }) => consistency.map(octetsOf));
  return own.some(
    (proof) => verifyConsistency({ from: size, to: head.size, fromRoot: root, toRoot: head.root, proof }).ok,
  );
}

function handoversBetween({ periods }: KeySuccession, one: string, other: string): number {
  const keys = periods.map(({ key }) => formatVerifierKey(key));
  const [from, to] = [keys.indexOf(one), keys.indexOf(other)];
  return from < 0 || to < 0 ? 0 : Math.abs(from - to);
}

import type { Commands } from '@countersign/commands';
import {
  type Actor,
  type AuditLog,
  type DepartureEffect,
  type Device,
  type Directory,
  deviceErrors,
} from '@countersign/contracts';
import { isCodedError, newId, type RecordId, sha256, toInstant } from '@countersign/kernel';
import { importVerificationKey, type VerificationKey } from '@countersign/oauth';
import type { Challenges } from '../challenge.ts';
import type { Settings } from '../config.ts';
import { deviceIndexOf } from '../device-index.ts';
import { readNewKey, signedBy } from '../proof.ts';
import { enrolmentClaim } from '../row-claims.ts';
import type { OpenEnrolment } from '../store/enrolments.ts';
import {
  createEnrolmentCommands,
  type EnrolmentCommandDependencies,
  enrolmentRefused,
  unknownLink,
} from './enrolment-commands.ts';
import { credentialIdOf, lastEnrolled } from './recorded-credential.ts';

/**
 * What becomes of a person's devices when they leave: keys and certificates stay, since the devices are the firm's, but
 * they serve nobody until the directory gives the device to somebody else (`requireFit`). Links by which a browser
 * could still enrol as one of them end, but for those made after the person had left: somebody else's, or theirs who came back.
 */
export function devicesEffect(directory: Pick<Directory, 'snapshot'>, enrolment: Enrolment): DepartureEffect {
  return {
    name: 'devices',
    async end({ principal, kind, at, by, reason }) {
      if (kind === 'move') return { ended: 0 };
      const held = deviceIndexOf(directory.snapshot()).heldBy(principal);
      return {
        ended: await enrolment.closeLinks(
          held.map(({ id }) => id),
          by,
          reason,
          Date.parse(at),
        ),
      };
    },
  };
}

const codePattern = /^[\w-]{43}$/;

type PublicKey = { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string };

/** Who manages devices: of their own institution alone. */
export interface Manager extends Actor {
  readonly institution: string;
}

/** A link by which a browser enrols as a device; single use. */
export interface OpenedEnrolment {
  /** Path on our own origin, with its secret. Shown once and kept only as a hash. */
  readonly path: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly recordId: RecordId;
}

export interface Enrolment {
  /** @throws CodedError `device_unknown`, `device_malformed`, `device_enrolled` */
  enrolCertificate(device: string, thumbprint: string, by: Manager): Promise<{ readonly recordId: RecordId }>;
  /** Ends an earlier link of the device. @throws CodedError `device_unknown`, `device_enrolled` */
  open(device: string, by: Manager): Promise<OpenedEnrolment>;
  /** What the page behind a link shows. @throws CodedError `enrolment_unknown` */
  show(code: string): Promise<{ readonly device: Device; readonly challenge: string }>;
  /**
   * Enrols the browser that has the link: it shows that it holds the key it brings.
   *
   * @param field `{ jwk, challenge, signature }` as JSON
   * @throws CodedError `enrolment_unknown`, `device_proof_wrong`, `device_enrolled`; recorded before
   */
  register(code: string, field: string | undefined): Promise<{ readonly device: string; readonly recordId: RecordId }>;
  /**
   * Takes one thing by which a device shows itself away, or all with its open link.
   *
   * @returns how many
   * @throws CodedError `device_unknown`; `enrolment_unknown` where there is nothing to take away
   */
  remove(device: string, thumbprint: string | undefined, by: Manager, reason: string): Promise<number>;
  /**
   * Ends open links of these devices, recorded first.
   *
   * @param madeUntil milliseconds since the epoch: what was made after it, by the time of the log, stays; everything ends when left out
   * @returns how many
   */
  closeLinks(devices: readonly string[], by: Actor, reason: string, madeUntil?: number): Promise<number>;
}

export interface EnrolmentDependencies extends Omit<EnrolmentCommandDependencies, 'audit'> {
  readonly commands: Commands;
  readonly challenges: Challenges;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly settings: Settings;
}

export function createEnrolment(dependencies: EnrolmentDependencies): Enrolment {
  const { credentials, enrolments, things, commands, challenges, audit, standings, directory } = dependencies;
  const { clock, random, settings } = dependencies;
  const changes = createEnrolmentCommands(dependencies);
  const now = () => new Date(clock.now());

  function managed(id: string, by: Manager): Device {
    const device = directory.snapshot().device(id);
    if (device === undefined || device.institution !== by.institution)
      throw deviceErrors.error(
        'device_unknown',
        'The directory has no such device of your institution. Enter it there first.',
      );
    return device;
  }

  /** When a link was made, in milliseconds since the epoch; long ago where no record says so. */
  async function madeAt({ device, recordId }: Pick<OpenEnrolment, 'device' | 'recordId'>): Promise<number> {
    const made = await audit.find(recordId);
    return made?.record.device === device ? Date.parse(made.record.time) : Number.NEGATIVE_INFINITY;
  }

  async function linkOf(code: string): Promise<{ readonly device: Device; readonly challenge: string } | undefined> {
    const codeHash = sha256(code);
    const found = codePattern.test(code) ? await enrolments.find(codeHash, now()) : undefined;
    const enrolment =
      found !== undefined && (await standings.holds(enrolmentClaim(found, codeHash))) ? found : undefined;
    const device = enrolment === undefined ? undefined : directory.snapshot().device(enrolment.device);
    if (enrolment === undefined || device?.institution !== enrolment.institution) return undefined;
    return { device, challenge: challenges.make(aboutLink(code)) };
  }

  /**
   * What a browser enrolled as by this link, where the process died before it was answered: the link is used up by the record, and its
   * row is left. The browser shows its key again.
   */
  async function enrolledBy(code: string, brought: BroughtKey | undefined, shown: ShownKey | undefined) {
    if (brought === undefined || shown === undefined || !codePattern.test(code)) return undefined;
    if (!challenges.stands(shown.challenge, aboutLink(code))) return undefined;
    if (!signedBy(brought.key, shown.challenge, shown.signature)) return undefined;
    const left = await enrolments.find(sha256(code), now());
    if (left === undefined) return undefined;
    const found = await things.find(credentialIdOf({ kind: 'key', thumbprint: brought.key.thumbprint }));
    const record = found === undefined ? undefined : (await audit.find(found.recordId))?.record;
    if (found?.device !== left.device || record?.references?.includes(left.recordId) !== true) return undefined;
    return { device: found.device, recordId: found.recordId };
  }

  async function refuse(code: 'device_proof_wrong', device: string, internal: string): Promise<never> {
    await audit.append(enrolmentRefused(newId('record', dependencies), code, device));
    throw deviceErrors.error(code, 'The browser did not show that it holds its key. Load the page again.', {
      internal,
    });
  }

  return {
    async enrolCertificate(id, thumbprint, by) {
      const { institution } = managed(id, by);
      if (!codePattern.test(thumbprint))
        throw deviceErrors.error('device_malformed', 'A thumbprint is the SHA-256 of the certificate in base64url.');
      const { recordId } = await commands.run(changes.enrol, {
        ...{ device: id, institution, kind: 'certificate', thumbprint, jwk: null, by: actorOf(by) },
      });
      return { recordId };
    },

    async open(id, by) {
      const { institution } = managed(id, by);
      const code = Buffer.from(random.bytes(32)).toString('base64url');
      const { expiresAt, recordId } = await commands.run(changes.open, {
        ...{ device: id, institution, by: actorOf(by), lifeMs: settings.enrolmentMs },
        codeHash: Buffer.from(sha256(code)).toString('base64url'),
      });
      return { path: `/device/${code}`, expiresAt: toInstant(expiresAt.getTime()), recordId };
    },

    async show(code) {
      const link = await linkOf(code);
      if (link === undefined) throw unknownLink();
      return link;
    },

    async register(code, field) {
      const shown = readNewKey(field);
      const brought = shown === undefined ? undefined : keyIn(shown.jwk);
      const link = await linkOf(code);
      if (link === undefined) {
        const before = await enrolledBy(code, brought, shown);
        if (before === undefined) throw unknownLink();
        return before;
      }
      const { device } = link;
      if (shown === undefined || brought === undefined)
        return refuse('device_proof_wrong', device.id, 'no key was brought');
      if (!challenges.stands(shown.challenge, aboutLink(code)))
        return refuse('device_proof_wrong', device.id, 'the challenge is none of this link, or over');
      if (!signedBy(brought.key, shown.challenge, shown.signature))
        return refuse('device_proof_wrong', device.id, 'the signature is not of the key');
      const { thumbprint } = brought.key;
      return commands.run(changes.enrol, {
        ...{ device: device.id, institution: device.institution, kind: 'key', thumbprint, jwk: brought.jwk },
        codeHash: sha256(code),
      });
    },

    async remove(id, thumbprint, by, reason) {
      const { institution } = managed(id, by);
      const ask = { device: id, institution, by: actorOf(by), reason };
      // First the link: nobody enrols by it between the two.
      let removed = thumbprint === undefined && (await commands.run(changes.close, ask)) ? 1 : 0;
      const last = await lastEnrolled(audit, id);
      if (last !== undefined) await things.settle(last);
      for (const held of await credentials.of([id]))
        if (thumbprint === undefined || held.thumbprint === thumbprint)
          removed += (await commands.run(changes.remove, { ...ask, kind: held.kind, thumbprint: held.thumbprint }))
            ? 1
            : 0;
      if (removed === 0)
        throw deviceErrors.error('enrolment_unknown', 'The device shows itself by nothing of the kind.');
      return removed;
    },

    async closeLinks(devices, by, reason, madeUntil = Number.POSITIVE_INFINITY) {
      let closed = 0;
      for (const link of await enrolments.open(devices, now())) {
        const { device: id } = link;
        const device = directory.snapshot().device(id);
        if (device === undefined || (await madeAt(link)) > madeUntil) continue;
        const ask = { device: id, institution: device.institution, by, reason };
        if (await commands.run(changes.close, ask)) closed += 1;
      }
      return closed;
    },
  };
}

type ShownKey = NonNullable<ReturnType<typeof readNewKey>>;
type BroughtKey = NonNullable<ReturnType<typeof keyIn>>;

const aboutLink = (code: string) => `enrolment ${code}`;
const actorOf = ({ id, institution }: Manager): Actor => ({ id, institution });

/** Of a browser's key: P-256, public. WebCrypto adds `ext` and `key_ops`, which say nothing that counts here. */
function keyIn(jwk: unknown): { readonly key: VerificationKey; readonly jwk: PublicKey } | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const members = new Map<string, unknown>(Object.entries(jwk));
  members.delete('ext');
  members.delete('key_ops');
  const [x, y] = [members.get('x'), members.get('y')];
  if (typeof x !== 'string' || typeof y !== 'string') return undefined;
  try {
    const key = importVerificationKey(Object.fromEntries(members));
    return key.algorithm === 'ES256' ? { key, jwk: { kty: 'EC', crv: 'P-256', x, y } } : undefined;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return undefined;
  }
}

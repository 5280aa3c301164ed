import {
  type Actor,
  type AuditAppender,
  type Device,
  type Directory,
  deviceErrors,
  ended,
  type StandingCheck,
  standing,
} from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random, type RecordId, sha256, toInstant } from '@countersign/kernel';
import { importVerificationKey, type VerificationKey } from '@countersign/oauth';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Challenges } from '../challenge.ts';
import type { Settings } from '../config.ts';
import { readNewKey, signedBy } from '../proof.ts';
import { credentialClaim, credentialThing, enrolmentClaim, enrolmentThing } from '../row-claims.ts';
import type { CredentialStore, StoredCredential } from '../store/credentials.ts';
import type { EnrolmentStore } from '../store/enrolments.ts';

/** People of one machine each have a browser of their own, and certificates overlap while they are changed. */
const mostCredentials = 8;
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
  /** Ends open links of these devices, recorded first. @returns how many */
  closeLinks(devices: readonly string[], by: Actor, reason: string): Promise<number>;
}

export function createEnrolment(dependencies: {
  readonly pool: pg.Pool;
  readonly credentials: CredentialStore;
  readonly enrolments: EnrolmentStore;
  readonly challenges: Challenges;
  readonly audit: AuditAppender;
  readonly standings: StandingCheck;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Settings;
}): Enrolment {
  const { pool, credentials, enrolments, challenges, audit, standings, directory, clock, random, settings } =
    dependencies;
  const newRecordId = () => newId('record', dependencies);
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

  /** Records it, then writes it: of any number at once, one gets the thumbprint. */
  async function enrol(
    session: pg.PoolClient,
    credential: Omit<StoredCredential, 'recordId'>,
    by: Actor,
    link?: RecordId,
  ) {
    const recordId = newRecordId();
    const held = await credentials.lock(session, credential.device);
    if (held.length >= mostCredentials)
      throw deviceErrors.error(
        'device_enrolled',
        `A device shows itself by at most ${mostCredentials} keys and certificates. Take one away first.`,
      );
    if (!(await credentials.insert(session, { ...credential, recordId })))
      throw deviceErrors.error('device_enrolled', 'This key or certificate shows a device already.');
    const { device, institution, kind, thumbprint, jwk } = credential;
    const { of, content } = credentialClaim({ ...credential, recordId });
    await audit.append({
      id: recordId,
      type: 'device.enrolled',
      source: 'devices',
      outcome: 'done',
      subject: by,
      device,
      ...(link === undefined ? {} : { references: [link] }),
      standing: [standing(of, content), ...(link === undefined ? [] : [ended(enrolmentThing(device))])],
      data: { device, institution, by: kind, thumbprint, ...(jwk === null ? {} : { jwk }) },
    });
    return recordId;
  }

  async function recordRemoval(
    { id, institution }: Pick<Device, 'id' | 'institution'>,
    by: Actor,
    what: { readonly thumbprints: string[]; readonly links: number; readonly reason: string },
    gone: readonly StoredCredential[] = [],
  ): Promise<void> {
    await audit.append({
      id: newRecordId(),
      type: 'device.removed',
      source: 'devices',
      outcome: 'done',
      subject: by,
      device: id,
      standing: [...gone.map(credentialThing), ...(what.links === 0 ? [] : [enrolmentThing(id)])].map(ended),
      data: { device: id, institution, ...what },
    });
  }

  async function show(code: string): Promise<{ readonly device: Device; readonly challenge: string }> {
    const codeHash = sha256(code);
    const found = codePattern.test(code) ? await enrolments.find(codeHash, now()) : undefined;
    const enrolment =
      found !== undefined && (await standings.holds(enrolmentClaim(found, codeHash))) ? found : undefined;
    const device = enrolment === undefined ? undefined : directory.snapshot().device(enrolment.device);
    if (enrolment === undefined || device?.institution !== enrolment.institution) throw unknownLink();
    return { device, challenge: challenges.make(aboutLink(code)) };
  }

  async function recordRefusal(code: 'device_enrolled' | 'device_proof_wrong', device: string): Promise<void> {
    await audit.append({
      id: newRecordId(),
      type: 'device.refused',
      source: 'devices',
      outcome: 'deny',
      reason: code,
      device,
      data: { at: 'enrolment', by: 'key', device },
    });
  }

  async function refuse(code: 'device_proof_wrong', device: string, internal: string): Promise<never> {
    await recordRefusal(code, device);
    throw deviceErrors.error(code, 'The browser did not show that it holds its key. Load the page again.', {
      internal,
    });
  }

  return {
    async enrolCertificate(id, thumbprint, by) {
      const { institution } = managed(id, by);
      if (!codePattern.test(thumbprint))
        throw deviceErrors.error('device_malformed', 'A thumbprint is the SHA-256 of the certificate in base64url.');
      const credential = {
        device: id,
        institution,
        kind: 'certificate',
        thumbprint,
        jwk: null,
        enrolledAt: now(),
      } as const;
      return { recordId: await transaction(pool, (session) => enrol(session, credential, actorOf(by))) };
    },

    async open(id, by) {
      const { institution } = managed(id, by);
      const code = Buffer.from(random.bytes(32)).toString('base64url');
      const recordId = newRecordId();
      const expiresAt = new Date(clock.now() + settings.enrolmentMs);
      const openedBy = actorOf(by);
      const opened = { device: id, institution, openedBy, recordId, expiresAt };
      const { of, content } = enrolmentClaim(opened, sha256(code));
      await audit.append({
        id: recordId,
        type: 'device.enrolment-opened',
        source: 'devices',
        outcome: 'done',
        subject: openedBy,
        device: id,
        standing: [standing(of, content)],
        data: { device: id, institution, expires_at: toInstant(expiresAt.getTime()) },
      });
      await enrolments.put(sha256(code), opened);
      return { path: `/device/${code}`, expiresAt: toInstant(expiresAt.getTime()), recordId };
    },

    show,

    async register(code, field) {
      const { device } = await show(code);
      const shown = readNewKey(field);
      const brought = shown === undefined ? undefined : keyIn(shown.jwk);
      if (shown === undefined || brought === undefined)
        return refuse('device_proof_wrong', device.id, 'no key was brought');
      if (!challenges.stands(shown.challenge, aboutLink(code)))
        return refuse('device_proof_wrong', device.id, 'the challenge is none of this link, or over');
      if (!signedBy(brought.key, shown.challenge, shown.signature))
        return refuse('device_proof_wrong', device.id, 'the signature is not of the key');
      return transaction(pool, async (session) => {
        const taken = await enrolments.take(session, sha256(code), now());
        if (taken === undefined || !(await standings.holds(enrolmentClaim(taken, sha256(code))))) throw unknownLink();
        const credential = {
          device: taken.device,
          institution: taken.institution,
          kind: 'key',
          thumbprint: brought.key.thumbprint,
          jwk: brought.jwk,
          enrolledAt: now(),
        } as const;
        const recordId = await enrol(session, credential, taken.openedBy, taken.recordId);
        return { device: taken.device, recordId };
      }).catch(async (error: unknown) => {
        if (isCodedError(error, 'device_enrolled')) await recordRefusal('device_enrolled', device.id);
        throw error;
      });
    },

    async remove(id, thumbprint, by, reason) {
      const { institution } = managed(id, by);
      return transaction(pool, async (session) => {
        const held = await credentials.lock(session, id);
        const going = held.filter((each) => thumbprint === undefined || each.thumbprint === thumbprint);
        const thumbprints = going.map((each) => each.thumbprint);
        const links = thumbprint === undefined ? await enrolments.remove(session, [id], now()) : 0;
        if (thumbprints.length + links === 0)
          throw deviceErrors.error('enrolment_unknown', 'The device shows itself by nothing of the kind.');
        await credentials.remove(session, id, thumbprints, now());
        await recordRemoval({ id, institution }, actorOf(by), { thumbprints, links, reason }, going);
        return thumbprints.length + links;
      });
    },

    async closeLinks(devices, by, reason) {
      let ended = 0;
      for (const id of await enrolments.open(devices, now())) {
        const device = directory.snapshot().device(id);
        if (device === undefined) continue;
        await recordRemoval(device, by, { thumbprints: [], links: 1, reason });
        ended += await enrolments.remove(pool, [id], now());
      }
      return ended;
    },
  };
}

const aboutLink = (code: string) => `enrolment ${code}`;
const actorOf = ({ id, institution }: Manager): Actor => ({ id, institution });

function unknownLink() {
  return deviceErrors.error(
    'enrolment_unknown',
    'This link was used already, is over, or is none. Ask whoever gave it to you for a new one.',
  );
}

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

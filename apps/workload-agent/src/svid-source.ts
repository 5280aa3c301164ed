import { type Clock, isCodedError, type Random } from '@countersign/kernel';
import type { AttesterDoor } from './control-plane.ts';
import type { JwtSvid, Svid, SvidState } from './svid.ts';

/** The evidence about a workload, gathered anew for each certificate. */
export interface EvidenceSource {
  /** @param key SHA-256 of the key to certify, base64url; undefined for a token. @throws CodedError `workload_unobservable` */
  gather(key: string | undefined): Promise<readonly object[]>;
  /** A text that changes when the evidence would; cheap enough to compute every few seconds. */
  fingerprint(): Promise<string>;
}

/** Longest wait after refusals, in rounds: five minutes by default. */
const longestWait = 60;

export interface SvidSource {
  state(): SvidState;
  /** Called with each new state until the returned function is called. */
  subscribe(listener: (state: SvidState) => void): () => void;
  /** A JWT-SVID, attested like a certificate. @throws CodedError */
  token(audiences: readonly string[]): Promise<JwtSvid>;
  /** Keys that verify JWT-SVIDs, at most a minute old. @throws CodedError `control_plane_unavailable` */
  tokenKeys(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): void;
}

export interface SvidSourceOptions {
  readonly entry: string;
  readonly door: AttesterDoor;
  readonly evidence: EvidenceSource;
  /** The first certificate, if there is one already. */
  readonly first?: Svid;
  readonly clock: Clock;
  readonly random: Random;
  /** How often standing and evidence are checked, in milliseconds; 5,000 by default. */
  readonly everyMs?: number;
  /** For the log of the agent. */
  readonly note?: (text: string, facts: Readonly<Record<string, string>>) => void;
}

/**
 * Keeps the certificate of one workload: renews it in the second half of its lifetime, ends it as soon as the control
 * plane says so, and asks again when the evidence or the entry changes. While the control plane is unreachable, the current
 * certificate stays until it expires.
 */
export function createSvidSource(options: SvidSourceOptions): SvidSource {
  const { entry, door, evidence, clock, random, everyMs = 5_000, note = () => undefined, first } = options;
  const listeners = new Set<(state: SvidState) => void>();
  let state: SvidState = first === undefined ? { is: 'waiting' } : { is: 'ready', svid: first };
  let renewAt = first === undefined ? 0 : renewalOf(first);
  let seen: string | undefined;
  let keys: readonly Readonly<Record<string, unknown>>[] = [];
  let keysAt = Number.NEGATIVE_INFINITY;
  let retryAt = 0;
  let waitMs = everyMs;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  function become(next: SvidState): void {
    if (next.is === 'ended' && state.is === 'ended' && next.code === state.code && next.detail === state.detail) return;
    state = next;
    for (const listener of [...listeners]) listener(next);
  }

  /** Between 50 and 75 % of the lifetime, so that the workloads of a fleet do not all renew at once. */
  function renewalOf({ notAfter }: Svid): number {
    const now = clock.now();
    const share = 0.5 + 0.25 * ((random.bytes(1)[0] ?? 0) / 255);
    return now + (notAfter - now) * share;
  }

  async function renew(): Promise<void> {
    // Read first, so that a change during the request is seen in the next round.
    seen = await evidence.fingerprint();
    const svid = await door.obtainSvid(entry, evidence.gather);
    renewAt = renewalOf(svid);
    note('certificate obtained', { entry, serial: svid.serial, level: svid.level });
    waitMs = everyMs;
    become({ is: 'ready', svid });
  }

  async function round(): Promise<void> {
    if (state.is === 'ready' && clock.now() >= state.svid.notAfter)
      become({ is: 'ended', code: 'svid_expired', detail: 'The certificate expired and could not be renewed.' });
    const standing =
      state.is === 'waiting'
        ? ({ is: 'active' } as const)
        : await door.readStanding(entry, state.is === 'ready' ? state.svid.attestation : undefined);
    if (standing.is === 'ended') return become(standing);
    if (state.is !== 'ready') {
      // Each refusal is a record, so a refused workload does not ask every few seconds.
      const isDue = clock.now() >= retryAt || (await evidence.fingerprint()) !== seen;
      return isDue ? renew() : undefined;
    }
    const isDue = standing.is === 'renew' || clock.now() >= renewAt;
    if (isDue || (await evidence.fingerprint()) !== seen) await renew();
  }

  async function run(): Promise<void> {
    try {
      await round();
    } catch (error) {
      const { code, detail, category } = isCodedError(error)
        ? error
        : { code: 'agent_failed', detail: String(error), category: 'unavailable' };
      note('no certificate', { entry, code, detail });
      // A refusal ends the current certificate. An unreachable control plane does not.
      if (category === 'forbidden' || category === 'not-found' || code === 'workload_unobservable') {
        retryAt = clock.now() + waitMs;
        waitMs = Math.min(waitMs * 2, everyMs * longestWait);
        become({ is: 'ended', code, detail });
      }
    }
    if (!stopped) timer = setTimeout(run, everyMs);
  }
  void run();

  return {
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    token: async (audiences) => door.obtainToken(entry, audiences, await evidence.gather(undefined)),
    async tokenKeys() {
      if (clock.now() - keysAt >= 60_000) {
        keys = await door.obtainTokenKeys();
        keysAt = clock.now();
      }
      return keys;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      listeners.clear();
    },
  };
}

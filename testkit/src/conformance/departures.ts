import { type Actor, type PrincipalId, parsePrincipalId, type RemoteContract } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { expect, it } from 'vitest';
import type { FixedClock } from '../fixed-clock.ts';
import { suiteOf, type UnderTest } from './suite.ts';

type DepartureContract = Extract<RemoteContract, `${string}-departure`>;

export interface DepartureUnderTest<Name extends DepartureContract> extends UnderTest<Name> {
  readonly clock: FixedClock;
  readonly by: Actor;
  holder(): Promise<PrincipalId>;
  /** Gives one more thing to a principal that has left and returned. */
  giveAgain(principal: PrincipalId): Promise<unknown>;
}

/** For every component that ends something at a departure. */
function departures(made: () => DepartureUnderTest<DepartureContract>): void {
  const leaving = (principal: PrincipalId, at = made().clock.now()) =>
    ({ principal, kind: 'leave', at: toInstant(at), by: made().by, reason: 'A test' }) as const;

  it('ends a leaver’s holdings, once, however often it is called', async () => {
    const { contract, holder } = made();
    const departure = leaving(await holder());
    expect(await contract.end(departure)).toEqual({ ended: 1 });
    expect(await contract.end(departure)).toEqual({ ended: 0 });
  });

  it('keeps what a returned person was given since', async () => {
    const { contract, holder, giveAgain, clock } = made();
    const principal = await holder();
    const departure = leaving(principal);
    await contract.end(departure);
    clock.advance(1_000);
    await giveAgain(principal);
    expect(await contract.end(departure)).toEqual({ ended: 0 });
    clock.advance(1_000);
    expect(await contract.end(leaving(principal))).toEqual({ ended: 1 });
  });

  it('ends nothing of somebody who moves, or who holds nothing', async () => {
    const { contract, holder } = made();
    const principal = await holder();
    expect(await contract.end({ ...leaving(principal), kind: 'move' })).toEqual({ ended: 0 });
    const nobody = parsePrincipalId('person:nobody.here');
    if (nobody === undefined) throw new Error('not a principal');
    expect(await contract.end(leaving(nobody))).toEqual({ ended: 0 });
  });
}

export const describeAuthenticatorsDeparture = suiteOf<
  'authenticators-departure',
  DepartureUnderTest<'authenticators-departure'>
>('authenticators-departure', { end: departures });

export const describeDevicesDeparture = suiteOf<'devices-departure', DepartureUnderTest<'devices-departure'>>(
  'devices-departure',
  { end: departures },
);

export const describeRecoveryDeparture = suiteOf<'recovery-departure', DepartureUnderTest<'recovery-departure'>>(
  'recovery-departure',
  { end: departures },
);

export const describeWorkloadsDeparture = suiteOf<'workloads-departure', DepartureUnderTest<'workloads-departure'>>(
  'workloads-departure',
  { end: departures },
);

export const describeEnrolmentsDeparture = suiteOf<'enrolments-departure', DepartureUnderTest<'enrolments-departure'>>(
  'enrolments-departure',
  { end: departures },
);

export const describeCertificatesDeparture = suiteOf<
  'certificates-departure',
  DepartureUnderTest<'certificates-departure'>
>('certificates-departure', { end: departures });

export const describeLeasesDeparture = suiteOf<'leases-departure', DepartureUnderTest<'leases-departure'>>(
  'leases-departure',
  { end: departures },
);

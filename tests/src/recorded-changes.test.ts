import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

// Every change of stored state must declare a command (docs/adr/0057). Code that records and writes by itself is listed here,
// with the reason.

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders = ['components', 'apps/server'];

/** Appends a record. */
const appending = /\b(?:audit|auditLog|log|evidence)\??\s*\.append\(|\bappendOnce\(/;
/** Opens a transaction, locks a row, or has a store write one. */
const writing =
  /\btransaction\(|\.(?:underLock|underClient|underInstitution|inUnit)\(|(?<!\.)\bkeep\(|\b(?:insert|complete|begin|keep|write|remove|drop|mark)[A-Z]\w*\((?:pool|session|client|unit)\b|\b(?:\w*[sS]tore|history|codes|unit|refreshTokens|deliveries)\.(?:put|insert|update|remove|delete|settle|end|mark|finish|enqueue|advance|release|hold|commit|reopen|acknowledge|drop|exclude|include|issue|rebind|redeem|take|claim|sweep|begin|move|see)\w*\(/;

const byThemselves: Readonly<Record<string, string>> = {
  // State that expires within minutes, and is created again when it was interrupted.
  'components/authentication/src/sessions/sessions.ts':
    'a session: nobody has its secret before its row is there, and an end that is recorded ends it whatever the row says',
  'components/authorization-server/src/authorization-endpoint/authorization-endpoint.ts':
    'the refusal of a request that a page shows: it ends the interaction',
  'components/authorization-server/src/authorization-endpoint/decide.ts':
    'an answer at a redirect URI; the consent behind it is a command that its interaction names',
  'components/authorization-server/src/backchannel-authentication/backchannel-authentication.ts':
    'a request to a person: without its row it is nothing, and the client asks again',
  'components/authorization-server/src/backchannel-authentication/decide-approval.ts':
    'an answer to such a request; the consent behind it is a command that the request names',
  'components/authorization-server/src/pushed-requests/pushed-requests.ts':
    'a pushed request: without its row it is nothing, and the client pushes again',
  // State that decides nothing.
  'components/authentication/src/authenticators/register.ts': 'the name of a key',
  'components/authorization-server/src/grants/refresh-token.ts':
    'the DPoP key of a refresh token, which whoever authenticates as its client may change again',
  'components/event-publisher/src/signals/poll.ts': 'what a receiver could not use: it says so again',
  'components/event-publisher/src/signals/streams.ts': 'which subjects a receiver leaves out of its own stream',
  'components/policy-engine/src/history/simulate.ts': 'the report of a simulation, held by its digest',
  'components/policy-engine/src/shadow/shadow.ts': 'a divergence from the reference engine, noted once',
  'components/directory/src/scim/resources/provision-users.ts':
    'the refusal of a request of a provisioning system; what it changes is a command of the directory',
  // Records of changes made elsewhere, kept until they are delivered.
  'components/authorization-server/src/logout/backchannel-logout.ts': 'how the delivery of a logout token went',
  'components/break-glass/src/break-glass.ts':
    'the token of an emergency: its issue is the record, and its row says which the next one ends; appended here is who was refused it',
  'components/directory/src/departures/carrier.ts':
    'the end of a departure; the id of its record was chosen when it began',
  'components/consent-store/src/sweep.ts':
    'a notice before a mandate ends; the id of its record follows from the mandate',
  'components/notices/src/notices.ts': 'how a notice was delivered; the id of its record was chosen with the notice',
  'components/certificate-authority/src/status/revocation-lists.ts':
    'a revocation list: it follows from the log, and without its row another one is signed',
  'components/secrets/src/leases/leases.ts':
    'who got a credential again, and one that no lease accounts for; leases themselves change by commands',
  'components/secrets/src/secrets.ts':
    'who read a value; values are written once, under their digest, before two people are asked about them',
  'components/time-stamping/src/stamping/stamper.ts': 'a time stamp over a checkpoint',
  // A separate protocol, for the reason in ADR 0057.
  'components/authentication/src/risk/risk.ts': 'signals: a sign-in waits for no look at the log',
  'components/authorization-server/src/registration/registration.ts':
    'who manages a client; the client itself is a change of the directory, reserved before and taken back where it was interrupted',
  'components/devices/src/posture/take-report.ts':
    'one report is of thousands of devices; what is recorded of one counts without its row',
  'components/directory/src/live-graph.ts': 'the graph is one thing of up to 100,000 entities',
  'components/policy-engine/src/applications/written-entities.ts':
    'an entity counts by its record, which carries it where it can be erased',
  'components/policy-engine/src/limits/limits.ts':
    'a hold that was released: reserved before, settled by what became of its transaction',
  'components/policy-engine/src/versions/publish.ts': 'the first version, before there is anybody to propose one',
};

/** Completes its changes from its records with a unit of work of its own (docs/adr/0044). */
const ownUnitOfWork = 'components/transaction-registry/';
/** The log itself. */
const theLog = 'components/audit-log/';

it('no code records a change and writes its row by itself, except what is listed and explained here', () => {
  const found = folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => /\/src\/.*\.ts$/.test(file) && !/\.test\.ts$|\/testing\/|node_modules/.test(file))
    .filter((file) => !file.startsWith(ownUnitOfWork) && !file.startsWith(theLog))
    .filter((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return appending.test(text) && writing.test(text);
    });
  expect(found.toSorted()).toEqual(Object.keys(byThemselves).toSorted());
});

it('the rule recognises such code', () => {
  const source =
    'await transaction(pool, async (session) => { await audit.append(draft); await store.put(session, row); });';
  expect([appending.test(source), writing.test(source)]).toEqual([true, true]);
  expect(appending.test('edge.append(hashes)')).toBe(false);
});

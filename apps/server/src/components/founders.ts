import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Actor, type AuthenticatorRegister, authenticatorErrors, parsePrincipalId } from '@countersign/contracts';
import { writeFileDurably } from '@countersign/runtime';
import type { Configuration } from '../configuration/index.ts';

/** How long a founder's enrolment link is valid. */
const lifeHours = 24;
const folderName = 'founders';

/**
 * Gives each founder who never had a key an enrolment link, in a file of the data folder that only this account can read. The
 * invitation is recorded like any other; a new start invalidates the previous link.
 *
 * @returns lines to print at start; none contains a link
 */
export async function inviteFounders({
  configuration,
  authenticators,
  by,
}: {
  readonly configuration: Pick<Configuration, 'issuer' | 'dataFolder' | 'operator'>;
  readonly authenticators: Pick<AuthenticatorRegister, 'everHad' | 'invite'>;
  readonly by: Actor;
}): Promise<readonly string[]> {
  const { issuer, dataFolder, operator } = configuration;
  const folder = join(dataFolder, folderName);
  const invited: string[] = [];
  for (const { id } of operator.founders ?? []) {
    const person = parsePrincipalId(id);
    if (person === undefined) throw new Error(`a founder who is nobody: ${id}`);
    const file = join(folder, `${person.slice('person:'.length)}.txt`);
    if (await authenticators.everHad(person)) {
      rmSync(file, { force: true });
      continue;
    }
    try {
      const evidence = ['Founder named in the configuration of the installation'];
      const { path, expiresAt } = await authenticators.invite({ person, evidence, lifeHours }, by);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
      writeFileDurably(file, `${issuer}${path}\nFor ${person}, once, until ${expiresAt}\n`, 0o600);
      invited.push(file);
    } catch (error) {
      // The account has since been locked. The person who unlocks it sends a new invitation.
      if (!authenticatorErrors.is(error, 'account_locked')) throw error;
      rmSync(file, { force: true });
    }
  }
  return invited.length === 0
    ? []
    : [
        `Founders without a key: hand each of them the link in their file, which works once within ${lifeHours} hours: ${invited.join(', ')}`,
      ];
}

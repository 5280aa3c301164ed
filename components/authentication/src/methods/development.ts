import {
  type DirectorySnapshot,
  developmentAcr,
  type Institution,
  isInBusiness,
  type Person,
  parsePrincipalId,
} from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { type Html, html } from '@countersign/runtime';
import type { MethodPage, SignInMethod } from './method.ts';

/** More than this would be a page nobody reads; the filter finds the rest. */
const mostShown = 50;
const longestFilter = 100;

/**
 * Lets a person be picked by name. It proves nothing, its class says so, and it exists in development only.
 *
 * @throws CodedError `configuration_unsafe` in any other environment
 */
export function developmentMethod({ environment }: { readonly environment: string }): SignInMethod {
  if (environment !== 'development')
    throw new CodedError({
      code: 'configuration_unsafe',
      category: 'invalid',
      detail:
        'The sign-in method development proves nothing about anybody: it works only where environment is development.',
    });
  return {
    name: 'development',
    acrs: [developmentAcr],
    draw,
    bindsIntents: true,
    async attempt({ fields, directory, need }) {
      const id = parsePrincipalId(fields.get('person'));
      const person = id === undefined ? undefined : directory.principal(id);
      if (person?.kind !== 'person')
        return {
          outcome: 'refused',
          code: 'person_unknown',
          detail: fields.has('person')
            ? 'This person is not in the directory. Choose one from the list.'
            : 'Choose a person from the list first.',
        };
      return {
        outcome: 'shown',
        person: person.id,
        acr: developmentAcr,
        amr: [],
        boundToIntents: need.intents !== undefined,
      };
    },
  };
}

interface Listed {
  readonly person: Person;
  readonly institution: Institution;
}

function draw({ action, hidden, cancel, query, need, directory }: MethodPage): Html {
  const filter = (query.get('find') ?? '').slice(0, longestFilter).trim();
  const hint = need.loginHint === undefined ? undefined : personHinted(need.loginHint);
  const chosen = query.get('person') ?? hint;
  const found = listOf(directory, filter, hint);
  const shown = found.slice(0, mostShown);
  return html`<div class="notice warning"><p><strong>Development sign-in.</strong> You choose a person and prove nothing. This method cannot be switched on outside development.</p></div>
<form method="get" action="${action}" role="search">
<label for="find">Find a person</label>
<div class="row"><div><input type="search" id="find" name="find" value="${filter}" maxlength="${longestFilter}" autocomplete="off" spellcheck="false" aria-describedby="find-hint"></div>
<button type="submit">Filter</button></div>
<p class="hint" id="find-hint">By id, institution, desk or role.</p>
</form>
<form method="post" action="${action}">
${hidden}${filter !== '' && html`<input type="hidden" name="find" value="${filter}">`}
<fieldset>
<legend>Sign in as</legend>
${
  shown.length === 0
    ? html`<p role="status">Nobody in the directory ${filter === '' ? 'can sign in' : html`matches <strong>${filter}</strong>`}.</p>`
    : html`<ul class="choices">${shown.map((listed, index) => choice(listed, index, listed.person.id === chosen))}</ul>
${found.length > shown.length && html`<p class="hint" role="status">${shown.length} of ${found.length} people. Use the filter to find the others.</p>`}`
}
</fieldset>
<div class="actions">
${shown.length > 0 && html`<button class="primary" name="action" value="sign-in">Sign in</button>`}
${cancel}
</div>
</form>`;
}

function choice({ person, institution }: Listed, index: number, chosen: boolean): Html {
  const { desk, roles } = person;
  return html`<li><label class="choice" for="person-${index}">
<input type="radio" name="person" id="person-${index}" value="${person.id}" required${chosen && html` checked`}>
<span><span class="name"><bdi>${person.id.slice('person:'.length)}</bdi></span>
<span class="about"><bdi>${institution.name}</bdi>${desk !== undefined && html` · desk <bdi>${desk}</bdi>`}</span>
${roles.length > 0 && html`<span class="about"><span class="unseen">Roles: </span>${roles.map((role) => html`<span class="tag">${role}</span> `)}</span>`}</span>
</label></li>`;
}

/** A hint may leave the kind out, as people do. */
function personHinted(hint: string): string {
  return hint.startsWith('person:') ? hint : `person:${hint}`;
}

/** Those who may sign in: of an institution that may act. The one who is expected comes first. */
function listOf(directory: DirectorySnapshot, filter: string, hint: string | undefined): readonly Listed[] {
  const wanted = filter.toLowerCase();
  const listed: Listed[] = [];
  for (const person of directory.principals()) {
    if (person.kind !== 'person') continue;
    const institution = directory.institution(person.institution);
    if (institution === undefined || !isInBusiness(institution)) continue;
    const words = [person.id, institution.name, institution.lei, person.desk ?? '', ...person.roles];
    if (wanted === '' || words.some((word) => word.toLowerCase().includes(wanted)))
      listed.push({ person, institution });
  }
  const rank = ({ person, institution }: Listed) =>
    `${person.id === hint ? 0 : 1} ${institution.name} ${institution.lei} ${person.id}`;
  return listed.sort((one, other) => (rank(one) < rank(other) ? -1 : 1));
}

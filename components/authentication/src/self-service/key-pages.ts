import { type AskedStatement, type Authenticator, hardwareAcr } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { ceremonyAttributes, ceremonyFields, type Html, html, inWords } from '@countersign/runtime';
import type { TextContext } from '../page-parts.ts';
import { facts, keysPath, rows, type SignedForm, sectionPage, signedForm } from './drawing.ts';

export function keysPage(
  drawn: TextContext,
  content: { readonly keys: readonly Authenticator[]; readonly done?: string | undefined },
): Html {
  const { texts, lang } = drawn;
  const { keys: words } = texts.selfService;
  const { keys, done } = content;
  return sectionPage(drawn, {
    title: words.title,
    lead: words.lead,
    done,
    body:
      keys.length === 0
        ? html`<p class="notice">${words.none}</p>`
        : html`${keys.length === 1 && html`<p class="notice warning">${words.onlyOne}</p>`}
${rows(
  keys.map((key) => ({
    name: html`<bdi>${key.name}</bdi>`,
    about:
      key.suspendedAt === undefined
        ? html`${kindOf(drawn, key)} · ${words.usedLast(key.lastUsedAt === undefined ? texts.selfService.never : inWords(key.lastUsedAt, lang))}`
        : words.suspended,
    path: `${keysPath}/${key.id}`,
  })),
)}
<div class="actions"><a class="button" href="${keysPath}/add">${words.add}</a></div>`,
  });
}

function kindOf({ texts }: TextContext, { model, acr }: Authenticator): Html {
  const { hardware, ordinary } = texts.selfService.keys;
  return html`${model === undefined ? ordinary : html`<bdi>${model}</bdi>`}${acr === hardwareAcr && html`, ${hardware}`}`;
}

export function keyPage(
  drawn: TextContext,
  content: SignedForm & {
    readonly key: Authenticator;
    readonly isLast: boolean;
    readonly typedName?: string | undefined;
  },
): Html {
  const { texts, lang } = drawn;
  const { keys: words, never } = texts.selfService;
  const { key, path, csrf, asked, isLast, problem, typedName = '' } = content;
  return sectionPage(drawn, {
    title: words.title,
    script: true,
    problem,
    back: { path: keysPath, title: words.title },
    body: html`${key.suspendedAt !== undefined && html`<p class="notice warning">${words.suspended}</p>`}
${facts([
  [words.name, key.name],
  [words.kind, kindOf(drawn, key)],
  [words.registered, inWords(key.registeredAt, lang)],
  [words.lastUsed, key.lastUsedAt === undefined ? never : inWords(key.lastUsedAt, lang)],
])}
<section aria-labelledby="rename"><h2 id="rename">${words.rename}</h2>
<form method="post" action="${path}">
${csrf}<input type="hidden" name="action" value="name">
<label for="name">${words.to}</label>
<input type="text" id="name" name="name" value="${typedName}" required maxlength="60" autocomplete="off">
<div class="actions"><button>${words.renameNext}</button></div>
</form></section>
<section aria-labelledby="remove"><h2 id="remove">${words.remove}</h2>
<p>${isLast ? words.lastOne : words.removeLead}</p>
${
  !isLast &&
  signedForm(drawn, {
    ...{ path, csrf, asked, action: 'remove', confirms: words.removeConfirms },
    ...{ button: words.remove, style: 'refuse' },
  })
}</section>`,
  });
}

/** Signs the new name. */
export function renamePage(
  drawn: TextContext,
  content: SignedForm & { readonly key: Authenticator; readonly name: string },
): Html {
  const { keys: words, sign } = drawn.texts.selfService;
  const { key, name, path, csrf, asked } = content;
  return sectionPage(drawn, {
    title: words.renameTitle,
    script: true,
    back: { path, title: key.name },
    body: html`${facts([
      [words.from, key.name],
      [words.to, name],
    ])}
${signedForm(drawn, {
  ...{ path, csrf, asked, action: 'rename', confirms: words.renameConfirms, button: sign },
  fields: html`<input type="hidden" name="name" value="${name}">`,
})}`,
  });
}

/** Step one: an existing key allows a new one. */
export function addKeyPage(
  drawn: TextContext,
  /** `typedName` for the second step. */
  content: SignedForm & { readonly typedName?: string | undefined },
): Html {
  const { keys: words, sign } = drawn.texts.selfService;
  const { problem, typedName, ...form } = content;
  const fields = typedName === undefined ? undefined : html`<input type="hidden" name="name" value="${typedName}">`;
  return sectionPage(drawn, {
    title: words.add,
    lead: words.addLead,
    script: true,
    problem,
    back: { path: keysPath, title: words.title },
    body: html`<h2>${words.addStep}</h2>
${signedForm(drawn, {
  ...{ ...form, action: 'allow', confirms: words.addConfirms, button: sign },
  ...defined({ fields }),
})}`,
  });
}

/** Step two. */
export function newKeyPage(
  drawn: TextContext,
  content: {
    readonly path: string;
    readonly csrf: Html;
    readonly asked: AskedStatement;
    readonly needsHardware: boolean;
    readonly typedName?: string | undefined;
  },
): Html {
  const { texts, lang } = drawn;
  const { keys: words } = texts.selfService;
  const { path, csrf, asked, needsHardware, typedName = '' } = content;
  return sectionPage(drawn, {
    title: words.add,
    script: true,
    back: { path: keysPath, title: words.title },
    body: html`<h2>${words.newStep}</h2>
<p>${words.newLead} ${needsHardware ? texts.enrolment.hardware : texts.enrolment.any}</p>
<form method="post" action="${path}"${ceremonyAttributes('create', asked.options)}>
${csrf}<input type="hidden" name="handle" value="${asked.handle}"><input type="hidden" name="action" value="register">
<label for="name">${words.name}</label>
<input type="text" id="name" name="name" value="${typedName}" maxlength="60" autocomplete="off" aria-describedby="name-hint">
<p class="hint" id="name-hint">${words.nameHint}</p>
${ceremonyFields(lang)}
<div class="actions"><button class="primary">${words.register}</button></div>
</form>`,
  });
}

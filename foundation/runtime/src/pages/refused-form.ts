import { type CodedError, isCodedError } from '@countersign/kernel';
import { statusOf } from '../http/index.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { type Html, html } from './html.ts';

/** A form that was refused, to be shown again with what was typed. */
export interface RefusedForm {
  readonly error: CodedError;
  /** HTTP status of the page that shows it again. */
  readonly status: number;
  readonly typed: ReadonlyMap<string, string>;
}

/**
 * The refusal of a form that a person can send again; its page shows the form with it (see {@link formFields}). An
 * error names the field at fault as the public fact `field`.
 *
 * @param error rethrown when it is no refusal: our own fault, something unavailable, or a form that is not ours
 */
export function refusedForm(error: unknown, typed: ReadonlyMap<string, string>): RefusedForm {
  if (!isCodedError(error) || error.category === 'unavailable' || error.code === 'form_forged') throw error;
  return { error, status: error.category === 'unauthenticated' ? 403 : statusOf(error), typed };
}

/** How the fields of a form are drawn: empty at first, and as they were typed once the form was refused. */
export interface FormFields {
  /** What was typed into a field. Never ask it for a secret. */
  value(name: string): string;
  /**
   * Attributes of a field: its description, and where it is at fault that it is, and the focus.
   *
   * @param hintId of the hint that describes the field
   */
  attributes(name: string, hintId?: string): Html;
  /** The error of a field, to stand beside it. */
  problem(name: string): Html | undefined;
  /** The error of the whole form, where it names none of these fields; to stand at its beginning. */
  readonly notice: Html | undefined;
}

/**
 * @param options.fields names of the form's fields
 * @param options.detailOf the error in the reader's language; its own detail, in English, when left out
 */
export function formFields(
  refused: RefusedForm | undefined,
  options: {
    readonly fields: readonly string[];
    readonly lang: string;
    readonly detailOf?: (error: CodedError) => string | undefined;
    /** What was typed, of a form that is changed without having been refused. */
    readonly typed?: ReadonlyMap<string, string> | undefined;
  },
): FormFields {
  const { fields, lang, detailOf, typed = refused?.typed } = options;
  const { fieldProblem, formProblem } = (lang === 'de' ? de : en).form;
  const named = refused?.error.facts?.['field'];
  const atFault = fields.find((field) => field === named);
  const words = refused && wordsOf(refused.error);
  return {
    value: (name) => typed?.get(name) ?? '',
    attributes(name, hintId) {
      const wrong = name === atFault;
      const described = [hintId, wrong ? problemId(name) : undefined].filter((id) => id !== undefined).join(' ');
      return html`${described !== '' && html` aria-describedby="${described}"`}${wrong && html` aria-invalid="true" autofocus`}`;
    },
    problem: (name) =>
      name === atFault
        ? html`<p class="field-problem" id="${problemId(name)}"><strong>${fieldProblem}</strong> ${words}</p>`
        : undefined,
    notice:
      refused !== undefined && atFault === undefined
        ? html`<div class="notice problem" role="alert" tabindex="-1" autofocus><p><strong>${formProblem}</strong> ${words}</p></div>`
        : undefined,
  };

  function wordsOf(error: CodedError): Html {
    const translated = detailOf?.(error);
    return html`${translated ?? html`<span lang="en">${error.detail}</span>`} <span class="quiet">(<code>${error.code}</code>)</span>`;
  }
}

function problemId(name: string): string {
  return `${name}-problem`;
}
